//! What a connection is doing, shared between its bytes, its requests and those who wait for its place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Request;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::{Budget, Share};
use super::head::{Head, Seen};
use super::refusal::Refusal;

/// What every request may hold without asking, in bytes: QFPay's calls are far smaller, so they are served whatever
/// others hold.
const FREE: usize = 8 * 1024;

/// What nobody is let go for. A request is here in less; what waits longer, waits for its caller.
const GRACE: Duration = Duration::from_millis(100);

/// The times that a connection is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For a request's head: from the connection for the first, from its first byte for later ones.
    pub(super) head: Duration,
    /// Between requests, and for the caller to take more of an answer.
    pub(super) idle: Duration,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is nothing to say.
    Silent,
    /// Nobody said anything; if a request has come meanwhile, it is refused.
    Unspoken(Refusal),
    /// It was answered; some of the request may still be on its way.
    Unread,
    /// No handler saw the request.
    Refused(Refusal),
}

/// What a connection is doing.
#[derive(Clone)]
pub(super) struct Progress(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    leave: Notify,
}

struct State {
    phase: Phase,
    /// When the phase, or the request, began, or the caller last took some of an answer.
    since: Instant,
    head: Head,
    /// A body is not known to have been read to its end.
    unread: bool,
    /// hyper asked for more of a body and there was none: no handler has it whole.
    awaits_body: bool,
    /// The bytes of the request so far.
    held: usize,
    share: Share,
    timed_out: bool,
    let_go: bool,
    refused: Option<Refusal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of the first head came yet.
    Connected,
    /// Between requests.
    Idle,
    /// In a head, or at its end.
    Head,
    /// A handler works on a request.
    Served,
    /// The handler has answered; hyper writes.
    Answering,
    /// hyper has the last of the answer.
    Flushing,
    /// Nothing more will be served.
    Parting,
}

impl Progress {
    pub(super) fn new(large: &Arc<Budget>) -> Self {
        let state = State {
            phase: Phase::Connected,
            since: Instant::now(),
            head: Head::default(),
            unread: false,
            awaits_body: false,
            held: 0,
            share: Share::of(large),
            timed_out: false,
            let_go: false,
            refused: None,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), leave: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete or was not begun.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handler may begin. Returns what was seen of the request's head; nothing when the connection was let go already.
    pub(super) fn begins<B: hyper::body::Body>(&self, request: &Request<B>) -> Option<Seen> {
        let mut state = self.state();
        if state.let_go {
            return None;
        }
        let phase = std::mem::replace(&mut state.phase, Phase::Served);
        state.unread = !request.body().is_end_stream();
        state.awaits_body = false;
        let seen = match phase {
            Phase::Head => state.head.compare(request),
            // It came together with an earlier request, before that one was answered.
            _ => Seen::NotWhole,
        };
        if seen == Seen::Ambiguous {
            state.refused = Some(Refusal::Malformed);
        }
        Some(seen)
    }

    /// A handler has answered. Returns whether its answer is still wanted.
    pub(super) fn answered(&self) -> bool {
        let mut state = self.state();
        if state.let_go || state.refused.is_some() {
            return false;
        }
        state.phase = Phase::Answering;
        state.since = Instant::now();
        state.held = 0;
        state.share.release();
        true
    }

    /// hyper has the last of the answer.
    pub(super) fn encoded(&self) {
        let mut state = self.state();
        if state.phase == Phase::Answering {
            state.phase = Phase::Flushing;
        }
    }

    /// hyper has nothing left to write.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        if state.phase == Phase::Flushing {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        }
    }

