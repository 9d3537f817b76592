//! Rows on their way to the thread that writes them: bounded, because a disk may hang.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::answers::Asker;
use super::row::{Row, Ticket};

/// As many bytes of rows wait while the disk is behind.
const MOST: usize = 8 << 20;
/// Beyond this nothing more is gathered.
const PLENTY: usize = 1 << 20;

/// How long rows rest that nobody waits for, such as ends of calls: mostly they go with the next one that somebody waits for.
const REST: Duration = Duration::from_millis(20);

/// A row, and who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) row: Row,
    pub(super) asker: Option<Asker>,
    /// What it takes in memory, in bytes.
    pub(super) size: usize,
}

impl Waiting {
    pub(super) fn new(row: Row, asker: Option<Asker>) -> Self {
        let size = row.size();
        Self { row, asker, size }
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is on record. A notification may have been before, and acknowledged.
    Kept { acknowledged: bool },
    /// It could not be written, and is tried again.
    Not,
}

/// There is no room for a row.
#[derive(Debug)]
pub(super) struct Full;

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// There are rows, or the time is up.
    Work,
    /// Nothing more will come.
    End,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    come: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rows: Vec<Waiting>,
    /// The size of all rows that are not written yet, those that the thread has taken included.
    bytes: usize,
    /// Somebody waits for one of them.
    urgent: bool,
    closing: bool,
}

impl Queue {
    /// Adds a row, or refuses it when too many wait. One about a row that was taken is taken too: there are as few of them.
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), Full> {
        let size = waiting.size;
        let must = waiting.row.of.as_ref().is_some_and(Ticket::is_taken);
        let mut state = self.state();
        if (state.bytes + size > MOST && !must) || state.closing {
            return Err(Full);
        }
        waiting.row.ticket.waits();
        state.bytes += size;
        let urgent = waiting.asker.is_some();
        let is_plenty = state.bytes >= PLENTY && state.bytes - size < PLENTY;
        let wakes = state.rows.is_empty() || is_plenty || (urgent && !state.urgent);
        state.urgent |= urgent;
        state.rows.push(waiting);
        drop(state);
        if wakes {
            self.come.notify_one();
        }
        Ok(())
    }

    /// Waits for rows until `deadline`, gathers what comes within `gather`, and moves all to `taken`.
    pub(super) fn take(&self, taken: &mut Vec<Waiting>, deadline: Instant, gather: Duration) -> Next {
        let none = |state: &mut State| state.rows.is_empty() && !state.closing;
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.come.wait_timeout_while(self.state(), left, none);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if !state.rows.is_empty() {
            let few = |state: &mut State| state.bytes < PLENTY && !state.closing;
            let lazy = |state: &mut State| few(state) && !state.urgent;
            let rested = self.come.wait_timeout_while(state, REST, lazy);
            state = rested.unwrap_or_else(PoisonError::into_inner).0;
            if state.urgent {
                let gathered = self.come.wait_timeout_while(state, gather, few);
                state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        state.urgent = false;
        taken.append(&mut state.rows);
        match state.closing {
            true => Next::End,
            false => Next::Work,
        }
    }

    /// Makes room for what was written.
    pub(super) fn written(&self, bytes: usize) {
        self.state().bytes -= bytes;
    }

    /// Takes no more rows.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.come.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete or was not begun.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
