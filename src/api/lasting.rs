//! What of this listener outlives every configuration: it is the same before and after a reload.

use std::sync::{Arc, Once};

use tokio::sync::Semaphore;

use crate::metrics::Metrics;
use crate::orders::Orders;
use crate::orders::journal::Journal;
use crate::server::Shutdown;

/// One for the whole process. Whatever remembers calls, or bounds what they hold together, belongs here: in [`super::Api`],
/// which a reload replaces, it would be forgotten, and a second one would stand beside the first while calls of both are in
/// flight.
#[derive(Debug)]
pub struct Lasting {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Answers that stream at once.
    pub streams: Arc<Semaphore>,
    /// While it drains no new call is taken; at its cut-off calls in flight are given up, so that callers hear of it.
    pub shutdown: Shutdown,
    /// What is remembered of orders.
    pub orders: Arc<Orders>,
    /// What is put on record of calls that move money; nothing without `journal.file`.
    pub journal: Option<Journal>,
    /// Whether it was told that a caller leaves the app or the merchant empty, which is told once.
    pub told_empty: Once,
}

impl Lasting {
    /// So many answers may stream at once.
    pub fn new(metrics: Arc<Metrics>, shutdown: Shutdown, streams: usize, journal: Option<Journal>) -> Self {
        let orders = Orders::new(metrics.clone(), journal.clone());
        Self {
            metrics,
            streams: Arc::new(Semaphore::new(streams)),
            shutdown,
            orders,
            journal,
            told_empty: Once::new(),
        }
    }
}
