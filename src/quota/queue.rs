//! Calls that wait for their turn, in the order in which they came.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout_at;

/// One line of waiting calls. Only the first of them asks; the others wait for its place, which tokio's mutex gives in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    first: Mutex<()>,
    waiting: AtomicU32,
    held_up: AtomicBool,
}

impl Queue {
    /// How many wait.
    pub fn len(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether the first one waits for the answer to a payment that went ahead, and not for a token: then all of them may
    /// go at once, and the length of the line says nothing about the wait.
    pub fn is_held_up(&self) -> bool {
        self.held_up.load(Ordering::Relaxed)
    }

    /// What the first one waits for.
    pub fn hold_up(&self, held_up: bool) {
        self.held_up.store(held_up, Ordering::Relaxed);
    }

    /// A place at the end.
    pub fn join(&self) -> Place<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Place(self)
    }
}

/// A place in the line, given up when it is dropped.
pub(super) struct Place<'a>(&'a Queue);

impl<'a> Place<'a> {
    /// Waits until this place is the first one; nothing if that takes longer.
    pub async fn first(&self, deadline: Instant) -> Option<MutexGuard<'a, ()>> {
        let queue: &'a Queue = self.0;
        timeout_at(deadline.into(), queue.first.lock()).await.ok()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
