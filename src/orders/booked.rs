//! Whether a row was booked before a call: an earlier try with the same number that failed says nothing of a later one.

use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::known::Known;

/// So far clocks differ, and so long a call may have been on its way when it ended in doubt.
const SLACK: Duration = Duration::minutes(5);
/// A row has a local time and no zone: UTC or one of QFPay's hosts, in hours.
const ZONES: [i64; 5] = [0, 4, 7, 8, 9];

/// Whether what is known is that an earlier call failed, or was reversed or closed, and nothing of one that ended at `called`.
pub(super) fn is_of_earlier_call(known: &Known, called: OffsetDateTime) -> bool {
    known.state.is_negative()
        && known.booked.is_some_and(|booked| is_earlier(booked, called, OffsetDateTime::now_utc()))
}

/// In no zone it was booked since the call. One that is older by just as much as two zones differ is taken for the call's.
fn is_earlier(booked: PrimitiveDateTime, called: OffsetDateTime, now: OffsetDateTime) -> bool {
    let since = (called - SLACK)..=(now + SLACK);
    !ZONES.iter().any(|&hours| since.contains(&(booked.assume_utc() - Duration::hours(hours))))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_row_is_of_the_call_if_it_is_so_in_any_zone() {
        let called = datetime!(2026-01-31 12:00 UTC);
        let now = called + Duration::minutes(2);
        let earlier = |booked| is_earlier(booked, called, now);
        for fresh in [
            datetime!(2026-01-31 20:00:10),
            datetime!(2026-01-31 19:56:00),
            datetime!(2026-01-31 21:02:00),
            datetime!(2026-01-31 12:01:00),
        ] {
            assert!(!earlier(fresh), "{fresh}");
        }
        for old in [
            datetime!(2026-01-31 19:40:00),
            datetime!(2026-01-31 11:40:00),
            datetime!(2026-01-30 20:00:00),
            datetime!(2026-01-31 10:00:00),
        ] {
            assert!(earlier(old), "{old}");
        }
    }
}
