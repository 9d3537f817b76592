//! `[limits]`: bounds on what callers can take up, and on the end.

use std::time::Duration;

use super::raw::Raw;

/// Bounds on what callers can take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// How long a request head may take.
    pub header_timeout: Duration,
    /// How long a connection may be idle, or a caller may take to read more of an answer.
    pub idle_timeout: Duration,
    /// How long a request body may take.
    pub body_timeout: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Headers of a request.
    pub headers: usize,
    /// A request's head, in bytes.
    pub head_bytes: usize,
    /// What bodies hold together beyond the first 8 KiB of each, in bytes.
    pub large_requests_bytes: usize,
    /// Calls in work at once, once their body is read.
    pub in_flight: usize,
    /// Larger answers, passed on while they arrive, at once.
    pub streams: usize,
    /// The head of an answer of QFPay's, in bytes.
    pub answer_head_bytes: usize,
    /// Answers up to this many bytes are read whole before the caller sees one.
    pub answer_whole_bytes: usize,
    /// The memory for answers that are read whole, all together; never less than `answer_whole_bytes`.
    pub answer_memory_bytes: usize,
    /// How long open calls may finish after SIGTERM.
    pub shutdown_timeout: Duration,
    /// How long callers that are connected at SIGTERM are still heard.
    pub grace_period: Duration,
}

/// Reads the section.
pub(super) fn limits(raw: &mut Raw) -> Option<Limits> {
    let body_bytes = raw.count("limits.body_bytes", "bytes", 1..=16 << 20);
    let header_timeout = raw.milliseconds("limits.header_timeout_ms");
    let idle_timeout = raw.milliseconds("limits.idle_timeout_ms");
    let body_timeout = raw.milliseconds("limits.body_timeout_ms");
    let connections = raw.count("limits.connections", "connections", 1..=65_536);
    let headers = raw.count("limits.headers", "headers", 8..=1024);
    let head_bytes = raw.count("limits.head_bytes", "bytes", 8192..=128 << 10);
    let large_requests_bytes = raw.count("limits.large_requests_bytes", "bytes", 1024..=1 << 30);
    let in_flight = raw.count("limits.in_flight", "calls", 1..=65_536);
    let streams = raw.count("limits.streams", "answers", 1..=65_536);
    let answer_head_bytes = raw.count("limits.answer_head_bytes", "bytes", 8192..=1 << 20);
    let answer_whole_bytes = raw.count("limits.answer_whole_bytes", "bytes", 1..=64 << 20);
    let answer_memory_bytes = raw.count("limits.answer_memory_bytes", "bytes", 1..=4 << 30);
    let shutdown_timeout = raw.milliseconds("limits.shutdown_timeout_ms");
    let grace_period =
        raw.number("limits.grace_period_ms", "milliseconds", 0..=60_000).map(Duration::from_millis);
    Some(Limits {
        body_bytes: body_bytes?,
        header_timeout: header_timeout?,
        idle_timeout: idle_timeout?,
        body_timeout: body_timeout?,
        connections: connections?,
        headers: headers?,
        head_bytes: head_bytes?,
        large_requests_bytes: large_requests_bytes?,
        in_flight: in_flight?,
        streams: streams?,
        answer_head_bytes: answer_head_bytes?,
        answer_whole_bytes: answer_whole_bytes?,
        answer_memory_bytes: answer_memory_bytes?,
        shutdown_timeout: shutdown_timeout?,
        grace_period: grace_period?,
    })
}
