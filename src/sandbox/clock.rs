//! QFPay's date format: `YYYY-MM-DD hh:mm:ss`, in UTC+8.

use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime};

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// Now, as QFPay prints `sysdtm`.
pub(super) fn now() -> String {
    after(Duration::ZERO)
}

/// The time in a while.
pub(super) fn after(wait: Duration) -> String {
    let now = (OffsetDateTime::now_utc() + wait).to_offset(offset!(+8));
    // All components of the format exist in every date, so printing cannot fail.
    now.format(FORMAT).unwrap_or_default()
}

/// Whether a text is a date as QFPay wants it.
pub(super) fn is_date(text: &str) -> bool {
    PrimitiveDateTime::parse(text, FORMAT).is_ok()
}
