//! Requests that no handler ever sees, and the last words on their connection.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::Response;

/// Why a connection ends before a handler saw the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What came is not the head of an HTTP/1.1 request, or can be read in two ways.
    Malformed,
    /// The request line has more than its two spaces: one in the target was not encoded.
    SpaceInTarget,
    /// The caller stopped sending in the middle of a head.
    CutShort,
    /// What came begins like TLS.
    Tls,
    /// What came begins like HTTP/2.
    Http2,
    /// The request line is longer than hyper or [`Limits::head_bytes`](super::Limits::head_bytes) takes.
    TargetTooLong,
    /// More bytes or more headers than [`Limits`](super::Limits) has.
    HeadTooLarge,
    /// Not complete within [`Limits::header_timeout`](super::Limits::header_timeout).
    HeadTooSlow,
    /// Not complete when serving ended.
    Ending,
    /// It waited for longer than any other when a place was needed, or others hold all of
    /// [`Limits::large_requests_bytes`](super::Limits::large_requests_bytes).
    Crowded,
}

impl Refusal {
    /// What hyper's own bare answer means: it has three, and tells no more.
    pub(super) fn of_status(status: &[u8]) -> Self {
        match status {
            b"414" => Self::TargetTooLong,
            b"431" => Self::HeadTooLarge,
            _ => Self::Malformed,
        }
    }
}

/// An answer as it goes on the wire: the last one on its connection.
pub(super) fn last_words(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let mut head =
        format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut wire = Vec::with_capacity(256 + response.body().len());
    let _ = write!(head, "content-length: {}\r\nconnection: close\r\n", response.body().len()); // never fails
    wire.extend_from_slice(head.as_bytes());
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            wire.extend_from_slice(part);
        }
    }
    wire.extend_from_slice(b"\r\n");
    wire.extend_from_slice(response.body());
    wire
}
