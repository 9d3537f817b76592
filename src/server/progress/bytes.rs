//! For the bytes of a connection: what came, what may be held, what hyper says by itself, and until when to wait.

use tokio::time::Instant;

use super::{Phase, Progress, Times};
use crate::server::head::Head;
use crate::server::refusal::Refusal;

/// What every request may hold without asking, in bytes: QFPay's calls are far smaller, so they are served whatever
/// others hold.
const FREE: usize = 8 * 1024;

impl Progress {
    /// Looks at bytes that came. Returns whether they may be held and passed on.
    pub(in crate::server) fn read(&self, bytes: &[u8]) -> bool {
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
        // It may have been let go just while these bytes were fetched. They may complete a request, and its caller will be
        // told that it was refused: so no handler may see them.
        held && !state.let_go
    }

    /// hyper asks for bytes. What it asks for between requests is the next head, so the last body was read to its end.
    pub(in crate::server) fn asked(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.unread = false;
        }
    }

    /// hyper asked for bytes and there were none.
    pub(in crate::server) fn waits(&self) {
        let mut state = self.state();
        state.awaits_body = state.phase == Phase::Served;
    }

    /// The caller took some of an answer.
    pub(in crate::server) fn wrote(&self) {
        let mut state = self.state();
        if matches!(state.phase, Phase::Answering | Phase::Flushing | Phase::Queued) {
            state.since = Instant::now();
        }
    }

    /// hyper has nothing left to write.
    pub(in crate::server) fn flushed(&self) {
        let mut state = self.state();
        let next = match state.phase {
            Phase::Flushing => Phase::Idle,
            Phase::Queued => Phase::Served,
            _ => return,
        };
        state.phase = next;
        state.since = Instant::now();
        if next == Phase::Served {
            self.0.written.notify_one();
        }
    }

    /// When the connection has waited long enough; never while a handler works.
    pub(in crate::server) fn deadline(&self, times: Times) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Connected | Phase::Head => Some(state.since + times.head),
            Phase::Idle | Phase::Answering | Phase::Flushing | Phase::Queued => {
                Some(state.since + times.idle)
            }
            Phase::Served | Phase::Parting => None,
        }
    }

    /// The deadline has passed.
    pub(in crate::server) fn timed_out(&self) {
        self.state().timed_out = true;
    }

    /// Whether what hyper writes now is a refusal of its own: no handler is at work or has just answered.
    pub(in crate::server) fn refuses(&self, beginning: &[u8]) -> bool {
        let mut state = self.state();
        let own = matches!(state.phase, Phase::Connected | Phase::Idle | Phase::Head);
        if own && state.refused.is_none() {
            let refusal = Refusal::of_status(beginning.get(9..12).unwrap_or_default());
            let in_head = state.phase == Phase::Head;
            state.refused = Some(match refusal {
                Refusal::HeadTooLarge if in_head && state.head.is_in_request_line() => Refusal::TargetTooLong,
                Refusal::Malformed if in_head && state.head.is_tls() => Refusal::Tls,
                Refusal::Malformed if in_head && state.head.has_space_in_target() => Refusal::SpaceInTarget,
                _ => refusal,
            });
        }
        own
    }

    /// Whether there is something to be said at the end: also when hyper closes in the middle of a head.
    pub(in crate::server) fn has_last_words(&self) -> bool {
        self.is_over() || self.state().phase == Phase::Head
    }

    /// Whether the connection was refused or let go: nothing is read from it or written to it any more.
    pub(in crate::server) fn is_over(&self) -> bool {
        let state = self.state();
        state.let_go || state.refused.is_some()
    }
}