    /// The caller took some of an answer.
    pub(super) fn wrote(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Answering | Phase::Flushing) {
            state.since = Instant::now();
        }
    }

    /// Looks at bytes that came. Returns whether they may be held.
    pub(super) fn read(&self, bytes: &[u8]) -> bool {
        let mut state = self.state();
        state.awaits_body = false;
        let begins = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        match (state.phase, begins) {
            // Empty lines before a request line are allowed (RFC 9112 section 2.2).
            (Phase::Connected | Phase::Idle, Some(at)) => {
                if state.phase == Phase::Idle {
                    state.since = Instant::now();
                }
                (state.phase, state.head) = (Phase::Head, Head::default());
                state.head.read(&bytes[at..]);
            }
            (Phase::Head, _) => state.head.read(bytes),
            _ => {}
        }
        state.held += bytes.len();
        let more = state.held.saturating_sub(FREE);
        let answering = matches!(state.phase, Phase::Answering | Phase::Flushing);
        let held = more == 0 || answering || state.share.covers(more);
        if !held {
            state.refused = Some(Refusal::Crowded);
        }
        held
    }

    /// hyper asks for bytes. What it asks for between requests is the next head, so the last body was read to its end.
    pub(super) fn asked(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.unread = false;
        }
    }

    /// hyper asked for bytes and there were none.
    pub(super) fn waits(&self) {
        let mut state = self.state();
        state.awaits_body = state.phase == Phase::Served;
    }

    /// When the connection has waited long enough; never while a handler works.
    pub(super) fn deadline(&self, times: Times) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Connected | Phase::Head => Some(state.since + times.head),
            Phase::Idle | Phase::Answering | Phase::Flushing => Some(state.since + times.idle),
            Phase::Served | Phase::Parting => None,
        }
    }

    /// The deadline has passed.
    pub(super) fn timed_out(&self) {
        self.state().timed_out = true;
    }

    /// Whether what hyper writes now is a refusal of its own: no handler is at work or has just answered.
    pub(super) fn refuses(&self, beginning: &[u8]) -> bool {
        let mut state = self.state();
        let own = matches!(state.phase, Phase::Connected | Phase::Idle | Phase::Head);
        if own && state.refused.is_none() {
            let refusal = Refusal::of_status(beginning.get(9..12).unwrap_or_default());
            let in_head = state.phase == Phase::Head;
            state.refused = Some(match refusal {
                Refusal::HeadTooLarge if in_head && state.head.is_in_request_line() => Refusal::TargetTooLong,
                Refusal::Malformed if in_head && state.head.is_tls() => Refusal::Tls,
                _ => refusal,
            });
        }
        own
    }

    /// Whether the connection was refused or let go: nothing is read from it or written to it any more.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.let_go || state.refused.is_some()
    }

    /// How the connection ends, from what hyper says of it.
    pub(super) fn ends(&self, ended: Option<Result<(), hyper::Error>>) -> End {
        let mut state = self.state();
        let phase = std::mem::replace(&mut state.phase, Phase::Parting);
        let in_head = matches!(phase, Phase::Idle | Phase::Head);
        state.since = Instant::now();
        state.held = 0;
        state.share.release();
        match (state.refused, ended) {
            (Some(refusal), _) => End::Refused(refusal),
            _ if state.let_go && matches!(phase, Phase::Head | Phase::Served) => {
                End::Refused(Refusal::Crowded)
            }
            // With half a head in its buffer hyper calls the end of reading an error, with nothing it does not.
            (_, Some(Err(_))) if in_head && state.timed_out => End::Refused(Refusal::HeadTooSlow),
            (_, Some(Err(error))) if in_head && error.is_incomplete_message() => {
                End::Refused(Refusal::CutShort)
            }
            (_, Some(Err(error))) if in_head && error.is_parse() => End::Refused(Refusal::Http2),
            _ if state.let_go => End::Unspoken(Refusal::Crowded),
            (_, Some(Ok(()))) if state.timed_out => End::Unspoken(Refusal::HeadTooSlow),
            (_, Some(Ok(()))) if state.unread => End::Unread,
            _ => End::Silent,
        }
    }

    /// How readily the connection gives up its place, see [`State::rank`].
    pub(super) fn rank(&self) -> Option<(u8, Instant)> {
        self.state().rank()
    }

    /// Lets the connection go, if it is still as it was ranked. What begins or is answered later finds this.
    pub(super) fn let_go(&self, rank: (u8, Instant)) -> bool {
        let mut state = self.state();
        if state.rank() != Some(rank) {
            return false;
        }
        state.let_go = true;
        self.0.leave.notify_one();
        true
    }

    /// Whether the connection was let go.
    pub(super) fn was_let_go(&self) -> bool {
        self.state().let_go
    }

    /// Completes when the connection was let go.
    pub(super) async fn is_let_go(&self) {
        self.0.leave.notified().await;
    }
}

impl State {
    /// How readily the connection gives up its place, and since when it waits: first one that only says goodbye, then
    /// one whose caller owes the rest of a request, then one between requests. Never one with a call in work: while a
    /// body is awaited no handler has all of it. Nor one that has only just come: its request may be here and unread.
    fn rank(&self) -> Option<(u8, Instant)> {
        match self.phase {
            _ if self.let_go => None,
            Phase::Parting => Some((0, self.since)),
            _ if self.since.elapsed() < GRACE => None,
            Phase::Connected | Phase::Head => Some((1, self.since)),
            Phase::Served if self.awaits_body => Some((1, self.since)),
            Phase::Idle => Some((2, self.since)),
            Phase::Served | Phase::Answering | Phase::Flushing => None,
        }
    }
}
