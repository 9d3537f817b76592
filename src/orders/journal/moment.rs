//! Moments as they stand in the file.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// A moment as it stands in the file: UTC, of one length, so that texts are in the order of time.
pub fn text_of(moment: OffsetDateTime) -> String {
    let moment = moment.to_utc();
    let (date, time) = (moment.date(), moment.time());
    let mut text = String::with_capacity("2026-01-31T12:00:00.000Z".len());
    // Digit by digit: each row has one, and a general format costs as much as its digest.
    let mut number = |value: u32, digits: u32, behind: char| {
        (0..digits).rev().for_each(|at| text.push(char::from(b'0' + (value / 10u32.pow(at) % 10) as u8)));
        text.push(behind);
    };
    number(date.year().unsigned_abs(), 4, '-');
    number(u32::from(u8::from(date.month())), 2, '-');
    number(date.day().into(), 2, 'T');
    number(time.hour().into(), 2, ':');
    number(time.minute().into(), 2, ':');
    number(time.second().into(), 2, '.');
    number(time.millisecond().into(), 3, 'Z');
    text
}

/// The text of a moment. Rows of one commit mostly have the same one.
#[derive(Debug, Default)]
pub(super) struct Clock {
    millisecond: Option<u128>,
    text: String,
}

impl Clock {
    pub(super) fn text_of(&mut self, moment: SystemTime) -> &str {
        let millisecond = moment.duration_since(UNIX_EPOCH).ok().map(|since| since.as_millis());
        if millisecond.is_none() || self.millisecond != millisecond {
            (self.millisecond, self.text) = (millisecond, text_of(moment.into()));
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_one_length() {
        assert_eq!(text_of(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        // date -u -d @1769860805.0425 +%FT%T.%3NZ
        let moment = OffsetDateTime::from_unix_timestamp_nanos(1_769_860_805_042_500_000).unwrap();
        assert_eq!(text_of(moment), "2026-01-31T12:00:05.042Z");
        let mut clock = Clock::default();
        for moment in [moment, moment, OffsetDateTime::UNIX_EPOCH, moment + time::Duration::milliseconds(1)] {
            assert_eq!(clock.text_of(moment.into()), text_of(moment));
        }
    }
}
