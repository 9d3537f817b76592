//! Rows on their way to the thread that writes them: bounded, because a disk may hang.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::answers::{Asker, Written};
use super::row::{Row, Ticket};

/// As many bytes of rows wait while the disk is behind.
const MOST: usize = 8 << 20;
/// Beyond this nothing more is waited for.
const PLENTY: usize = 1 << 20;

/// How long rows rest that nobody waits for, such as ends of calls: mostly they go with the next one that somebody waits for.
const REST: Duration = Duration::from_millis(20);

/// A row, and who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) row: Row,
    pub(super) asker: Option<Asker>,
    /// What became of it so far.
    pub(super) written: Written,
    /// What it takes in memory, in bytes.
    pub(super) size: usize,
}

impl Waiting {
    pub(super) fn new(row: Row, asker: Option<Asker>) -> Self {
        let size = row.size();
        Self { row, asker, written: Written::Not, size }
    }
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
    /// Their size.
    fresh: usize,
    /// The size of all rows that are not written yet, those that the thread has taken included.
    bytes: usize,
    /// Somebody waits for one of them.
    urgent: bool,
    closing: bool,
    /// What the thread sleeps for. Waking it for less takes the system calls of a batch for each row.
    sleeps: Sleep,
}

/// What wakes the thread before its time is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sleep {
    /// It does not sleep, and looks at the queue before it does.
    #[default]
    Awake,
    /// Only rows that take much room.
    UntilPlenty,
    /// A row that somebody waits for, too.
    UntilUrgent,
    /// Any row.
    UntilAny,
}

impl State {
    /// Whether there is something to wake for.
    fn is_over(&self, sleep: Sleep) -> bool {
        self.closing
            || self.fresh >= PLENTY
            || match sleep {
                Sleep::Awake => true,
                Sleep::UntilPlenty => false,
                Sleep::UntilUrgent => self.urgent,
                Sleep::UntilAny => !self.rows.is_empty(),
            }
    }
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
        state.fresh += size;
        state.urgent |= waiting.asker.is_some();
        state.rows.push(waiting);
        let wakes = state.sleeps != Sleep::Awake && state.is_over(state.sleeps);
        if wakes {
            state.sleeps = Sleep::Awake;
        }
        drop(state);
        if wakes {
            self.come.notify_one();
        }
        Ok(())
    }

    /// Moves all rows to `taken` once somebody waits for one, but not before `rested`: what comes until then goes together.
    /// Without such a row it waits until `deadline`, or until the first row has rested.
    pub(super) fn take(&self, taken: &mut Vec<Waiting>, rested: Instant, deadline: Instant) -> Next {
        let mut state = self.sleep(self.state(), Sleep::UntilPlenty, rested);
        // Under load the next urgent row is near, and others need not wake the thread meanwhile.
        state = self.sleep(state, Sleep::UntilUrgent, deadline.min(rested + REST));
        if state.rows.is_empty() {
            state = self.sleep(state, Sleep::UntilAny, deadline);
            state = self.sleep(state, Sleep::UntilUrgent, deadline.min(Instant::now() + REST));
        }
        (state.urgent, state.fresh) = (false, 0);
        taken.append(&mut state.rows);
        match state.closing {
            true => Next::End,
            false => Next::Work,
        }
    }

    fn sleep<'q>(
        &'q self,
        mut state: MutexGuard<'q, State>,
        sleep: Sleep,
        until: Instant,
    ) -> MutexGuard<'q, State> {
        while !state.is_over(sleep) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.sleeps = sleep;
            state = self.come.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.sleeps = Sleep::Awake;
        state
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
