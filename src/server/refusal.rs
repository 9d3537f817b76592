//! Requests that no handler ever sees, and their answer on the wire.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::Response;

/// Why a connection ends before a handler saw the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What came is not the head of an HTTP/1.1 request, or can be read in two ways.
    Malformed,
    /// A line of the head ends in a LF alone, where some readers see its end and some do not.
    BareLineFeed,
    /// Before the request stand bytes of the one before it, beyond the length that was announced for that.
    Overrun,
    /// The request line has more than its two spaces: one in the target was not encoded.
    SpaceInTarget,
    /// The caller stopped sending in the middle of a head.
    CutShort,
    /// What came begins like TLS.
    Tls,
    /// What came begins like HTTP/2.
    Http2,
    /// The target holds a `#`, behind which a URI ends.
    Fragment,
    /// The request line is longer than hyper or [`Limits::head_bytes`](super::Limits::head_bytes) takes.
    TargetTooLong,
    /// More bytes or more headers than [`Limits`](super::Limits) has.
    HeadTooLarge,
    /// Not complete within [`Limits::header_timeout`](super::Limits::header_timeout).
    HeadTooSlow,
    /// Not complete when serving ended.
    Ending,
    /// Its connection had waited longest when another needed a permit.
    Evicted,
}

/// A final response as it goes on the wire.
pub(super) fn wire_format(response: &Response<Bytes>) -> Vec<u8> {
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
