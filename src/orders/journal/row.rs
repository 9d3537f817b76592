//! A row in the making: what it tells, in the columns of the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use time::OffsetDateTime;

/// The longest text of a column, in bytes. QFPay's numbers have 128 at most; what is longer is cut and ends in `…`.
const LONGEST: usize = 256;

/// What a row tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call that moves money is about to be sent.
    Begin,
    /// It is over; `of` is the row of its beginning.
    End,
    /// A call was refused for want of a right.
    Refusal,
    /// A notification was verified.
    Notification,
    /// It was handed to a receiver, or should have been; `of` is the row of the notification.
    Attempt,
    /// QFPay has said what became of an order in doubt; `of` is the row of its call.
    Resolution,
    /// Rows were taken out; `of` is the last of them, and `body` its digest.
    Pruned,
}

impl Kind {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::End => "end",
            Self::Refusal => "refusal",
            Self::Notification => "notification",
            Self::Attempt => "attempt",
            Self::Resolution => "resolution",
            Self::Pruned => "pruned",
        }
    }
}

/// What is known of a call, a notification or an order. Only what is said to stand in the journal is a field here.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// By which it is found in the log.
    pub request_id: Option<Box<str>>,
    /// Who called, by the name of a configuration.
    pub caller: Option<Box<str>>,
    /// The app, by its name.
    pub app: Option<Box<str>>,
    /// The merchant.
    pub mchid: Option<Box<str>>,
    /// The path that was called.
    pub endpoint: Option<Box<str>>,
    /// The shop's number of the order.
    pub out_trade_no: Option<Box<str>>,
    /// QFPay's number of the order.
    pub syssn: Option<Box<str>>,
    /// `txamt` as it was sent.
    pub amount: Option<Box<str>>,
    /// `txcurrcd` as it was sent.
    pub currency: Option<Box<str>>,
    /// Whether it arrived: `not_sent`, `unknown` or `answered`.
    pub delivery: Option<&'static str>,
    /// QFPay's code.
    pub respcd: Option<Box<str>>,
    /// The code of the sidecar's own failure.
    pub failure: Option<&'static str>,
    /// What an order has become.
    pub state: Option<&'static str>,
    /// The path of a notification, or the route that it took.
    pub route: Option<Box<str>>,
}

/// The number of a row, which is known once it is written.
#[derive(Clone, Debug, Default)]
pub struct Ticket(Arc<AtomicI64>);

/// The row is in nobody's hands; rows are numbered from 1.
const NOWHERE: i64 = 0;
/// The row waits to be written.
const WAITING: i64 = -1;

impl Ticket {
    /// Of a row that is there.
    pub fn of(id: i64) -> Self {
        Self(Arc::new(AtomicI64::new(id)))
    }

    /// The number, if the row is written.
    pub fn id(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Acquire)).filter(|id| *id > 0)
    }

    /// Whether the row is written or waits for that.
    pub(super) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire) != NOWHERE
    }

    pub(super) fn waits(&self) {
        self.0.store(WAITING, Ordering::Release);
    }

    pub(super) fn set(&self, id: i64) {
        self.0.store(id, Ordering::Release);
    }
}

/// A row that waits to be written.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) at: OffsetDateTime,
    /// Its own number, for rows that refer to it.
    pub(super) ticket: Ticket,
    pub(super) of: Option<Ticket>,
    pub(super) facts: Facts,
    /// By which a notification is known again.
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) body: Option<Bytes>,
}

impl Row {
    /// A row of now.
    pub(super) fn new(kind: Kind, facts: Facts) -> Self {
        let ticket = Ticket::default();
        Self { kind, at: OffsetDateTime::now_utc(), ticket, of: None, facts, fingerprint: None, body: None }
    }

    /// The texts of its columns, in the order of the file, without what is numbers and bytes.
    pub(super) fn texts(&self) -> [Option<&str>; 14] {
        let facts = &self.facts;
        [
            facts.request_id.as_deref(),
            facts.caller.as_deref(),
            facts.app.as_deref(),
            facts.mchid.as_deref(),
            facts.endpoint.as_deref(),
            facts.out_trade_no.as_deref(),
            facts.syssn.as_deref(),
            facts.amount.as_deref(),
            facts.currency.as_deref(),
            facts.delivery,
            facts.respcd.as_deref(),
            facts.failure,
            facts.state,
            facts.route.as_deref(),
        ]
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let texts: usize = self.texts().into_iter().flatten().map(str::len).sum();
        size_of::<Self>() + texts + self.body.as_ref().map_or(0, Bytes::len)
    }
}

/// A value as it stands in the file: what is longer than any number of QFPay's is cut.
pub fn kept(value: &str) -> Box<str> {
    match value.len() <= LONGEST {
        true => value.into(),
        false => {
            let room = LONGEST - '…'.len_utf8();
            let end = (0..=room).rev().find(|&end| value.is_char_boundary(end)).unwrap_or(0);
            format!("{}…", &value[..end]).into()
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        let fits = "7".repeat(LONGEST);
        assert_eq!(*kept(&fits), fits);
        let cut = kept(&"é".repeat(LONGEST));
        assert!(cut.len() <= LONGEST && cut.ends_with("é…"), "{cut}");
    }

    #[test]
    fn moments_have_one_length() {
        assert_eq!(text_of(OffsetDateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        // date -u -d @1769860805.0425 +%FT%T.%3NZ
        let moment = OffsetDateTime::from_unix_timestamp_nanos(1_769_860_805_042_500_000).unwrap();
        assert_eq!(text_of(moment), "2026-01-31T12:00:05.042Z");
    }
}
