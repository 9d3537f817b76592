//! A moment as people write it: a day, a time, or how long ago.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

use super::Stop;
use crate::orders::journal::text_of;

/// The moment as the journal writes moments.
pub(super) fn parse(text: &str) -> Result<String, Stop> {
    moment(text, OffsetDateTime::now_utc()).map(text_of).ok_or_else(|| {
        Stop::Usage(format!(
            "--since {}: write a day (2026-01-31, in UTC), a time (2026-01-31T12:00:00Z, or with +08:00), or how long ago \
             (90m, 36h, 7d)",
            text.escape_default()
        ))
    })
}

fn moment(text: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(time.to_offset(time::UtcOffset::UTC));
    }
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Some(day.midnight().assume_utc());
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = i64::from(number.parse::<u32>().ok()?);
    let ago = match unit {
        "m" => Duration::minutes(number),
        "h" => Duration::hours(number),
        "d" => Duration::days(number),
        _ => return None,
    };
    now.checked_sub(ago)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_spans_are_understood() {
        let now = OffsetDateTime::parse("2026-02-01T00:30:00Z", &Rfc3339).unwrap();
        for (text, expected) in [
            ("2026-01-31", Some("2026-01-31T00:00:00.000Z")),
            ("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00.000Z")),
            ("2026-01-31T12:00:00.5+08:00", Some("2026-01-31T04:00:00.500Z")),
            ("45m", Some("2026-01-31T23:45:00.000Z")),
            ("36h", Some("2026-01-30T12:30:00.000Z")),
            ("7d", Some("2026-01-25T00:30:00.000Z")),
            ("", None),
            ("d", None),
            ("7", None),
            ("-7d", None),
            ("7é", None),
            ("4294967295d", None),
            ("31.1.2026", None),
        ] {
            assert_eq!(moment(text, now).map(text_of).as_deref(), expected, "{text}");
        }
    }
}
