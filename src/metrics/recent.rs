//! Metrics by their labels, found again without making labels. Nearly all calls of a process have the same few, so those that
//! were used lately are kept as handles.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::family::{Family, MetricConstructor};

/// How many handles are kept. Looking through them takes less than one digest of labels.
const KEPT: usize = 8;

/// A family of metrics, and handles of those used last.
#[derive(Debug)]
pub(super) struct Recent<L, M, C = fn() -> M> {
    pub(super) family: Family<L, M, C>,
    handles: Mutex<Vec<(L, M)>>,
}

impl<L: Clone + Hash + Eq, M: Clone, C: MetricConstructor<M>> Recent<L, M, C> {
    pub(super) fn new(family: Family<L, M, C>) -> Self {
        Self { family, handles: Mutex::new(Vec::with_capacity(KEPT)) }
    }

    /// The metric whose labels are those that `is` knows and `make` makes.
    pub(super) fn get(&self, is: impl Fn(&L) -> bool, make: impl FnOnce() -> L) -> M {
        // Every change is complete or was not begun.
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, metric)) = handles.iter().find(|(labels, _)| is(labels)) {
            return metric.clone();
        }
        let labels = make();
        let metric = self.family.get_or_create_owned(&labels);
        if handles.len() == KEPT {
            handles.remove(0);
        }
        handles.push((labels, metric.clone()));
        metric
    }
}
