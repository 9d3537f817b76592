//! The settings of the quota.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::address::StoreAddress;
use crate::settings::{TIME, section};

section! {
    /// How many calls an app may send, and what becomes of the others.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// Calls per app and second; 0 is unlimited.
        pub per_second: u32 = number("quota.per_second", "calls", 0..=100_000),
        /// Calls per app and minute; 0 is unlimited.
        pub per_minute: u32 = number("quota.per_minute", "calls", 0..=1_000_000),
        /// The part that is kept for calls that move money, in percent; of places in flight too.
        pub reserved_percent: u32 = number("quota.reserved_percent", "percent", 0..=90),
        /// How long a call may wait for its turn. Longer, and callers would have given up before their payment was sent.
        pub max_wait: Duration = milliseconds("quota.max_wait_ms", 0..=30_000),
        /// The first pause after QFPay's 429; zero turns pauses off.
        pub pause: Duration = milliseconds("quota.pause_ms", 0..=600_000),
        /// The longest pause of what moves no money, whatever QFPay says.
        pub pause_max: Duration = milliseconds("quota.pause_max_ms", TIME),
    }
}

/// A Redis in which several sidecars count together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where it is.
    pub address: StoreAddress,
    /// What it asks for, if it does.
    pub password: Option<StorePassword>,
    /// How long a call waits for it at most.
    pub timeout: Duration,
    /// The part of the quota that applies here while it is away, in percent.
    pub local_percent: u32,
}

/// What Redis asks for. Never printed; wiped here, but not where the client library keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct StorePassword(Zeroizing<String>);

impl From<Zeroizing<String>> for StorePassword {
    fn from(password: Zeroizing<String>) -> Self {
        Self(password)
    }
}

impl StorePassword {
    /// The password, for the client library only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StorePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}
