//! QFPay keeps a table for each month: a query without a time window looks into the present one only.

use time::macros::{format_description, offset};
use time::{Date, Duration, OffsetDateTime, Time, UtcOffset};

/// The zone of most of QFPay's hosts; others are less than [`SLACK`] away.
const ZONE: UtcOffset = offset!(+8);
/// Clocks differ, zones of hosts too, and an order may be booked a little after its call.
const SLACK: Duration = Duration::hours(5);

/// Where an order may stand that was called at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Months {
    /// In the present month: no window is needed.
    Present,
    /// There, or in an earlier month, whose beginning and end are these.
    Earlier(String, String),
}

impl Months {
    /// For an order that was called at `called`, asked for at `now`.
    pub fn of(called: OffsetDateTime, now: OffsetDateTime) -> Self {
        let (called, now) = ((called - SLACK).to_offset(ZONE), (now + SLACK).to_offset(ZONE));
        if (called.year(), called.month()) >= (now.year(), now.month()) {
            return Self::Present;
        }
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let text = |day: u8, time: Time| {
            let date = Date::from_calendar_date(called.year(), called.month(), day);
            date.ok().and_then(|date| date.with_time(time).format(format).ok())
        };
        let last = called.month().length(called.year());
        match (text(1, Time::MIDNIGHT), text(last, Time::MAX)) {
            (Some(begin), Some(end)) => Self::Earlier(begin, end),
            _ => Self::Present,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Month;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_order_of_the_last_minutes_of_a_month_is_looked_for_in_both() {
        let earlier = |begin: &str, end: &str| Months::Earlier(begin.to_owned(), end.to_owned());
        let called = datetime!(2026-01-31 23:59:50 +8);
        assert_eq!(
            Months::of(called, datetime!(2026-02-01 00:00:05 +8)),
            earlier("2026-01-01 00:00:00", "2026-01-31 23:59:59")
        );
        assert_eq!(
            Months::of(datetime!(2026-03-01 00:10 +8), datetime!(2026-03-01 00:11 +8)),
            earlier("2026-02-01 00:00:00", "2026-02-28 23:59:59")
        );
        assert_eq!(
            Months::of(datetime!(2025-12-31 16:30 UTC), datetime!(2026-01-01 00:00 UTC)),
            earlier("2025-12-01 00:00:00", "2025-12-31 23:59:59")
        );
        let middle = datetime!(2026-01-15 12:00 +8);
        assert_eq!(Months::of(middle, middle + Duration::minutes(10)), Months::Present);
    }

    #[test]
    fn every_month_has_its_last_day() {
        for (month, last) in [(Month::February, 29), (Month::April, 30), (Month::December, 31)] {
            assert_eq!(month.length(2028), last);
        }
    }
}
