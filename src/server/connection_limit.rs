//! The limit of connections: each holds a permit, and when none is left the connection that has waited longest for its
//! caller is evicted. So callers that open connections and send nothing, or half a request, keep no payment out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::conn_state::{ConnState, REQUEST_UNDER_WAY};

/// How long no connection may be open for the grace period to end early: callers that connect anew for each call are
/// between two connections for less.
const QUIET: Duration = Duration::from_millis(50);

/// The connections of a listener.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    permits: Arc<Semaphore>,
    epoch: Instant,
    /// Connections that wait for a permit: one for each listening socket of a worker at most.
    under_pressure: AtomicUsize,
    /// Connections between requests have to end.
    closing: AtomicBool,
    open: Mutex<Open>,
    /// The last connection has ended.
    empty: Notify,
}

#[derive(Debug, Default)]
struct Open {
    last_number: u64,
    states: HashMap<u64, Arc<ConnState>>,
}

/// A connection's place within the limit, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    limit: Arc<ConnectionLimit>,
    number: u64,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLimit {
    pub(super) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(connections)),
            epoch: Instant::now(),
            under_pressure: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            open: Mutex::default(),
            empty: Notify::new(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Every change is complete or was not begun.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for one more connection; waits until an eviction or the end of a call gives one back.
    pub(super) async fn permit(&self) -> OwnedSemaphorePermit {
        if let Some(permit) = self.free_permit() {
            return permit;
        }
        self.under_pressure.fetch_add(1, Ordering::Relaxed);
        loop {
            let again = self.evict_longest_waiting();
            if let Ok(permit) = tokio::time::timeout(again, self.permits.clone().acquire_owned()).await {
                self.under_pressure.fetch_sub(1, Ordering::Relaxed);
                return permit.expect("the semaphore is never closed");
            }
        }
    }

    /// A permit, if one is free.
    pub(super) fn free_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.permits.clone().try_acquire_owned().ok()
    }

    /// Whether a connection waits for a permit: then answers close their connections, so that callers that ask again and
    /// again share the permits with those that come.
    pub(super) fn is_under_pressure(&self) -> bool {
        self.under_pressure.load(Ordering::Relaxed) > 0
    }

    /// Evicts the connection that has waited longest for its caller. Returns when to look again.
    pub(super) fn evict_longest_waiting(&self) -> Duration {
        let now = Instant::now();
        let open = self.open();
        let candidates = || open.states.values().filter_map(|state| Some((state, state.candidate(now)?)));
        let longest =
            candidates().filter(|(_, (_, spared))| spared.is_zero()).min_by_key(|(_, (seen, _))| *seen);
        match longest {
            // Unless it has just stopped waiting; then the next look finds another.
            Some((state, (seen, _))) => {
                state.evict(seen);
                REQUEST_UNDER_WAY
            }
            None => {
                let soonest = candidates().map(|(_, (_, spared))| spared).min();
                soonest.map_or(REQUEST_UNDER_WAY, |soonest| soonest.min(REQUEST_UNDER_WAY))
            }
        }
    }

    /// Takes a connection in.
    pub(super) fn admit(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> (Arc<ConnState>, Place) {
        let state = Arc::new(ConnState::new(self.epoch));
        let mut open = self.open();
        open.last_number += 1;
        let number = open.last_number;
        open.states.insert(number, state.clone());
        (state, Place { limit: self.clone(), number, _permit: permit })
    }

    /// Ends connections that are between requests.
    pub(super) fn close_idle(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.open().states.values().for_each(|state| state.task.wake());
    }

    /// Whether connections between requests have to end.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Completes when no connection has been open for [`QUIET`].
    pub(super) async fn quiet(&self) {
        loop {
            self.emptied().await;
            let seen = self.open().last_number;
            tokio::time::sleep(QUIET).await;
            let open = self.open();
            if open.states.is_empty() && open.last_number == seen {
                return;
            }
        }
    }

    /// Completes when no connection is open.
    pub(super) async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            if self.open().states.is_empty() {
                return;
            }
            empty.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.limit.open();
        open.states.remove(&self.number);
        if open.states.is_empty() {
            self.limit.empty.notify_waiters();
        }
    }
}
