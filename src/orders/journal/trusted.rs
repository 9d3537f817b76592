//! The time by which rows are old: a clock that is wrong for a moment must not cost the whole journal.

use std::time::Instant;

use time::{Duration, OffsetDateTime};

/// So far the clock may be ahead of what is expected, as after a day without the sidecar. One that stays ahead for so long is believed.
const SLACK: Duration = Duration::DAY;

/// The system's clock, as far as it goes on from a moment that was believed.
#[derive(Debug)]
pub(super) struct TrustedClock {
    believed: (OffsetDateTime, Instant),
    ahead_since: Option<Instant>,
}

impl TrustedClock {
    /// Believes this moment, that of the newest row.
    pub(super) fn from(newest: OffsetDateTime) -> Self {
        Self { believed: (newest, Instant::now()), ahead_since: None }
    }

    /// The time, unless the clock is far ahead.
    pub(super) fn now(&mut self) -> Option<OffsetDateTime> {
        self.judge(OffsetDateTime::now_utc(), Instant::now())
    }

    fn judge(&mut self, told: OffsetDateTime, now: Instant) -> Option<OffsetDateTime> {
        let (moment, since) = self.believed;
        let expected = moment + (now - since);
        if told - expected > SLACK {
            let ahead_since = *self.ahead_since.get_or_insert_with(|| {
                let days = (told - expected).whole_days();
                tracing::warn!(
                    days,
                    "the clock is far ahead of the newest row of the journal: no row is taken out for its age within the next day"
                );
                now
            });
            if now - ahead_since < SLACK {
                return None;
            }
        }
        (self.believed, self.ahead_since) = ((told, now), None);
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_ahead_is_believed_after_a_day_only() {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::weeks(3000);
        let begin = Instant::now();
        let at = |after: Duration| begin + after.unsigned_abs();
        let mut clock = TrustedClock { believed: (start, begin), ahead_since: None };
        let hour = Duration::HOUR;
        assert_eq!(clock.judge(start + 20 * hour, at(hour)), Some(start + 20 * hour));
        let wrong = start + Duration::weeks(150);
        assert_eq!(clock.judge(wrong, at(2 * hour)), None);
        assert_eq!(clock.judge(wrong + hour, at(3 * hour)), None);
        // Right again, and back.
        assert_eq!(clock.judge(start + 22 * hour, at(3 * hour)), Some(start + 22 * hour));
        assert_eq!(clock.judge(start, at(4 * hour)), Some(start));
        // It stays ahead.
        assert_eq!(clock.judge(wrong, at(5 * hour)), None);
        assert_eq!(clock.judge(wrong + 23 * hour, at(28 * hour)), None);
        assert_eq!(clock.judge(wrong + 24 * hour, at(29 * hour)), Some(wrong + 24 * hour));
        assert_eq!(clock.judge(wrong + 25 * hour, at(30 * hour)), Some(wrong + 25 * hour));
    }
}
