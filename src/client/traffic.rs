//! The counts of a connection, on both sides of TLS: below it, whether any byte left this machine; above it, how far a request
//! is. The first is the proof behind "not sent".

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

/// What is read from a peer before other tasks have their turn, in bytes: one that never pauses must not keep them waiting.
const READ_AT_ONCE: u64 = 128 * 1024;

/// How far the request on a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of it was written.
    Begun,
    /// Some of it was written.
    Writing,
    /// All of it was taken by the system.
    Written,
    /// Bytes came back.
    Answering,
    /// Bytes came back before the request was whole: they cannot be its answer.
    TooEarly,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Begun, Self::Writing, Self::Written, Self::Answering, Self::TooEarly];
}

/// The counts of one connection. Only the task that polls the connection changes and reads them, so no memory order is needed.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Bytes that the system took, those of TLS itself included.
    left: AtomicU64,
    /// A [`Stage`].
    stage: AtomicU8,
    /// Whether bytes were received since the last look, those of TLS itself included.
    received: AtomicBool,
    /// Bytes in the clear that were read since the connection was last driven.
    read: AtomicU64,
}

/// For the call.
impl Traffic {
    /// A request is about to be written. Returns a mark for [`Traffic::left_since`].
    pub(super) fn begin(&self) -> u64 {
        self.becomes(Stage::Begun);
        self.received.store(false, Relaxed);
        self.left.load(Relaxed)
    }

    /// Whether any byte left after the mark was taken. Final as soon as the connection is not polled any more.
    pub(super) fn left_since(&self, mark: u64) -> bool {
        self.left.load(Relaxed) != mark
    }

    /// The connection is driven, in a turn of its own.
    pub(super) fn turn(&self) {
        self.read.store(0, Relaxed);
    }

    pub(super) fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Relaxed))]
    }

    /// Whether bytes were received since this was asked last.
    pub(super) fn has_received(&self) -> bool {
        self.received.load(Relaxed) && self.received.swap(false, Relaxed)
    }

    fn becomes(&self, stage: Stage) {
        self.stage.store(stage as u8, Relaxed);
    }
}

/// For the socket, below TLS.
impl Traffic {
    /// The system took bytes.
    pub(super) fn left(&self, bytes: usize) {
        self.left.fetch_add(bytes as u64, Relaxed);
    }

    /// Bytes came from the system.
    pub(super) fn received(&self) {
        self.received.store(true, Relaxed);
    }
}

/// For what is in the clear, above TLS.
impl Traffic {
    /// Some of the request was written.
    pub(super) fn wrote(&self) {
        if self.stage() == Stage::Begun {
            self.becomes(Stage::Writing);
        }
    }

    /// All that was written was taken by the system.
    pub(super) fn flushed(&self) {
        if self.stage() == Stage::Writing {
            self.becomes(Stage::Written);
        }
    }

    /// Bytes were read.
    pub(super) fn read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Relaxed);
        match self.stage() {
            Stage::Begun | Stage::Writing => self.becomes(Stage::TooEarly),
            Stage::Written => self.becomes(Stage::Answering),
            Stage::Answering | Stage::TooEarly => {}
        }
    }

    /// Whether as much was read in this turn as may be.
    pub(super) fn has_read_enough(&self) -> bool {
        self.read.load(Relaxed) >= READ_AT_ONCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_read_back() {
        let traffic = Traffic::default();
        assert_eq!(traffic.stage(), Stage::Begun);
        for stage in Stage::ALL {
            traffic.becomes(stage);
            assert_eq!(traffic.stage(), stage);
        }
    }
}
