//! What became of rows, on its way back to the calls that wait: a commit wakes each runtime once, and not each call, which would
//! take a system call for each.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::runtime::PerWorker;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is on record. A notification may have been before, and acknowledged.
    Kept { acknowledged: bool },
    /// It could not be written, and is tried again.
    Not,
}

/// One for each worker's runtime.
#[derive(Debug)]
pub(super) struct Desks(PerWorker<OnceLock<Arc<Desk>>>);

/// The answers that wait for one runtime to come for them.
#[derive(Debug, Default)]
struct Desk {
    answers: Mutex<Vec<(oneshot::Sender<Written>, Written)>>,
    bell: Notify,
}

/// Whom to tell what became of a row.
#[derive(Debug)]
pub(super) struct Asker {
    desk: Arc<Desk>,
    asks: oneshot::Sender<Written>,
}

impl Desks {
    pub(super) fn new(workers: usize) -> Self {
        Self(PerWorker::new(workers, OnceLock::new))
    }

    /// For a call of the worker that asks. The first one starts what comes for the answers, which ends with its runtime.
    pub(super) fn asker(&self) -> (Asker, oneshot::Receiver<Written>) {
        let desk = self.0.own().get_or_init(|| {
            let desk = Arc::new(Desk::default());
            tokio::spawn(desk.clone().hand_out());
            desk
        });
        let (asks, hears) = oneshot::channel();
        (Asker { desk: desk.clone(), asks }, hears)
    }
}

impl Desk {
    async fn hand_out(self: Arc<Self>) {
        loop {
            self.bell.notified().await;
            let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
            for (asks, written) in answers {
                // A call that has waited long enough hears nothing any more.
                let _ = asks.send(written);
            }
        }
    }
}

/// The answers of one commit; dropped, it has told all.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<Arc<Desk>>);

impl Told {
    pub(super) fn tell(&mut self, asker: Asker, written: Written) {
        let Asker { desk, asks } = asker;
        desk.answers.lock().unwrap_or_else(PoisonError::into_inner).push((asks, written));
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
