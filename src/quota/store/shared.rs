//! One app's part of the store: what it is called there, and what this sidecar knows of it without Redis.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::Rates;
use super::super::local::Local;

/// One app's quota, and what applies here while Redis is away.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) key: String,
    pub(super) rates: Rates,
    /// After how long without a call its hash says nothing any more.
    pub(super) forget: Duration,
    /// The rates of this sidecar alone.
    pub(super) alone: Rates,
    pub(super) fallback: Mutex<Local>,
    /// When everything that this sidecar let go will have come back at its own share's pace. Several sidecars that forget
    /// at the pace of the whole would forget too fast.
    pub(super) used_until: Mutex<Instant>,
}

impl Shared {
    pub(super) fn used_one(&self) {
        let (now, alone) = (Instant::now(), self.alone.all);
        let mut until = lock(&self.used_until);
        *until = ((*until).max(now) + alone.period).min(now + alone.period * self.rates.all.burst);
    }

    /// Redis is lost: what other sidecars sent in this very second is not known any more.
    pub(super) fn begins_used_up(&self) {
        *lock(&self.fallback) = Local::empty(self.alone);
    }

    /// What of it has not come back yet, as a time at the pace of the whole.
    pub(super) fn owed(&self) -> Duration {
        let left = lock(&self.used_until).saturating_duration_since(Instant::now());
        left.mul_f64(self.rates.all.period.as_secs_f64() / self.alone.all.period.as_secs_f64())
    }
}

/// Nothing panics while one of these is held.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
