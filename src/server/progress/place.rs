//! For those who wait for the place of a connection: how readily it is given up, and to whom it was said.

use std::time::Duration;

use tokio::time::Instant;

use super::{Phase, Progress, State};

/// What nobody is let go for. A request is here in less; what waits longer, waits for its caller.
pub(super) const GRACE: Duration = Duration::from_millis(100);
/// How long a caller may take to read an answer before its place can be needed. Answers fit into the system's buffers as
/// a rule; those that do not are read at once.
const READING: Duration = Duration::from_millis(500);

impl Progress {
    /// How readily the connection gives up its place, see [`State::rank`].
    pub(in crate::server) fn rank(&self) -> Option<(u8, Instant)> {
        self.state().rank()
    }

    /// Lets the connection go, if it is still as it was ranked. What begins or is answered later finds this.
    pub(in crate::server) fn let_go(&self, rank: (u8, Instant)) -> bool {
        let mut state = self.state();
        if state.rank() != Some(rank) {
            return false;
        }
        state.let_go = true;
        self.0.leave.notify_one();
        true
    }

    /// Whether the connection was let go.
    pub(in crate::server) fn was_let_go(&self) -> bool {
        self.state().let_go
    }

    /// Completes when the connection was let go.
    pub(in crate::server) async fn is_let_go(&self) {
        self.0.leave.notified().await;
    }
}

impl State {
    /// How readily the connection gives up its place, and since when it waits: first one that only says goodbye, then
    /// one whose caller owes the rest of a request, then one between requests, and at last one whose caller does not read
    /// its answer: that loses what it has not read. Never one with a call in work: while a body is awaited no handler has
    /// all of it. Nor one that has only just come: its request may be here and unread.
    fn rank(&self) -> Option<(u8, Instant)> {
        match self.phase {
            _ if self.let_go => None,
            Phase::Parting => Some((0, self.since)),
            _ if self.since.elapsed() < GRACE => None,
            Phase::Connected | Phase::Head => Some((1, self.since)),
            Phase::Served if self.awaits_body => Some((1, self.since)),
            Phase::Idle => Some((2, self.since)),
            // A caller that reads a little now and then has waited less than others, but is no exception.
            Phase::Answering | Phase::Flushing | Phase::Queued if self.answered.elapsed() >= READING => {
                Some((3, self.since))
            }
            Phase::Served | Phase::Answering | Phase::Flushing | Phase::Queued => None,
        }
    }
}
