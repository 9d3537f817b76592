//! What has come on a connection and hyper has not seen yet: one request is handed over at a time, once its head is whole and
//! was judged.

use hyper::rt::ReadBufCursor;

use super::head::{BodyLength, Head, Judged, begins, is_rest_of_body, judge};
use super::{Limits, Refusal};

/// What an idle connection keeps of its buffer, in bytes; QFPay's calls are smaller.
const KEPT: usize = 1024;

/// What comes next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A head.
    Head,
    /// So many bytes of a request that was judged; all that come, if its body is chunked.
    Request(u64),
    /// The answer: hyper has the request.
    Answer,
    /// Nothing; to hyper the connection has ended.
    End,
}

/// What a look at the buffer brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing new.
    Nothing,
    /// A request has begun.
    Begun,
    /// A head is whole and may be handed over.
    Whole(Head),
}

/// The requests of a connection, as far as they have come.
#[derive(Debug)]
pub(super) struct Inbound {
    next: Next,
    buffer: Vec<u8>,
    /// How much of the buffer was judged to be too little.
    judged: usize,
    /// A request has begun, and its head is not whole.
    begun: bool,
    /// No head was whole yet.
    fresh: bool,
    refusal: Option<Refusal>,
}

impl Inbound {
    pub(super) fn new() -> Self {
        Self { next: Next::Head, buffer: Vec::new(), judged: 0, begun: false, fresh: true, refusal: None }
    }

    pub(super) fn next(&self) -> Next {
        self.next
    }

    /// Whether a request has begun whose head is not whole.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the first head is awaited.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether the caller owes the rest of a request.
    pub(super) fn is_owed(&self) -> bool {
        self.begun || matches!(self.next, Next::Request(_))
    }

    /// Whether unread bytes have arrived or may still arrive.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.next, Next::Request(_)) || !self.buffer.is_empty()
    }

    /// Why the connection was ended, if there is something to say.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// The answer is out.
    pub(super) fn expect_head(&mut self) {
        self.next = Next::Head;
    }

    /// A request is known to have begun, and is not here yet.
    pub(super) fn begin(&mut self) {
        self.begun = true;
    }

    /// Nothing more is handed over.
    pub(super) fn end(&mut self, refusal: Option<Refusal>) {
        (self.next, self.refusal) = (Next::End, refusal);
    }

    /// Whether the request, which was handed over as it was announced, goes on behind that.
    pub(super) fn is_overrun(&self) -> bool {
        self.next == Next::Answer && is_rest_of_body(&self.buffer)
    }

    /// Keeps bytes of a head that was not judged yet.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Judges the head, or what has come of it.
    pub(super) fn look(&mut self, limits: &Limits) -> Seen {
        // A head that comes in small pieces is not read again for each.
        let more = &self.buffer[self.judged..];
        let worth = self.judged == 0 || more.contains(&b'\n') || self.buffer.len() >= limits.head_bytes;
        if self.next != Next::Head || more.is_empty() || !worth {
            return Seen::Nothing;
        }
        self.judged = self.buffer.len();
        match judge(&self.buffer, limits) {
            Judged::Whole(head) => {
                (self.judged, self.begun, self.fresh) = (0, false, false);
                let body = match head.body {
                    BodyLength::Known(length) => length,
                    BodyLength::Chunked => u64::MAX,
                };
                self.next = Next::Request(body.saturating_add(head.length as u64));
                Seen::Whole(head)
            }
            Judged::Refused(refusal) => {
                self.end(Some(refusal));
                Seen::Nothing
            }
            Judged::Incomplete if !self.begun && begins(&self.buffer) => {
                self.begun = true;
                Seen::Begun
            }
            Judged::Incomplete => Seen::Nothing,
        }
    }

    /// Hands over what is here of a request that was judged. Returns whether there was any.
    pub(super) fn hand_over(&mut self, to: &mut ReadBufCursor<'_>) -> bool {
        let Next::Request(left) = self.next else { return false };
        if self.buffer.is_empty() {
            return false;
        }
        let length = at_most(left, self.buffer.len().min(to.remaining()));
        to.put_slice(&self.buffer[..length]);
        self.buffer.drain(..length);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        self.handed_over(length);
        true
    }

    /// Hands over what has just come of a request that was judged, and keeps what came behind it.
    pub(super) fn pass_on(&mut self, bytes: &[u8], to: &mut ReadBufCursor<'_>) {
        let Next::Request(left) = self.next else { return self.keep(bytes) };
        let (own, behind) = bytes.split_at(at_most(left, bytes.len()));
        to.put_slice(own);
        self.handed_over(own.len());
        self.keep(behind);
    }

    /// Bytes of the request were handed over.
    fn handed_over(&mut self, bytes: usize) {
        if let Next::Request(left) = self.next {
            self.next = match left - bytes as u64 {
                0 => Next::Answer,
                left => Next::Request(left),
            };
        }
    }
}

/// The smaller of the two.
fn at_most(left: u64, room: usize) -> usize {
    usize::try_from(left).map_or(room, |left| left.min(room))
}
