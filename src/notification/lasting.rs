//! What of this listener outlives every configuration: it is the same before and after a reload.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::memory::Memory;
use super::under_way::UnderWay;
use crate::metrics::Metrics;
use crate::orders::journal::Journal;
use crate::server::Shutdown;

/// One for the whole process. In [`super::Notifications`], which a reload replaces, it would be forgotten: a repeat would go
/// to the receiver unmarked, and a copy beside the one that is with it.
#[derive(Debug)]
pub struct Lasting {
    pub(super) memory: Memory,
    pub(super) under_way: UnderWay,
    pub(super) metrics: Arc<Metrics>,
    pub(super) shutdown: Shutdown,
    /// Where notifications are kept; nothing without `journal.file`.
    pub(super) journal: Option<Journal>,
    /// Deliveries at once.
    pub(super) in_flight: Arc<Semaphore>,
}

impl Lasting {
    /// Remembers so many acknowledged notifications, and delivers so many at once. While `shutdown` drains no notification is
    /// taken; at its cut-off deliveries are given up.
    pub fn new(
        remember: usize,
        in_flight: usize,
        metrics: Arc<Metrics>,
        shutdown: Shutdown,
        journal: Option<Journal>,
    ) -> Self {
        Self {
            memory: Memory::new(remember),
            under_way: UnderWay::default(),
            metrics,
            shutdown,
            journal,
            in_flight: Arc::new(Semaphore::new(in_flight)),
        }
    }
}
