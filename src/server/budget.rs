//! Bytes that may be held together, whoever holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes may still be taken.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    /// A budget of this many bytes.
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |free: usize| free.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// One holder's part of a budget; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    taken: usize,
}

impl Share {
    /// Nothing yet.
    pub(super) fn of(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), taken: 0 }
    }

    /// Whether the budget covers this many bytes in all; what it lacked is taken.
    pub(super) fn covers(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.taken);
        let covered = self.budget.take(more);
        self.taken += if covered { more } else { 0 };
        covered
    }

    /// Gives everything back.
    pub(super) fn release(&mut self) {
        self.budget.0.fetch_add(std::mem::take(&mut self.taken), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_and_no_more() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (Share::of(&budget), Share::of(&budget));
        assert!(one.covers(6) && one.covers(4) && other.covers(4));
        assert!(!other.covers(5), "all ten are taken");
        drop(one);
        assert!(other.covers(10) && !other.covers(11));
        other.release();
        assert!(Share::of(&budget).covers(10));
    }
}
