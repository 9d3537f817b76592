//! For the requests of a connection: a handler begins, answers, and hyper has all of it.

use hyper::Request;
use hyper::body::Body;
use tokio::time::Instant;

use super::{Phase, Progress};
use crate::server::head::Seen;
use crate::server::refusal::Refusal;

impl Progress {
    /// A handler may begin. Returns what was seen of the request's head; nothing when the connection was let go already.
    pub(in crate::server) fn begins<B: Body>(&self, request: &Request<B>) -> Option<Seen> {
        let mut state = self.state();
        if state.let_go {
            return None;
        }
        let phase = state.phase;
        let queued = matches!(phase, Phase::Answering | Phase::Flushing);
        state.phase = if queued { Phase::Queued } else { Phase::Served };
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

    /// Completes when all answers before the request were written: hyper takes the next request before, and a call in work
    /// must not wait for a caller that does not read.
    pub(in crate::server) async fn is_first(&self) {
        while self.state().phase == Phase::Queued {
            self.0.written.notified().await;
        }
    }

    /// The connection closes after its answer; what the caller sent behind the request is not taken.
    pub(in crate::server) fn is_last(&self) {
        self.state().unread = true;
    }

    /// A handler has answered. Returns whether its answer is still wanted.
    pub(in crate::server) fn answered(&self) -> bool {
        let mut state = self.state();
        if state.let_go || state.refused.is_some() {
            return false;
        }
        state.phase = Phase::Answering;
        state.since = Instant::now();
        state.answered = state.since;
        state.held = 0;
        state.share.release();
        true
    }

    /// hyper has the last of the answer.
    pub(in crate::server) fn encoded(&self) {
        let mut state = self.state();
        if state.phase == Phase::Answering {
            state.phase = Phase::Flushing;
        }
    }
}
