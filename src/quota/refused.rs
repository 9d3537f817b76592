//! Why a call may not go, and when to come again.

use std::time::Duration;

/// Why a call may not go now. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bucket is empty, and would be for longer than `quota.max_wait_ms`.
    #[error(
        "app {app} has used up its quota, quota.per_second and quota.per_minute{}; the next call may go in {} ms, and \
         quota.max_wait_ms is shorter", share(*.moves_money), .wait.as_millis()
    )]
    Exceeded {
        /// The app's name.
        app: String,
        /// Whether it moves money; else `quota.reserved_percent` was not for it.
        moves_money: bool,
        /// After how long it is worth trying again.
        wait: Duration,
    },
    /// QFPay answered 429 to an earlier call.
    #[error(
        "QFPay answered 429 to a call of app {app}, whose {} pause for {} ms more", calls(*.moves_money), .wait.as_millis()
    )]
    Paused {
        /// The app's name.
        app: String,
        /// Whether it is the pause of payments.
        moves_money: bool,
        /// How long the pause still is.
        wait: Duration,
    },
    /// The same, and one payment has gone ahead whose answer was not there within `quota.max_wait_ms`.
    #[error(
        "QFPay answered 429 to a call of app {app}; one payment has gone ahead, and its answer was not there within \
         quota.max_wait_ms"
    )]
    Behind {
        /// The app's name.
        app: String,
        /// After how long the next payment goes ahead.
        wait: Duration,
    },
}

fn share(moves_money: bool) -> &'static str {
    if moves_money { "" } else { ", without the part that quota.reserved_percent keeps for payments" }
}

/// Which calls, for people.
pub(super) fn calls(moves_money: bool) -> &'static str {
    if moves_money { "payments" } else { "calls that move no money" }
}

impl Refused {
    /// After how many whole seconds it is worth trying again, at least 1.
    pub fn retry_after(&self) -> u64 {
        let (Self::Exceeded { wait, .. } | Self::Paused { wait, .. } | Self::Behind { wait, .. }) = self;
        (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
    }
}
