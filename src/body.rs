//! Reading a caller's body: bounded in bytes and in time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
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
pub async fn read<B>(body: B, limit: usize, timeout: Duration) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // An announced length is refused before a byte of it is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge { limit });
    }
    match tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await {
        Err(_) => Err(BodyError::TooSlow(timeout)),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge { limit }),
        Ok(Err(_)) => Err(BodyError::Incomplete),
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
    }
}
