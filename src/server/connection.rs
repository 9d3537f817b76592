//! One connection: hyper between its bytes and the handler, and how it ends. No task of its own carries a call, so whatever
//! ends a connection has to leave a call in work alone.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::http::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};

use super::acceptor::Accepted;
use super::conn_state::ConnState;
use super::connection_limit::ConnectionLimit;
use super::lingering_close::{close_at_once, linger};
use super::refusal::wire_format;
use super::server_io::{End, ServerIo};
use super::stream::Peer;
use super::user_lookup::UserLookup;
use super::{CloseConnection, Limits, Refusal, Shutdown, Stage};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
/// The kind of error with which a body ends behind which stands what begins no other request.
pub const OVERRUN: io::ErrorKind = io::ErrorKind::InvalidData;
/// The smallest that hyper takes as the bound of its buffers, in bytes.
const SMALLEST_BUFFER: usize = 8192;

/// What the connections of a listener have in common.
#[derive(Debug)]
pub(super) struct Service<H, R> {
    pub(super) handler: H,
    pub(super) refuse: R,
    pub(super) limits: Limits,
    pub(super) keep_alive: Option<HeaderValue>,
    pub(super) limit: Arc<ConnectionLimit>,
    pub(super) shutdown: Shutdown,
}

impl<H, R, F, B> Service<H, R>
where
    H: Fn(Box<Request<RequestBody>>, Peer) -> F + Send + Sync + 'static,
    R: Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Serves a connection in a task of its own.
    pub(super) fn open(self: &Arc<Self>, accepted: Accepted) {
        tokio::spawn(self.clone().serve(accepted));
    }

    async fn serve(self: Arc<Self>, Accepted { stream, mut peer, asked, users, permit }: Accepted) {
        let (state, place) = self.limit.admit(permit);
        peer.user = asked.user(|| stream.is_connected()).await;
        let io = ServerIo::new(stream, state.clone(), self.limit.clone(), self.limits);
        let mut connection = http1::Builder::new()
            .max_headers(self.limits.headers)
            .max_buf_size(self.limits.head_bytes.max(SMALLEST_BUFFER))
            .half_close(true) // a caller that has sent everything may still wait for its answer
            .serve_connection(
                io,
                service_fn(|request: Request<Incoming>| {
                    let request = request.map(|body| RequestBody { body, state: state.clone() });
                    // In a box, since it is handed on through every step of a call.
                    self.answer(Box::new(request), peer, users.as_ref(), &state)
                }),
            );
        let ended = poll_fn(|cx| {
            state.task.register(cx.waker());
            // This drops the wait for a request or for a reader, never a call in work.
            if state.is_evicted() { Poll::Ready(Ok(())) } else { Pin::new(&mut connection).poll(cx) }
        })
        .await;
        if let Err(error) = &ended {
            tracing::debug!(%error, "connection ended early");
        }
        let (stream, end) = connection.into_parts().io.ends(ended.is_err());
        if ended.is_err() && state.unbounded.load(Ordering::Relaxed) {
            stream.will_reset();
        }
        let final_response = match end {
            End::Silent => return,
            End::Answered => None,
            End::Refused(refusal) => Some(wire_format(&(self.refuse)(refusal))),
        };
        if state.closes() {
            linger(stream, final_response, &state).await;
        } else {
            drop(place); // another connection waits for its permit
            close_at_once(stream, &final_response.unwrap_or_default()).await;
        }
    }

    /// Answers one request, and tells the caller whether and how long the connection is kept.
    async fn answer(
        &self,
        request: Box<Request<RequestBody>>,
        peer: Peer,
        users: Option<&UserLookup>,
        state: &Arc<ConnState>,
    ) -> Result<Response<Either<B, Full<Bytes>>>, CloseConnection> {
        let whole = request.body().is_end_stream();
        let closes = closes(&request);
        let is_old = request.version() == Version::HTTP_10;
        let mut response = if state.fragment.load(Ordering::Relaxed) {
            (self.refuse)(Refusal::Fragment).map(|body| Either::Right(Full::new(body)))
        } else if whole && !state.begins_work() {
            return Err(CloseConnection);
        } else {
            (self.handler)(request, peer).await?.map(Either::Left)
        };
        // In HTTP/1.0 an answer without a length ends where its connection does.
        if is_old && response.body().size_hint().exact().is_none() {
            state.unbounded.store(true, Ordering::Relaxed);
        }
        // Behind an answer to a request that it does not have hyper closes.
        let unread = !state.handed_over.load(Ordering::Relaxed);
        if !state.answers() {
            return Err(CloseConnection);
        }
        let ends = closes
            || unread
            || self.shutdown.has_reached(Stage::Draining)
            || self.limit.is_under_pressure()
            || users.is_some_and(|users| users.is_too_old(peer.user))
            || state.last.load(Ordering::Relaxed);
        if ends {
            state.last.store(true, Ordering::Relaxed);
            response.headers_mut().insert(CONNECTION, CLOSE);
        } else {
            if let Some(hint) = &self.keep_alive {
                response.headers_mut().append(KEEP_ALIVE, hint.clone());
            }
        }
        Ok(response)
    }
}

/// Whether the caller wants no further answer on its connection.
fn closes<B>(request: &Request<B>) -> bool {
    let says = |word: &[u8]| {
        let mut words = request
            .headers()
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| value.as_bytes().split(|&b| b == b','));
        words.any(|said| said.trim_ascii().eq_ignore_ascii_case(word))
    };
    says(b"close") || request.version() == Version::HTTP_10 && !says(b"keep-alive")
}

/// The body of a request. Once a handler has all of it, its connection is not evicted any more; on one that was evicted
/// before, no handler ever has all of it.
#[derive(Debug)]
pub struct RequestBody {
    body: Incoming,
    state: Arc<ConnState>,
}

impl RequestBody {
    fn is_overrun(&self) -> bool {
        self.state.overrun.load(Ordering::Relaxed)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose().map_err(io::Error::other)?;
        let whole = frame.is_none() || self.body.is_end_stream();
        if whole && self.is_overrun() {
            return Poll::Ready(Some(Err(OVERRUN.into())));
        }
        if whole && !self.state.begins_work() {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && !self.is_overrun()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
