//! What became of rows, on its way back to the calls that wait. A commit wakes each runtime once, and one timer is for all calls of
//! a runtime: each of its own would take a system call or two.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::runtime::PerWorker;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is on record. A notification may have been before, and acknowledged.
    Kept { acknowledged: bool },
    /// It could not be written, and is tried again.
    Not,
    /// Its time is up, and nothing has become of it yet.
    Late,
}

/// One for each worker's runtime.
#[derive(Debug)]
pub(super) struct Desks {
    desks: PerWorker<OnceLock<Arc<Desk>>>,
    wait: Duration,
}

/// The calls of one runtime that wait, and the answers that wait for it to come for them.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Who waits, and how long at most; the first came first. Whoever has heard is nothing.
    calls: VecDeque<(Instant, Option<oneshot::Sender<Written>>)>,
    /// The number of the first of them.
    first: u64,
    answers: Vec<(u64, Written)>,
    /// The timer runs: it need not be set for one who waits longer than it.
    is_timed: bool,
}

/// Whom to tell what became of a row.
#[derive(Debug)]
pub(super) struct Asker {
    desk: Arc<Desk>,
    number: u64,
}

impl Desks {
    /// Calls wait so long at most.
    pub(super) fn new(workers: usize, wait: Duration) -> Self {
        Self { desks: PerWorker::new(workers, OnceLock::new), wait }
    }

    /// For a call of the worker that asks. The first one starts what comes for the answers, which ends with its runtime.
    pub(super) fn asker(&self) -> (Asker, oneshot::Receiver<Written>) {
        let desk = self.desks.own().get_or_init(|| {
            let desk = Arc::new(Desk::default());
            tokio::spawn(desk.clone().hand_out());
            desk
        });
        let (asks, hears) = oneshot::channel();
        let mut state = desk.state();
        let number = state.first + state.calls.len() as u64;
        state.calls.push_back((Instant::now() + self.wait, Some(asks)));
        if !state.is_timed {
            desk.bell.notify_one();
        }
        (Asker { desk: desk.clone(), number }, hears)
    }
}

impl Desk {
    async fn hand_out(self: Arc<Self>) {
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut is_timed = false;
        loop {
            let is_up = tokio::select! {
                biased; // time that is up is seen however often the bell rings
                () = &mut timer, if is_timed => true,
                () = self.bell.notified() => false,
            };
            let mut state = self.state();
            if let Some(next) = state.hand_out(is_up) {
                timer.as_mut().reset(next);
            }
            is_timed = state.is_timed;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the calls what has become of their rows, and when time is up those who have waited long enough. Says when the
    /// timer must be set for, unless it runs.
    fn hand_out(&mut self, is_up: bool) -> Option<Instant> {
        self.is_timed &= !is_up;
        for (number, written) in self.answers.drain(..) {
            // One that has waited long enough hears nothing any more.
            let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
            let asks = place.and_then(|place| self.calls.get_mut(place)).and_then(|(_, asks)| asks.take());
            asks.map(|asks| asks.send(written));
        }
        let now = is_up.then(Instant::now);
        while let Some((until, asks)) = self.calls.front_mut() {
            if asks.is_some() && now.is_none_or(|now| *until > now) {
                break;
            }
            asks.take().map(|asks| asks.send(Written::Late));
            self.calls.pop_front();
            self.first += 1;
        }
        let (next, _) = self.calls.front().filter(|_| !self.is_timed)?;
        self.is_timed = true;
        Some(*next)
    }
}

/// The answers of one commit; dropped, it has told all.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<Arc<Desk>>);

impl Told {
    pub(super) fn tell(&mut self, asker: Asker, written: Written) {
        let Asker { desk, number } = asker;
        desk.state().answers.push((number, written));
        if !self.0.iter().any(|told| Arc::ptr_eq(told, &desk)) {
            self.0.push(desk);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.iter().for_each(|desk| desk.bell.notify_one());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Written = Written::Kept { acknowledged: false };

    #[tokio::test(start_paused = true)]
    async fn each_call_hears_its_own_answer_or_that_it_is_late() {
        let desks = Desks::new(1, Duration::from_millis(200));
        let (first, mut first_hears) = desks.asker();
        tokio::time::advance(Duration::from_millis(150)).await;
        let (second, second_hears) = desks.asker();
        let (third, third_hears) = desks.asker();
        let began = Instant::now();
        assert_eq!((&mut first_hears).await, Ok(Written::Late));
        assert!(began.elapsed() <= Duration::from_millis(51), "{:?}", began.elapsed());
        // What comes too late is for nobody, whatever the order.
        let mut told = Told::default();
        told.tell(third, KEPT);
        told.tell(first, KEPT);
        drop(told);
        assert_eq!(third_hears.await, Ok(KEPT));
        assert_eq!(second_hears.await, Ok(Written::Late));
        assert_eq!(began.elapsed().as_millis(), 200);
        Told::default().tell(second, KEPT);
        let (fourth, fourth_hears) = desks.asker();
        Told::default().tell(fourth, Written::Not);
        assert_eq!(fourth_hears.await, Ok(Written::Not));
        assert!(desks.desks.own().get().unwrap().state().calls.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_after_a_pause_is_timed_as_well() {
        let desks = Desks::new(1, Duration::from_millis(200));
        for _ in 0..3 {
            let (_asker, hears) = desks.asker();
            let began = Instant::now();
            assert_eq!(hears.await, Ok(Written::Late));
            assert_eq!(began.elapsed().as_millis(), 200);
            tokio::time::advance(Duration::from_secs(60)).await;
        }
    }
}
