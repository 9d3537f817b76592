//! QFPay's answers: read whole before the caller sees a byte, or streamed when they are large.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ending;
use super::order;
use crate::client::{Link, Pool, innermost};
use crate::headers;

/// A body on its way to the caller: whole, or streamed when it is large.
pub type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

type BoxError = Box<dyn Error + Send + Sync>;

/// What QFPay answered, unchanged but for headers that belong to one connection.
#[derive(Debug)]
pub struct Answer {
    /// QFPay's status, whatever it is; redirects are passed on.
    pub status: StatusCode,
    /// Its headers, see [`headers::to_caller`].
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Body,
}

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    /// All of it was read before the caller sees any.
    Whole(Bytes),
    /// It is larger than `answer_whole_bytes`, and is passed on as it comes.
    Streamed(AnswerBody),
}

/// Why an answer is not passed on.
#[derive(Debug)]
pub(super) enum Useless {
    /// It ended early; hyper or the system says why.
    BrokeOff(String),
    /// It is the answer to something else.
    Foreign,
}

/// What every answer may hold without asking for room. QFPay's have a few hundred bytes, but for statements.
const SMALL: usize = 32 * 1024;
/// The unit in which room is counted.
const KIB: usize = 1024;

/// Reads answers, within bounds.
#[derive(Debug)]
pub(super) struct Reader {
    /// Larger answers stream.
    whole_bytes: usize,
    /// Room in KiB for answers that are not [`SMALL`]. It is taken until the caller has read them: callers that read slowly
    /// must not fill the memory.
    room: Arc<Semaphore>,
    /// How long a streamed answer may pause.
    stall: Duration,
}

impl Reader {
    pub(super) fn new(whole_bytes: usize, memory_bytes: usize, stall: Duration) -> Self {
        // Rounded as an answer's own room is, or one of all the memory would never find it.
        let room = memory_bytes.div_ceil(KIB).min(Semaphore::MAX_PERMITS);
        Self { whole_bytes, room: Arc::new(Semaphore::new(room)), stall }
    }

    /// Reads an answer to a call about this order whole, or as far as may be held; says why when it breaks off. The connection goes back to its pool
    /// once all was read.
    pub(super) async fn read(
        &self,
        answer: Response<Incoming>,
        order: Option<&str>,
        link: Link,
        pool: &Arc<Pool>,
    ) -> Result<Answer, Useless> {
        let (head, mut body) = answer.into_parts();
        let ends_with_connection =
            !head.headers.contains_key(CONTENT_LENGTH) && !head.headers.contains_key(TRANSFER_ENCODING);
        let mut headers = headers::to_caller(&head.headers);
        let length = body.size_hint().exact();
        let mut read = BytesMut::new();
        let mut room = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|broken| Useless::BrokeOff(innermost(&broken).to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            read.extend_from_slice(&data);
            if read.len() > SMALL && room.is_none() {
                room = self.room();
            }
            let too_large = read.len() > self.whole_bytes || (read.len() > SMALL && room.is_none());
            if too_large {
                // With its length a caller notices when it breaks off; HTTP/1.0 has no other sign.
                headers.extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
                let rest = Rest { body, link: Some((link, pool.clone())), stall: self.stall };
                let body = Body::Streamed(streamed(held(read, room), rest));
                return Ok(Answer { status: head.status, headers, body });
            }
        }
        // Without a length, but with a body: 204 and 304 have neither.
        if ends_with_connection && length.is_none() && ending::is_missing(&read) {
            return Err(Useless::BrokeOff("it ended in the middle".to_owned()));
        }
        // The connection goes with it: what follows on it would be somebody else's as well.
        if order.is_some_and(|order| order::is_another(order, &read)) {
            return Err(Useless::Foreign);
        }
        pool.put(link);
        Ok(Answer { status: head.status, headers, body: Body::Whole(held(read, room)) })
    }

    /// Room for one answer of any size that is read whole, unless it is used up.
    fn room(&self) -> Option<OwnedSemaphorePermit> {
        let kib = self.whole_bytes.div_ceil(KIB);
        self.room.clone().try_acquire_many_owned(u32::try_from(kib).ok()?).ok()
    }
}

/// Bytes that give their room back once they were written, or dropped.
fn held(read: BytesMut, room: Option<OwnedSemaphorePermit>) -> Bytes {
    struct Held(Bytes, #[expect(dead_code, reason = "dropped with the bytes")] OwnedSemaphorePermit);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    match room {
        Some(room) => Bytes::from_owner(Held(read.freeze(), room)),
        None => read.freeze(),
    }
}

/// What has yet to come of a streamed answer.
struct Rest {
    body: Incoming,
    /// Where it comes from, and where that goes afterwards.
    link: Option<(Link, Arc<Pool>)>,
    stall: Duration,
}

/// What was read already, then the rest as it comes, none of it later than `stall` after what came before.
fn streamed(beginning: Bytes, rest: Rest) -> AnswerBody {
    let beginning = stream::iter([Ok(Frame::data(beginning))]);
    let rest = stream::unfold(rest, |mut rest| async move {
        let frame = match timeout(rest.stall, rest.body.frame()).await {
            Ok(Some(frame)) => frame.map_err(Into::into),
            Ok(None) => {
                if let Some((link, pool)) = rest.link.take() {
                    pool.put(link);
                }
                return None;
            }
            Err(_) => Err(BoxError::from("it stalled")),
        };
        if let Err(error) = &frame {
            tracing::warn!(%error, "a streamed answer broke off, and the caller's connection with it");
        }
        Some((frame, rest))
    });
    AnswerBody::new(StreamBody::new(beginning.chain(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_one_answer_holds_one_answer() {
        for bytes in [1, KIB, KIB + 1, 100_000] {
            let reader = Reader::new(bytes, bytes, Duration::ZERO);
            let room = reader.room();
            assert!(room.is_some(), "{bytes}");
            assert!(reader.room().is_none(), "{bytes}");
            drop(room);
            assert!(reader.room().is_some(), "{bytes}");
        }
    }
}
