//! A row in the making: what it tells, in the columns of the file.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use time::OffsetDateTime;

use super::chain::{self, Columns};

/// The longest text of a column, in bytes. QFPay's numbers have 128 at most; what is longer is cut and ends in `…`.
const LONGEST: usize = 256;
/// Room for the texts of a call, in bytes.
const USUAL: usize = 192;

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// By which it is found in the log.
    pub request_id: Option<&'a str>,
    /// Who called, by the name of a configuration.
    pub caller: Option<&'a str>,
    /// The app, by its name.
    pub app: Option<&'a str>,
    /// The merchant.
    pub mchid: Option<&'a str>,
    /// The path that was called.
    pub endpoint: Option<&'a str>,
    /// The shop's number of the order.
    pub out_trade_no: Option<&'a str>,
    /// QFPay's number of the order.
    pub syssn: Option<&'a str>,
    /// `txamt` as it was sent.
    pub amount: Option<&'a str>,
    /// `txcurrcd` as it was sent.
    pub currency: Option<&'a str>,
    /// Whether it arrived: `not_sent`, `unknown` or `answered`.
    pub delivery: Option<&'a str>,
    /// QFPay's code.
    pub respcd: Option<&'a str>,
    /// The code of the sidecar's own failure.
    pub failure: Option<&'a str>,
    /// What an order has become.
    pub state: Option<&'a str>,
    /// The path of a notification, or the route that it took.
    pub route: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// In the order of the file.
    fn texts(&self) -> [Option<&'a str>; 14] {
        [
            self.request_id,
            self.caller,
            self.app,
            self.mchid,
            self.endpoint,
            self.out_trade_no,
            self.syssn,
            self.amount,
            self.currency,
            self.delivery,
            self.respcd,
            self.failure,
            self.state,
            self.route,
        ]
    }
}

/// What others know of a row that refer to it: its number, once it is written, and its texts.
#[derive(Clone, Debug)]
pub struct Ticket(Arc<Known>);

#[derive(Debug)]
struct Known {
    number: AtomicI64,
    /// The columns of [`Facts`] as they are hashed: one piece of memory, which one thread takes and another gives back.
    columns: Vec<u8>,
}

/// The row is in nobody's hands; rows are numbered from 1.
const NOWHERE: i64 = 0;
/// The row waits to be written.
const WAITING: i64 = -1;

impl Ticket {
    /// Of a row that is there.
    pub fn of(id: i64) -> Self {
        Self(Arc::new(Known { number: AtomicI64::new(id), columns: Vec::new() }))
    }

    fn new(facts: &Facts) -> Self {
        let mut columns = Columns::with_capacity(USUAL);
        for text in facts.texts() {
            columns.bytes(text.map(kept).as_deref().map(str::as_bytes));
        }
        Self(Arc::new(Known { number: AtomicI64::new(NOWHERE), columns: columns.0 }))
    }

    /// The columns of [`Facts`], as they are hashed.
    pub(super) fn columns(&self) -> &[u8] {
        &self.0.columns
    }

    /// The texts by which the row's order is found.
    pub(super) fn named(&self) -> Facts<'_> {
        let mut columns = chain::columns(self.columns());
        let mut text = |further| columns.nth(further)?.and_then(|text| str::from_utf8(text).ok());
        Facts { request_id: text(0), out_trade_no: text(4), syssn: text(0), ..Facts::default() }
    }

    /// The number, if the row is written.
    pub fn id(&self) -> Option<i64> {
        Some(self.0.number.load(Ordering::Acquire)).filter(|id| *id > 0)
    }

    /// Whether the row is written or waits for that.
    pub(super) fn is_taken(&self) -> bool {
        self.0.number.load(Ordering::Acquire) != NOWHERE
    }

    pub(super) fn waits(&self) {
        self.0.number.store(WAITING, Ordering::Release);
    }

    pub(super) fn set(&self, id: i64) {
        self.0.number.store(id, Ordering::Release);
    }
}

/// A row that waits to be written.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) at: SystemTime,
    /// Its own number, for rows that refer to it, and its texts.
    pub(super) ticket: Ticket,
    pub(super) of: Option<Ticket>,
    /// By which a notification is known again.
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) body: Option<Bytes>,
}

impl Row {
    /// A row of now.
    pub(super) fn new(kind: Kind, facts: &Facts) -> Self {
        let ticket = Ticket::new(facts);
        Self { kind, at: SystemTime::now(), ticket, of: None, fingerprint: None, body: None }
    }

    /// A row of now that refers to another.
    pub(super) fn about(of: &Ticket, kind: Kind, facts: &Facts) -> Self {
        Self { of: Some(of.clone()), ..Self::new(kind, facts) }
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.ticket.0.columns.capacity() + self.body.as_ref().map_or(0, Bytes::len)
    }
}

/// A value as it stands in the file: what is longer than any number of QFPay's is cut.
fn kept(value: &str) -> Cow<'_, str> {
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
    fn long_values_are_cut_between_characters() {
        let fits = "7".repeat(LONGEST);
        assert_eq!(kept(&fits), fits);
        let long = "é".repeat(LONGEST);
        let cut = kept(&long);
        assert!(cut.len() <= LONGEST && cut.ends_with("é…"), "{cut}");
    }

    #[test]
    fn a_row_is_known_by_the_numbers_that_it_names() {
        let facts = Facts {
            request_id: Some("r1"),
            caller: Some("till:-3"),
            out_trade_no: Some("8:-"),
            syssn: Some(""),
            amount: Some("1"),
            ..Facts::default()
        };
        let ticket = Ticket::new(&facts);
        let named = ticket.named();
        assert_eq!((named.request_id, named.out_trade_no, named.syssn), (Some("r1"), Some("8:-"), Some("")));
        assert_eq!((named.caller, named.amount), (None, None));
        assert_eq!(Ticket::of(7).named().out_trade_no, None);
    }

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
