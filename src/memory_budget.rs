//! Memory that many holders share, counted in KiB.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const KIB: usize = 1024;

/// A bound on what all holders reserve together. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryBudget(Arc<Semaphore>);

/// One holder's part of a budget, given back when this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    held: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    /// A budget of so many bytes, rounded up.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(KIB).min(Semaphore::MAX_PERMITS))))
    }

    /// A reservation of nothing.
    pub fn reserve(&self) -> Reservation {
        Reservation { budget: self.clone(), held: None }
    }
}

impl Reservation {
    /// Makes this a reservation of at least so many bytes in all. Returns whether the budget has what was lacking.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacking = bytes.div_ceil(KIB).saturating_sub(held);
        if lacking == 0 {
            return true;
        }
        let Ok(lacking) = u32::try_from(lacking) else { return false };
        let Ok(more) = self.budget.0.clone().try_acquire_many_owned(lacking) else { return false };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back_and_no_more() {
        let budget = MemoryBudget::new(10 * KIB);
        let (mut one, mut other) = (budget.reserve(), budget.reserve());
        assert!(one.grow_to(0) && one.grow_to(6 * KIB) && one.grow_to(1) && other.grow_to(3 * KIB + 1));
        assert!(!other.grow_to(4 * KIB + 1), "all ten are held");
        drop(one);
        assert!(other.grow_to(10 * KIB) && !other.grow_to(10 * KIB + 1));
        drop(other);
        assert!(budget.reserve().grow_to(10 * KIB));
    }
}
