//! The least important level that is written, which a reload may change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tracing::Level;

/// From the most important to the least.
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// A level that can be changed. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct LeastLevel(Arc<AtomicU8>);

impl LeastLevel {
    pub(super) fn new(level: Level) -> Self {
        Self(Arc::new(AtomicU8::new(place(level))))
    }

    pub(super) fn get(&self) -> Level {
        LEVELS[usize::from(self.0.load(Ordering::Relaxed))]
    }

    /// Changes it, for every place in the code that logs: each remembers whether it is written.
    pub(super) fn set(&self, level: Level) {
        self.0.store(place(level), Ordering::Relaxed);
        tracing_core::callsite::rebuild_interest_cache();
    }
}

fn place(level: Level) -> u8 {
    LEVELS.iter().position(|known| *known == level).map_or(0, |place| place as u8)
}
