//! Reading a caller's body: bounded in bytes and in time, and all large ones together in memory.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::http::header::CONTENT_LENGTH;
use hyper::http::request::Parts;
use hyper::{Method, Version};

use crate::memory_budget::{MemoryBudget, Reservation};
use crate::server::OVERRUN;

/// What every body may hold without a reservation, in bytes: QFPay's calls are far smaller, so they are served whatever
/// others hold.
const SMALL: usize = 8 * 1024;

/// Why a body was not read whole.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BodyError {
    /// More bytes than `limits.body_bytes`.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The setting, in bytes.
        limit: usize,
    },
    /// Slower than `limits.body_timeout_ms`.
    #[error("the body did not arrive within {} ms", .0.as_millis())]
    TooSlow(Duration),
    /// Other large requests hold all of `limits.large_requests_bytes`.
    #[error("other large requests hold all of limits.large_requests_bytes")]
    MemoryBusy,
    /// HTTP/1.0 has no chunks, so a body without a length is none (RFC 1945 section 7.2.2).
    #[error("an HTTP/1.0 request that is no GET must have a Content-Length")]
    NoLength,
    /// Bytes beyond the announced length, which begin no other request: the body would be cut, and a cut amount be paid.
    #[error(
        "behind the announced length of the body, or behind a request that announces none, stand bytes that begin no other request"
    )]
    Overrun,
    /// The connection ended, or its framing broke.
    #[error("the body ended before it was complete")]
    Incomplete,
}

/// Refuses a request of HTTP/1.0 with a body and no length, since its body would stay unread.
///
/// # Errors
/// [`BodyError::NoLength`].
pub fn has_length(head: &Parts) -> Result<(), BodyError> {
    let named = head.method == Method::GET || head.headers.contains_key(CONTENT_LENGTH);
    match head.version == Version::HTTP_10 && !named {
        true => Err(BodyError::NoLength),
        false => Ok(()),
    }
}

/// Bounds on bodies.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The largest body, in bytes.
    pub bytes: usize,
    /// How long a body may take.
    pub timeout: Duration,
    /// What bodies over 8 KiB hold together.
    pub memory: MemoryBudget,
}

/// A body that was read whole.
#[derive(Debug)]
pub struct Whole {
    /// All of it.
    pub bytes: Bytes,
    /// The memory for it; to be kept as long as the bytes, or what was made of them.
    pub memory: Reservation,
}

/// Reads a body whole.
///
/// # Errors
/// [`BodyError`]; nothing has been sent to QFPay then.
pub async fn read<B: Body<Error = io::Error>>(body: B, bounds: &Bounds) -> Result<Whole, BodyError> {
    // An announced length is refused before a byte of it is read.
    if body.size_hint().lower() > bounds.bytes as u64 {
        return Err(BodyError::TooLarge { limit: bounds.bytes });
    }
    match tokio::time::timeout(bounds.timeout, whole(body, bounds)).await {
        Err(_) => Err(BodyError::TooSlow(bounds.timeout)),
        Ok(read) => read,
    }
}

/// Copies each piece as it comes, unless there is only one. Kept as they are, pieces of one byte would each hold a buffer of
/// hyper's of 8 KiB.
async fn whole<B: Body<Error = io::Error>>(body: B, bounds: &Bounds) -> Result<Whole, BodyError> {
    let announced = body.size_hint().exact();
    let mut body = pin!(body);
    let mut read = BytesMut::new();
    let mut memory = bounds.memory.reserve();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(broken)?.into_data() else { continue };
        let length = read.len() + data.remaining();
        if length > bounds.bytes {
            return Err(BodyError::TooLarge { limit: bounds.bytes });
        }
        if !memory.grow_to(length.saturating_sub(SMALL)) {
            return Err(BodyError::MemoryBusy);
        }
        if read.is_empty() && body.is_end_stream() && announced == Some(length as u64) {
            return Ok(Whole { bytes: data.copy_to_bytes(length), memory });
        }
        read.put(data);
    }
    // hyper says so itself when a body breaks off. It would be a payment of another amount, so it is looked at twice.
    match announced.is_none_or(|announced| announced == read.len() as u64) {
        true => Ok(Whole { bytes: read.freeze(), memory }),
        false => Err(BodyError::Incomplete),
    }
}

fn broken(error: io::Error) -> BodyError {
    match error.kind() {
        OVERRUN => BodyError::Overrun,
        _ => BodyError::Incomplete,
    }
}
