//! QFPay's answers: read whole before the caller sees a byte, or streamed when they are large.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::client::{self, BodyError, Connection, Pool};
use crate::headers;

/// A body on its way to the caller: whole, or streamed when it is large.
pub type AnswerBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, BoxError>>;

type BoxError = Box<dyn Error + Send + Sync>;

/// What QFPay answered, unchanged but for headers that belong to one connection. What it is worth is not known here.
#[derive(Debug)]
pub struct Answer {
    /// QFPay's status, whatever it is; redirects are not followed.
    pub status: StatusCode,
    /// Its headers, see [`headers::to_caller`].
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Body,
    /// How the end of its body is known.
    pub end: End,
    /// Where a whole answer came from, if it takes another request.
    connection: Option<(Box<Connection>, Arc<Pool>)>,
}

impl Answer {
    /// Gives the connection back for further calls. Dropping the answer closes it instead: behind an answer that is not
    /// believed there may be more that belongs to no call.
    #[must_use]
    pub fn accepted(mut self) -> Self {
        if let Some((connection, pool)) = self.connection.take() {
            pool.put(connection);
        }
        self
    }
}

/// How the end of an answer's body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By its length, or by its last chunk.
    Announced,
    /// It is the end of its connection, and HTTP does not tell whether it was cut short.
    Connection,
    /// It has a transfer coding other than `chunked`, which nobody asked for: hyper reads on until the connection ends, whatever
    /// length is announced, and what came is coded.
    Coded,
}

impl End {
    fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        match (codings.next(), codings.next()) {
            (None, _) if length.is_none() => Self::Connection,
            (None, _) => Self::Announced,
            (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Self::Announced,
            _ => Self::Coded,
        }
    }
}

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    /// All of it was read before the caller sees any.
    Whole(Bytes),
    /// It is larger than `answer_whole_bytes`, and is passed on as it comes.
    Streamed(AnswerBody),
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

    /// The same memory, with another bound on pauses.
    pub(super) fn renewed(&self, stall: Duration) -> Self {
        Self { whole_bytes: self.whole_bytes, room: self.room.clone(), stall }
    }

    /// Reads an answer whole before `deadline`, or as far as may be held.
    ///
    /// # Errors
    /// [`BodyError`] when it breaks off, or comes too late.
    pub(super) async fn read(
        &self,
        answer: Response<client::Body>,
        deadline: Instant,
        pool: &Arc<Pool>,
    ) -> Result<Answer, BodyError> {
        let (head, mut body) = answer.into_parts();
        let length = body.length();
        // 204 and 304 have no body, and so an end of their own.
        let end = End::of(&head.headers, length);
        let mut headers = headers::to_caller(head.headers);
        let mut read = BytesMut::new();
        let mut room = None;
        let mut only_piece = None;
        while let Some(data) = body.data(deadline).await? {
            if length == Some(data.len() as u64) && data.len() <= SMALL.min(self.whole_bytes) {
                only_piece = Some(data);
                continue;
            }
            read.extend_from_slice(&data);
            if read.len() > SMALL && room.is_none() {
                room = self.room();
            }
            let too_large = read.len() > self.whole_bytes || (read.len() > SMALL && room.is_none());
            if too_large {
                // With its length a caller notices when it breaks off; HTTP/1.0 has no other sign.
                headers.extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
                let open = if end == End::Connection { Open::of(&read) } else { Open::default() };
                let rest = Rest { body, pool: pool.clone(), stall: self.stall, open };
                let body = Body::Streamed(streamed(held(read, room), rest));
                return Ok(Answer { status: head.status, headers, body, end, connection: None });
            }
        }
        Ok(Answer {
            status: head.status,
            headers,
            body: Body::Whole(only_piece.unwrap_or_else(|| held(read, room))),
            end,
            connection: body.into_connection().map(|connection| (connection, pool.clone())),
        })
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
    body: client::Body,
    /// Where its connection goes afterwards.
    pool: Arc<Pool>,
    stall: Duration,
    open: Open,
}

/// The bracket with which an answer has to end that only its connection ends, and its last byte so far.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    bracket: Option<u8>,
    last: Option<u8>,
}

impl Open {
    fn of(beginning: &[u8]) -> Self {
        let bracket = match beginning.trim_ascii_start().first() {
            Some(b'{') => Some(b'}'),
            Some(b'[') => Some(b']'),
            _ => None,
        };
        Self { bracket, last: None }.and(beginning)
    }

    fn and(self, more: &[u8]) -> Self {
        Self { last: more.trim_ascii_end().last().copied().or(self.last), ..self }
    }

    fn is_cut_short(self) -> bool {
        self.bracket.is_some() && self.bracket != self.last
    }
}

/// What was read already, then the rest as it comes, none of it later than `stall` after it was asked for.
fn streamed(beginning: Bytes, rest: Rest) -> AnswerBody {
    let beginning = stream::iter([Ok(Frame::data(beginning))]);
    let rest = stream::unfold(Some(rest), |rest| async move {
        let mut rest = rest?;
        match rest.body.data(Instant::now() + rest.stall).await {
            Ok(Some(data)) => {
                rest.open = rest.open.and(&data);
                Some((Ok(Frame::data(data)), Some(rest)))
            }
            Ok(None) if rest.open.is_cut_short() => {
                Some((Err(broke_off("it ended in the middle").await), None))
            }
            Ok(None) => {
                if let Some(connection) = rest.body.into_connection() {
                    rest.pool.put(connection);
                }
                None
            }
            Err(error) => Some((Err(broke_off(error).await), None)),
        }
    });
    Either::Right(UnsyncBoxBody::new(StreamBody::new(beginning.chain(rest))))
}

async fn broke_off(error: impl Display + Into<BoxError>) -> BoxError {
    tracing::warn!(%error, "a streamed answer broke off, and the caller's connection with it");
    // hyper writes what came before only while nothing more is ready.
    tokio::task::yield_now().await;
    error.into()
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
