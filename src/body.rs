//! Reading a caller's body: bounded in bytes and in time.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

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
    /// The connection ended, or its framing broke.
    #[error("the body ended before it was complete")]
    Incomplete,
}

/// Reads a body whole.
///
/// # Errors
/// [`BodyError`]; nothing has been sent to QFPay then.
pub async fn read<B: Body>(body: B, limit: usize, timeout: Duration) -> Result<Bytes, BodyError> {
    // An announced length is refused before a byte of it is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    match tokio::time::timeout(timeout, whole(body, limit)).await {
        Err(_) => Err(BodyError::TooSlow(timeout)),
        Ok(read) => read,
    }
}

/// Copies each piece as it comes. Kept as they are, pieces of one byte would each hold a buffer of hyper's of 8 KiB.
async fn whole<B: Body>(body: B, limit: usize) -> Result<Bytes, BodyError> {
    let announced = body.size_hint().exact();
    let mut body = pin!(body);
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
        if data.remaining() > limit - read.len() {
            return Err(BodyError::TooLarge { limit });
        }
        read.put(data);
    }
    // hyper says so itself when a body breaks off. It would be a payment of another amount, so it is looked at twice.
    match announced.is_none_or(|announced| announced == read.len() as u64) {
        true => Ok(read.freeze()),
        false => Err(BodyError::Incomplete),
    }
}
