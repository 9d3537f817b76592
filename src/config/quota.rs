//! The `[quota]` section: how many calls an app may send, who waits how long, and where the count is kept.

mod address;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::keys;
use super::raw::Raw;
pub use address::{BadStore, StoreAddress, StoreHost};

/// How many calls an app may send, and what becomes of the others.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Calls per app and second; 0 is unlimited.
    pub per_second: u32,
    /// Calls per app and minute; 0 is unlimited.
    pub per_minute: u32,
    /// The part that is kept for calls that move money, in percent; of places in flight too.
    pub reserved_percent: u32,
    /// How long a call may wait for its turn.
    pub max_wait: Duration,
    /// The first pause after QFPay's 429; zero turns pauses off.
    pub pause: Duration,
    /// The longest pause of what moves no money, whatever QFPay says.
    pub pause_max: Duration,
    /// Where several sidecars count together; nothing when each counts for itself.
    pub store: Option<QuotaStore>,
}

/// A Redis in which several sidecars count together.
#[derive(Clone, Debug)]
pub struct QuotaStore {
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
#[derive(Clone)]
pub struct StorePassword(Zeroizing<String>);

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

/// Reads the section.
pub(super) fn quota(raw: &mut Raw) -> Option<Quota> {
    let per_second = raw.number("quota.per_second", "calls", 0..=100_000);
    let per_minute = raw.number("quota.per_minute", "calls", 0..=1_000_000);
    let reserved_percent = raw.number("quota.reserved_percent", "percent", 0..=90);
    // Longer, and callers would have given up before their payment was sent.
    let max_wait = raw.number("quota.max_wait_ms", "milliseconds", 0..=30_000);
    let pause = raw.number("quota.pause_ms", "milliseconds", 0..=600_000);
    let pause_max = raw.milliseconds("quota.pause_max_ms");
    let store = store(raw);
    if let (Some(pause), Some(longest)) = (pause, pause_max)
        && Duration::from_millis(pause) > longest
    {
        let place = raw.place("quota.pause_max_ms");
        raw.problem(
            "quota.pause_ms",
            format!("this is longer than quota.pause_max_ms ({place}), the longest pause"),
        );
    }
    if per_second == Some(0) && per_minute == Some(0) && matches!(store, Some(Some(_))) {
        let places = (raw.place("quota.per_second"), raw.place("quota.per_minute"));
        let what = format!(
            "there is nothing to share: quota.per_second ({}) and quota.per_minute ({}) are both 0; leave this empty, or \
             set one of them",
            places.0, places.1
        );
        raw.problem("quota.store", what);
    }
    let small = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    Some(Quota {
        per_second: small(per_second)?,
        per_minute: small(per_minute)?,
        reserved_percent: small(reserved_percent)?,
        max_wait: Duration::from_millis(max_wait?),
        pause: Duration::from_millis(pause?),
        pause_max: pause_max?,
        store: store?,
    })
}

/// The outer `None` is a problem.
fn store(raw: &mut Raw) -> Option<Option<QuotaStore>> {
    let key = "quota.store";
    let text = raw.text(key);
    let file = raw.text("quota.store_password_file");
    let timeout = raw.number("quota.store_timeout_ms", "milliseconds", 1..=10_000);
    let local_percent = raw.number("quota.local_percent", "percent", 1..=100);
    let (text, file, timeout, local_percent) = (text?, file?, timeout?, local_percent?);
    if text.is_empty() {
        if !file.is_empty() {
            let what = "this is the password of quota.store, which is empty; name the Redis there, or leave both empty";
            raw.problem("quota.store_password_file", what);
            return None;
        }
        return Some(None);
    }
    let address = StoreAddress::parse(&text).map_err(|bad| raw.problem(key, bad.to_string())).ok();
    let password = match file.is_empty() {
        true => Some(None),
        false => password(&file).map(Some).map_err(|bad| raw.problem("quota.store_password_file", bad)).ok(),
    };
    Some(Some(QuotaStore {
        address: address?,
        password: password?,
        timeout: Duration::from_millis(timeout),
        local_percent: u32::try_from(local_percent).ok()?,
    }))
}

/// Read as key files are: private, small, one line.
fn password(file: &str) -> Result<StorePassword, String> {
    let content = keys::secret_file(Path::new(file), &shown_path(file))?;
    let text = std::str::from_utf8(&content).map_err(|_| "the password in this file is not UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() || text.contains(char::is_control) {
        true => Err("this file must hold the password and nothing else, in one line".to_owned()),
        false => Ok(StorePassword(Zeroizing::new(text.to_owned()))),
    }
}

/// The name of a password file, if it is one for sure: somebody may have pasted the password itself.
pub(super) fn shown_path(file: &str) -> String {
    match file.starts_with(['/', '.']) {
        true => super::errors::shown_source(file),
        false => "(not shown, it could be the password itself; begin paths with / or ./)".to_owned(),
    }
}
