//! What became of an order, by QFPay's own row of it: one table, and no code is taken for a failure that is not in it.
//!
//! Sources: the status codes and the field `cancel` of CAM and GLOB (docs/orders.md prints the table). Codes appear and
//! change their meaning, so whatever is not listed is [`State::Pending`]: a shop that asks again loses a minute, one that takes
//! a paid order for a failed one loses the money.

use super::row::Row;
use crate::respcd;

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Paid; of a pre-authorisation, the money is held. Final for the payment, not for refunds after it.
    Paid,
    /// Paid, and given back in full; of a refund, it is done.
    Refunded,
    /// Paid, and given back in part.
    PartlyRefunded,
    /// QFPay has it, and says neither that it is paid nor that it never will be.
    Pending,
    /// Cancelled before or after it was paid; what was paid went back.
    Reversed,
    /// Closed or expired before it was paid.
    Closed,
    /// Refused for good, by a code of [`FAILURES`].
    Failed,
    /// A call with this number is on its way, and QFPay shows no row yet.
    InFlight,
    /// Nothing is known. Never "not paid": a row may appear late.
    Unknown,
}

/// The codes of a row after which the payer cannot pay it any more: no money, a code that is wrong or expired, an account that
/// may not, refused by the channel.
pub const FAILURES: [&str; 6] = ["1201", "1202", "1203", "1205", "1212", "2005"];

/// The order is closed (CAM), or expired before it was paid.
const CLOSED: [&str; 2] = ["1142", "1181"];

/// It was cancelled.
const REVERSED: &str = "1263";

