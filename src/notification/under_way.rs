//! Deliveries under way, one at a time for each fingerprint: a captured notification can be repeated in any
//! number, and its signature stays right.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::memory::Fingerprint;

/// How many copies wait for the outcome of the one that is being delivered. QFPay sends one after the other.
const WAITING: usize = 4;

/// Which notifications are being delivered.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    lines: Mutex<HashMap<Fingerprint, Line>>,
}

#[derive(Debug, Default)]
struct Line {
    turn: Arc<Turn<()>>,
    copies: usize,
}

/// One copy: the one that is delivered, or one that waits. It leaves when it is dropped.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    under_way: &'a UnderWay,
    fingerprint: Fingerprint,
    turn: Arc<Turn<()>>,
}

impl UnderWay {
    /// A place in the line of this notification; nothing when enough copies wait already.
    pub(super) fn join(&self, fingerprint: Fingerprint) -> Option<Copy<'_>> {
        let mut lines = self.lines();
        let line = lines.entry(fingerprint).or_default();
        if line.copies > WAITING {
            return None;
        }
        line.copies += 1;
        Some(Copy { under_way: self, fingerprint, turn: line.turn.clone() })
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Fingerprint, Line>> {
        // Nothing panics while it is held.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy<'_> {
    /// Waits until no other copy is being delivered, in order.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut line) = self.under_way.lines().entry(self.fingerprint) {
            line.get_mut().copies -= 1;
            if line.get().copies == 0 {
                line.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_bounded_and_leaves_nothing_behind() {
        let under_way = UnderWay::default();
        let copies: Vec<_> = (0..20).filter_map(|_| under_way.join([1; 32])).collect();
        assert_eq!(copies.len(), 1 + WAITING);
        assert!(under_way.join([2; 32]).is_some(), "another notification has a line of its own");
        let first = copies[0].turn().await;
        assert!(copies[1].turn.try_lock().is_err());
        drop(first);
        drop(copies[1].turn().await);
        drop(copies);
        assert!(under_way.lines().is_empty());
    }
}
