//! What a connection is doing, shared between its bytes, its requests and those who wait for its place. Each has a file
//! with what it may say and ask.

mod bytes;
mod place;
mod requests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::{Budget, Share};
use super::head::Head;
use super::refusal::Refusal;

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
    /// All answers before a queued request were written.
    written: Notify,
}

struct State {
    phase: Phase,
    /// When the phase, or the request, began, or the caller last took some of an answer.
    since: Instant,
    /// When the last answer began.
    answered: Instant,
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
    /// A further request is here, but the caller does not read the answer before it.
    Queued,
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
        let now = Instant::now();
        let state = State {
            phase: Phase::Connected,
            since: now,
            answered: now,
            head: Head::default(),
            unread: false,
            awaits_body: false,
            held: 0,
            share: Share::of(large),
            timed_out: false,
            let_go: false,
            refused: None,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), leave: Notify::new(), written: Notify::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete or was not begun.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the connection ends, from what hyper says of it, and whether all serving ends.
    pub(super) fn ends(&self, ended: Option<Result<(), hyper::Error>>, all: bool) -> End {
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
            // Words of ours would stand in the middle of the answer.
            _ if state.let_go && matches!(phase, Phase::Answering | Phase::Flushing | Phase::Queued) => {
                End::Silent
            }
            _ if state.let_go => End::Unspoken(Refusal::Crowded),
            (_, Some(Ok(()))) if state.timed_out => End::Unspoken(Refusal::HeadTooSlow),
            (_, Some(Ok(()))) if state.unread => End::Unread,
            // hyper closes kept connections at the end, whatever has come of a further head. At other times what looks like a
            // head is the rest of a body that was refused.
            (_, Some(Ok(()))) if all && phase == Phase::Head => End::Refused(Refusal::Ending),
            _ => End::Silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use ::bytes::Bytes;
    use http_body_util::Full;
    use hyper::Request;

    use super::*;
    use crate::server::head::Seen;

    #[tokio::test(start_paused = true)]
    async fn what_completes_a_body_whose_connection_was_just_let_go_reaches_no_handler() {
        let progress = Progress::new(&Budget::new(0));
        assert!(progress.read(b"POST /a HTTP/1.1\r\nContent-Length: 7\r\n\r\ntxamt="));
        let request = Request::post("/a").body(Full::new(Bytes::from_static(b"txamt=1"))).unwrap();
        assert_eq!(progress.begins(&request), Some(Seen::Whole));
        progress.waits();
        tokio::time::advance(place::GRACE).await;
        let rank = progress.rank().expect("its caller owes the rest of a body");
        // Between hyper's question and the answer of the system.
        assert!(!progress.is_over());
        assert!(progress.let_go(rank));
        assert!(!progress.read(b"1"), "the handler would send what the caller is told was not sent");
        assert_eq!(progress.ends(None, false), End::Refused(Refusal::Crowded));
    }
}
