//! A row in the making, and what others know of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;

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

    /// Whether rows of this kind stand in a link by themselves: they have a body, or are looked for by the row that they belong to.
    /// Calls and refusals, which are frequent, share one.
    pub(super) fn stands_alone(self) -> bool {
        !matches!(self, Self::Begin | Self::End | Self::Refusal)
    }
}

/// The number of a row, once it is written, for rows that refer to it.
#[derive(Clone, Debug)]
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
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) at: SystemTime,
    /// Where rows that refer to it read its number.
    pub(super) ticket: Option<Ticket>,
    pub(super) of: Option<Ticket>,
    /// [`Facts`] as they stand in the file.
    pub(super) facts: String,
    /// By which a notification is known again.
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) body: Option<Bytes>,
}

impl Row {
    /// A row of now.
    pub(super) fn new(kind: Kind, facts: &Facts) -> Self {
        let (at, facts) = (SystemTime::now(), facts.text());
        Self { kind, at, ticket: None, of: None, facts, fingerprint: None, body: None }
    }

    /// A row of now that refers to another.
    pub(super) fn about(of: &Ticket, kind: Kind, facts: &Facts) -> Self {
        Self { of: Some(of.clone()), ..Self::new(kind, facts) }
    }

    /// For rows that refer to this one.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.ticket.get_or_insert_with(|| Ticket::of(NOWHERE)).clone()
    }

    /// About what it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.facts.capacity() + self.body.as_ref().map_or(0, Bytes::len)
    }
}
