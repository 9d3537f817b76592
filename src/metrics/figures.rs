//! A few sums over all calls, for people: the status that the service manager shows.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sums since the start.
#[derive(Debug, Default)]
pub(super) struct Sums {
    answered: AtomicU64,
    unknown: AtomicU64,
}

/// The sums at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Calls that are being worked on.
    pub in_flight: i64,
    /// Calls that were answered, by QFPay or by the sidecar.
    pub answered: u64,
    /// Those of them of which it is not known whether QFPay has them.
    pub unknown: u64,
}

impl Sums {
    pub fn answered(&self, delivery: &str) {
        self.answered.fetch_add(1, Relaxed);
        if delivery == "unknown" {
            self.unknown.fetch_add(1, Relaxed);
        }
    }

    pub fn at(&self, in_flight: i64) -> Figures {
        Figures { in_flight, answered: self.answered.load(Relaxed), unknown: self.unknown.load(Relaxed) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { in_flight, answered, unknown } = self;
        write!(
            f,
            "{in_flight} calls in flight, {answered} answered, {unknown} of them with an unknown delivery"
        )
    }
}