impl State {
    /// The name in answers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Refunded => "refunded",
            Self::PartlyRefunded => "partly_refunded",
            Self::Pending => "pending",
            Self::Reversed => "reversed",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::InFlight => "in_flight",
            Self::Unknown => "unknown",
        }
    }

    /// Whether asking again brings nothing new about the payment.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InFlight | Self::Unknown)
    }

    /// Whether it says that no money is the shop's.
    pub fn is_negative(self) -> bool {
        matches!(self, Self::Reversed | Self::Closed | Self::Failed)
    }

    /// The state of one row. One of a full page says nothing negative: the row of the money may stand on the next.
    pub fn of(row: &Row<'_>) -> Self {
        let state = Self::of_row(row);
        if state.is_negative() && row.is_of_full_page { Self::Pending } else { state }
    }

    fn of_row(row: &Row<'_>) -> Self {
        match row.respcd.as_deref() {
            Some(respcd::SUCCESS) if row.is_refund => Self::Refunded,
            Some(respcd::SUCCESS) => match row.cancel.as_deref() {
                None | Some("" | "0") => Self::Paid,
                Some("1") => Self::Reversed,
                Some("2") => Self::Closed,
                Some("3") => Self::Refunded,
                Some("5") => Self::PartlyRefunded,
                // 4 is a pre-authorisation that ended, by capture or by release; others are new.
                Some(_) => Self::Pending,
            },
            Some(code) if FAILURES.contains(&code) => Self::Failed,
            Some(code) if CLOSED.contains(&code) => Self::Closed,
            Some(REVERSED) => Self::Reversed,
            _ => Self::Pending,
        }
    }

    /// Which of two rows of one order tells more: one says that money moved, the other may be an attempt that failed.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Paid | Self::PartlyRefunded | Self::Refunded => 5,
            Self::Pending => 4,
            Self::Reversed => 3,
            Self::Closed => 2,
            Self::Failed => 1,
            Self::InFlight | Self::Unknown => 0,
        }
    }

    /// A `respcd` for shops that read nothing else: only money that is the shop's to keep is `0000`. `row` is QFPay's.
    pub fn respcd(self, row: Option<&str>) -> &str {
        // A shop that compares loosely, as PHP does, takes "0", "00" and " 0000" for "0000".
        let is_told =
            |row: &&str| row.len() == 4 && row.bytes().all(|b| b.is_ascii_digit()) && *row != respcd::SUCCESS;
        let unless_success = |code| row.filter(is_told).unwrap_or(code);
        match self {
            Self::Paid | Self::PartlyRefunded => respcd::SUCCESS,
            Self::Refunded => "1262",
            Self::Reversed => REVERSED,
            Self::Closed => CLOSED[0],
            Self::Failed => unless_success("1205"),
            Self::Pending => unless_success("1145"),
            Self::InFlight => "1145",
            Self::Unknown => respcd::MAY_HAVE_BEEN_PAID,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Number, find};
    use super::*;

    fn state(fields: &str) -> State {
        let body = format!(r#"{{"respcd": "0000", "data": [{{"out_trade_no": "A", {fields}}}]}}"#);
        State::of(&find(body.as_bytes(), &Number::out_trade_no("A")).unwrap().unwrap())
    }

    #[test]
    fn the_table() {
        use State::{Closed, Paid, PartlyRefunded, Pending, Refunded, Reversed};
        for (fields, expected) in [
            (r#""respcd": "0000", "cancel": "0""#, Paid),
            (r#""respcd": "0000""#, Paid),
            (r#""respcd": "0000", "cancel": """#, Paid),
            (r#""respcd": "0000", "cancel": null"#, Paid),
            (r#""respcd": "0000", "cancel": 0"#, Paid),
            (r#""respcd": "0000", "cancel": "1""#, Reversed),
            (r#""respcd": "0000", "cancel": "2""#, Closed),
            (r#""respcd": "0000", "cancel": "3""#, Refunded),
            (r#""respcd": "0000", "cancel": 3"#, Refunded),
            (r#""respcd": "0000", "cancel": "4""#, Pending),
            (r#""respcd": "0000", "cancel": "5""#, PartlyRefunded),
            (r#""respcd": "0000", "cancel": "6""#, Pending),
            (r#""respcd": "0000", "cancel": "0", "order_type": "refund""#, Refunded),
            (r#""respcd": "0000", "cancel": "0", "origssn": "7""#, Refunded),
            (r#""respcd": "1145", "cancel": "0", "order_type": "refund""#, Pending),
            (r#""respcd": "0000", "cancel": "0", "order_type": "payment", "origssn": "7""#, Paid),
            (r#""respcd": "0000", "cancel": "0", "origssn": "0""#, Paid),
            (r#""respcd": "0000", "cancel": "0", "origssn": 0, "order_type": """#, Paid),
            (r#""respcd": "0000", "cancel": -1"#, Pending),
            (r#""respcd": "0000", "cancel": 3.0"#, Pending),
            (r#""respcd": "0000", "cancel": true"#, Pending),
            (r#""respcd": "0000", "cancel": "\u0033""#, Refunded),
            (r#""respcd": "1142", "cancel": "2""#, Closed),
            (r#""respcd": "1181""#, Closed),
            (r#""respcd": "1263", "cancel": "1""#, Reversed),
            (r#""respcd": "1264""#, Pending),
            (r#""cancel": "0""#, Pending),
            (r#""respcd": null"#, Pending),
            (r#""respcd": 0"#, Pending),
        ] {
            assert_eq!(state(fields), expected, "{fields}");
        }
    }

    #[test]
    fn only_listed_codes_are_failures() {
        for code in 0..=9999 {
            let code = format!("{code:04}");
            let seen = state(&format!(r#""respcd": "{code}""#));
            assert_eq!(seen == State::Failed, FAILURES.contains(&&*code), "{code}");
            let known = ["0000", "1142", "1181", "1263"].contains(&&*code) || FAILURES.contains(&&*code);
            assert_eq!(seen == State::Pending, !known, "{code}");
        }
        for odd in ["", "OK", "12015", " 1201", "１２０１"] {
            assert_eq!(state(&format!(r#""respcd": "{odd}""#)), State::Pending, "{odd}");
        }
    }

    #[test]
    fn a_shop_that_reads_respcd_alone_ships_only_what_is_paid() {
        use State::{Closed, Failed, InFlight, Paid, PartlyRefunded, Pending, Refunded, Reversed, Unknown};
        for state in [Closed, Failed, InFlight, Paid, PartlyRefunded, Pending, Refunded, Reversed, Unknown] {
            for row in [None, Some("0000"), Some("0"), Some("00"), Some(" 0000"), Some("+0000"), Some("1143")]
            {
                // As PHP's == sees it.
                let success = state.respcd(row).trim().parse() == Ok(0);
                assert_eq!(success, matches!(state, Paid | PartlyRefunded), "{state:?} {row:?}");
            }
        }
    }
}
