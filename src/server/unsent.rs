//! What of an answer waits in hyper for a caller that reads slowly: little. hyper would take as much as a request head may
//! have, on every connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What may wait; one piece more is on its way.
const MOST: usize = 32 * 1024;

/// The bytes of a connection's answers that hyper has and the caller has not.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsent(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    /// Who waits for them to become fewer.
    waits: Option<Waker>,
}

impl Unsent {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete or was not begun.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when more may be handed over.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.bytes < MOST {
            return Poll::Ready(());
        }
        state.waits = Some(cx.waker().clone());
        Poll::Pending
    }

    /// So many bytes were handed over.
    pub(super) fn more(&self, bytes: usize) {
        self.state().bytes += bytes;
    }

    /// So many bytes went out; heads, which nobody handed over, are among them.
    pub(super) fn less(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes);
        if state.bytes < MOST
            && let Some(waiting) = state.waits.take()
        {
            waiting.wake();
        }
    }
}
