//! Who is connected, and who has to go when a place is needed.
//!
//! A caller that opens connections and sends nothing, or half a request, may not keep others out. So when no place is
//! free, the connection that has waited longest for its caller gives up its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::progress::Progress;

/// How often it is looked again for a connection that waits, when none did.
const AGAIN: Duration = Duration::from_millis(10);

/// The connections of a listener.
pub(super) struct Crowd {
    places: Arc<Semaphore>,
    all: u32,
    /// Somebody waits for a place.
    short: AtomicBool,
    members: Mutex<(u64, HashMap<u64, Progress>)>,
    /// The last connection has ended.
    empty: Notify,
}

/// A connection's membership, which ends when this is dropped.
pub(super) struct Member {
    crowd: Arc<Crowd>,
    number: u64,
    _place: OwnedSemaphorePermit,
}

impl Crowd {
    pub(super) fn new(places: usize) -> Arc<Self> {
        let all = u32::try_from(places).unwrap_or(u32::MAX);
        let places = Arc::new(Semaphore::new(places));
        Arc::new(Self {
            places,
            all,
            short: AtomicBool::new(false),
            members: Mutex::default(),
            empty: Notify::new(),
        })
    }

    fn members(&self) -> MutexGuard<'_, (u64, HashMap<u64, Progress>)> {
        // Every change is complete or was not begun.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more. When there is none, somebody who waits has to go; when nobody waits, somebody will.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            let place = self.places.clone().acquire_owned();
            if self.places.available_permits() == 0 {
                self.short.store(true, Ordering::Relaxed);
                self.make_room();
            }
            if let Ok(place) = tokio::time::timeout(AGAIN, place).await {
                self.short.store(false, Ordering::Relaxed);
                return place.expect("the semaphore is never closed");
            }
        }
    }

    /// Whether somebody waits for a place: then connections close after their answer, so that nobody holds one for ever by
    /// asking again and again.
    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// A place, if one is free.
    pub(super) fn free_place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    /// Lets the connection go that has waited longest, if any waits.
    pub(super) fn make_room(&self) {
        let members = self.members();
        let ranked = members.1.values().filter_map(|progress| Some((progress.rank()?, progress)));
        if let Some((rank, progress)) = ranked.min_by_key(|(rank, _)| *rank) {
            // Unless it has just stopped waiting; then the next look finds another.
            progress.let_go(rank);
        }
    }

    /// Takes a connection in.
    pub(super) fn join(self: &Arc<Self>, progress: Progress, place: OwnedSemaphorePermit) -> Member {
        let mut members = self.members();
        members.0 += 1;
        let number = members.0;
        members.1.insert(number, progress);
        Member { crowd: self.clone(), number, _place: place }
    }

    /// Completes when no connection is open.
    pub(super) async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            if self.members().1.is_empty() {
                return;
            }
            empty.await;
        }
    }

    /// Completes when nobody is left.
    pub(super) async fn has_gone(&self) {
        let _all = self.places.acquire_many(self.all).await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.crowd.members();
        members.1.remove(&self.number);
        if members.1.is_empty() {
            self.crowd.empty.notify_waiters();
        }
    }
}
