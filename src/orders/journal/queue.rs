//! Rows on their way to the thread that writes them: bounded, because a disk may hang.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::answers::{Asker, Written};
use super::row::{Kind, Row, Ticket};

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

/// How long rows gather.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gathered {
    /// Until this moment, or until all calls wait that are to be expected.
    By(Instant),
    /// Until this moment.
    At(Instant),
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
    /// Calls of which the beginning was added and the end was not.
    calls: usize,
    /// The most of them since rows were taken: as many come again, where callers wait for one answer before they ask again.
    most: usize,
    /// The beginnings among the rows.
    begins: usize,
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
    /// As many beginnings of calls as were in flight at once: others are not to be expected.
    UntilAll,
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
                Sleep::UntilAll => self.begins > 0 && self.begins >= self.most,
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
        waiting.row.ticket.iter().for_each(Ticket::waits);
        state.bytes += size;
        state.fresh += size;
        state.urgent |= waiting.asker.is_some();
        match waiting.row.kind {
            Kind::Begin => {
                (state.calls, state.begins) = (state.calls + 1, state.begins + 1);
                state.most = state.most.max(state.calls);
            }
            Kind::End => state.calls = state.calls.saturating_sub(1),
            _ => {}
        }
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

    /// Moves all rows to `taken` once somebody waits for one, but not before `gathered`: what comes until then goes together.
    /// Without such a row it waits until `deadline`, or until the first row has rested.
    pub(super) fn take(&self, taken: &mut Vec<Waiting>, gathered: Gathered, deadline: Instant) -> Next {
        let (sleep, rested) = match gathered {
            Gathered::By(moment) => (Sleep::UntilAll, moment),
            Gathered::At(moment) => (Sleep::UntilPlenty, moment),
        };
        let mut state = self.sleep(self.state(), sleep, rested);
        // Under load the next urgent row is near, and others need not wake the thread meanwhile.
        state = self.sleep(state, Sleep::UntilUrgent, deadline.min(rested + REST));
        if state.rows.is_empty() {
            state = self.sleep(state, Sleep::UntilAny, deadline);
            state = self.sleep(state, Sleep::UntilUrgent, deadline.min(Instant::now() + REST));
        }
        (state.urgent, state.fresh, state.begins, state.most) = (false, 0, 0, state.calls);
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

#[cfg(test)]
mod tests {
    use super::super::answers::Desks;
    use super::super::facts::Facts;
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn taken(queue: &Queue, gathered: Gathered) -> (usize, Duration) {
        let began = Instant::now();
        let mut rows = Vec::new();
        queue.take(&mut rows, gathered, began + LONG);
        (rows.len(), began.elapsed())
    }

    #[tokio::test]
    async fn a_commit_waits_for_no_others_once_all_calls_wait_for_it() {
        let (queue, desks) = (Queue::default(), Desks::new(1, LONG));
        let begin = || {
            let mut row = Row::new(Kind::Begin, &Facts::default());
            let ticket = row.ticket();
            queue.push(Waiting::new(row, Some(desks.asker().0))).unwrap();
            ticket
        };
        let end = |of: &Ticket| {
            queue.push(Waiting::new(Row::about(of, Kind::End, &Facts::default()), None)).unwrap();
        };
        let by = |time| Gathered::By(Instant::now() + time);
        let (first, second) = (begin(), begin());
        let (rows, took) = taken(&queue, by(LONG));
        assert!(rows == 2 && took < LONG / 2, "{rows} {took:?}");
        // Two were in flight: one alone waits for the other, as long as it may.
        end(&first);
        end(&second);
        let third = begin();
        let (rows, took) = taken(&queue, by(Duration::from_millis(50)));
        assert!(rows == 3 && took >= Duration::from_millis(50), "{rows} {took:?}");
        // After a failure nothing is tried before its time.
        end(&third);
        begin();
        let (rows, took) = taken(&queue, Gathered::At(Instant::now() + Duration::from_millis(50)));
        assert!(rows == 2 && took >= Duration::from_millis(50), "{rows} {took:?}");
    }
}
