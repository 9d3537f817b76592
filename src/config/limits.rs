//! `[limits]`: bounds on what callers can take up, and on the end. Those of answers are `upstream`'s.

use std::ops::Deref;
use std::time::Duration;

use crate::server;
use crate::settings::{TIME, section};

section! {
    /// Bounds on what callers can take up: each listener's, and those of what stands behind it.
    #[derive(Clone, Copy, Debug)]
    pub struct Limits {
        /// Of each listener.
        pub server: server::Limits = section(server::Limits::read),
        /// The largest request body, in bytes.
        pub body_bytes: usize = number("limits.body_bytes", "bytes", 1..=16 << 20),
        /// How long a request body may take.
        pub body_timeout: Duration = milliseconds("limits.body_timeout_ms", TIME),
        /// What bodies hold together beyond the first 8 KiB of each, in bytes.
        pub large_requests_bytes: usize = number("limits.large_requests_bytes", "bytes", 1024..=1 << 30),
        /// Calls in work at once, once their body is read.
        pub in_flight: usize = number("limits.in_flight", "calls", 1..=65_536),
        /// Larger answers, passed on while they arrive, at once.
        pub streams: usize = number("limits.streams", "answers", 1..=65_536),
        /// How long open calls may finish after SIGTERM.
        pub shutdown_timeout: Duration = milliseconds("limits.shutdown_timeout_ms", TIME),
    }
}

/// A listener's limits stand in the same section.
impl Deref for Limits {
    type Target = server::Limits;

    fn deref(&self) -> &server::Limits {
        &self.server
    }
}
