//! A row in the making, and what others know of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;

use super::chain;
use super::facts::Facts;

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
        Self(Arc::new(Known { number: AtomicI64::new(NOWHERE), columns: facts.columns() }))
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
