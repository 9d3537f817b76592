//! Why a call may not go, and when to come again.

use std::time::Duration;

/// Why a call may not go now. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bucket is empty, and would be for longer than `quota.max_wait_ms`.
    #[error(
        "app {app} has used up its quota, quota.per_second and quota.per_minute{}; the next call may go in {} ms, and \
         quota.max_wait_ms is shorter", share(*.reads), .wait.as_millis()
    )]
    Exceeded {
        /// The app's name.
        app: String,
        /// Whether the call only reads, so that `quota.reserved_percent` was not for it.
        reads: bool,
        /// After how long it is worth trying again.
        wait: Duration,
    },
    /// QFPay answered 429 to an earlier call.
    #[error("QFPay answered 429 to a call of app {app}, whose calls pause for {} ms more", .wait.as_millis())]
    Paused {
        /// The app's name.
        app: String,
        /// How long the pause still is.
        wait: Duration,
    },
}

fn share(reads: bool) -> &'static str {
    if reads { ", without the part that quota.reserved_percent keeps for payments" } else { "" }
}

impl Refused {
    /// After how many whole seconds it is worth trying again, at least 1.
    pub fn retry_after(&self) -> u64 {
        let (Self::Exceeded { wait, .. } | Self::Paused { wait, .. }) = self;
        (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
    }
}
