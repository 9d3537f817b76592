//! `[runtime]`: how many workers.

use super::raw::Raw;

/// The threads that serve.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// Each with a single-threaded runtime and with connections to QFPay of its own.
    pub workers: usize,
}

/// Reads the section.
pub(super) fn runtime(raw: &mut Raw) -> Option<Runtime> {
    Some(Runtime { workers: raw.count("runtime.workers", "workers", 1..=64)? })
}
