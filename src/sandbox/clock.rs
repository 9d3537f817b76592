//! The sandbox's clock: QFPay's date format, in UTC+8, and a hand that tests can turn forward.
//!
//! All that waits in the sandbox waits by this clock: late answers, rows that appear later, repeats of notifications,
//! codes that expire, the windows of the quota.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::sync::watch;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// How far the clock can be turned in all: longer than anything of QFPay's lasts, and every date keeps four digits.
pub(super) const FARTHEST: Duration = Duration::from_secs(400 * 86_400);

/// The time of the sandbox.
#[derive(Debug)]
pub(super) struct Clock {
    /// How far it is ahead of the machine's.
    ahead: watch::Sender<Duration>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { ahead: watch::Sender::new(Duration::ZERO) }
    }
}

impl Clock {
    /// Now, as QFPay prints `sysdtm`.
    pub(super) fn now(&self) -> String {
        self.after(Duration::ZERO)
    }

    /// The time in a while.
    pub(super) fn after(&self, wait: Duration) -> String {
        let now = (OffsetDateTime::now_utc() + self.ahead() + wait).to_offset(offset!(+8));
        // All components of the format exist in every date, so printing cannot fail.
        now.format(FORMAT).unwrap_or_default()
    }

    /// Now, for measuring.
    pub(super) fn instant(&self) -> Instant {
        Instant::now() + self.ahead()
    }

    /// How far the clock was turned.
    pub(super) fn ahead(&self) -> Duration {
        *self.ahead.borrow()
    }

    /// Turns it forward; whatever waits for the time that is skipped comes now. False, and nothing, beyond [`FARTHEST`].
    pub(super) fn turn(&self, by: Duration) -> bool {
        self.ahead.send_if_modified(|ahead| match ahead.checked_add(by) {
            Some(sum) if sum <= FARTHEST => {
                *ahead = sum;
                true
            }
            _ => false,
        })
    }

    /// The machine's time again. What waits goes on waiting for what was left.
    pub(super) fn set_back(&self) {
        self.ahead.send_replace(Duration::ZERO);
    }

    /// To wait by this clock without keeping it alive. Turns are seen from here on.
    pub(super) fn waiting(&self) -> Waiting {
        let ahead = self.ahead.subscribe();
        let seen = *ahead.borrow();
        Waiting { ahead, seen }
    }
}

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// QFPay's date.
    pub at: String,
    /// For people.
    pub what: String,
    /// Its place among all that happened: see [`place`].
    pub place: u64,
}

impl Event {
    pub(super) fn new(at: &str, what: impl Into<String>) -> Self {
        Self { at: at.to_owned(), what: what.into(), place: place() }
    }
}

/// Counts up, so that what happened within one second has an order.
pub(super) fn place() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Somebody who waits.
pub(super) struct Waiting {
    ahead: watch::Receiver<Duration>,
    seen: Duration,
}

impl Waiting {
    /// From now on: turns before this count no more.
    pub(super) fn mark(&mut self) {
        self.seen = *self.ahead.borrow_and_update();
    }

    /// Returns when this much time has passed by the clock, or when the clock is gone. Turns since the last mark count.
    pub(super) async fn sleep(&mut self, wait: Duration) {
        let mut end = tokio::time::Instant::now() + wait;
        loop {
            let ahead = *self.ahead.borrow_and_update();
            // A clock that was set back turned by nothing.
            match end.checked_sub(ahead.saturating_sub(self.seen)) {
                Some(earlier) => end = earlier,
                None => return,
            }
            self.seen = ahead;
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                changed = self.ahead.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// Whether a text is a date as QFPay wants it.
pub(super) fn is_date(text: &str) -> bool {
    PrimitiveDateTime::parse(text, FORMAT).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_wakes_what_waits_for_that_time_and_nothing_else() {
        let clock = Clock::default();
        let (mut minute, mut hour) = (clock.waiting(), clock.waiting());
        assert!(clock.turn(Duration::from_secs(60)));
        tokio::time::timeout(Duration::from_secs(5), minute.sleep(Duration::from_secs(60))).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(50), hour.sleep(Duration::from_secs(3600)));
        assert!(early.await.is_err());
        assert!(!clock.turn(FARTHEST) && !clock.turn(Duration::MAX));
        assert_eq!(clock.ahead(), Duration::from_secs(60), "a turn too far is none");
        clock.set_back();
        assert_eq!(clock.ahead(), Duration::ZERO);
    }

    #[tokio::test]
    async fn who_waits_is_let_go_when_the_clock_is_gone() {
        let mut waiting = Clock::default().waiting();
        tokio::time::timeout(Duration::from_secs(5), waiting.sleep(Duration::from_secs(3600))).await.unwrap();
    }
}
