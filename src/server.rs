//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

mod budget;
mod crowd;
mod cut_off;
mod entrance;
mod farewell;
mod head;
mod listener;
mod progress;
mod refusal;
mod watch;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::http::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;

use budget::Budget;
use crowd::Crowd;
pub use cut_off::CutOff;
use entrance::Entrance;
use head::Seen;
pub use listener::{Address, BadAddress, Listener, Peer};
use progress::{End, Progress, Times};
pub use refusal::Refusal;
use refusal::last_words;
use watch::{Watched, WatchedBody};

/// Bounds on what callers can take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once. For a further one the connection that has waited longest for its caller is closed.
    pub connections: usize,
    /// Headers of a request.
    pub headers: usize,
    /// A request's head, in bytes.
    pub head_bytes: usize,
    /// What requests hold together beyond the first 8 KiB of each, in bytes.
    pub large_requests_bytes: usize,
    /// How long a request head may take.
    pub header_timeout: Duration,
    /// How long a connection may be idle between requests, or a caller may take to read more of an answer.
    pub idle_timeout: Duration,
    /// How long connections may finish their request once shutdown began.
    pub drain: Duration,
}

/// What a handler fails with when the connection is to be closed without an answer. Only the sandbox does that.
#[derive(Debug)]
pub struct CloseConnection;

impl fmt::Display for CloseConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handler closed the connection")
    }
}

impl std::error::Error for CloseConnection {}

impl From<Infallible> for CloseConnection {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// An extension of requests whose URI may not be all of what the caller sent as the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiddenTarget {
    /// The target held a `#`: what stood behind it is not in the URI any more.
    Fragment,
    /// The request was sent before the one before it was answered, so its line was not looked at.
    Pipelined,
}

/// Serves until `shutdown` completes, then lets open requests finish within `limits.drain`.
///
/// `refuse` makes the answer to a request that no handler sees. A handler reads a body whole before it does anything
/// that matters: a connection whose body is still awaited may have to give up its place.
///
/// Returns whether every connection finished in time.
pub async fn serve<H, F, B>(
    listener: Listener,
    handler: H,
    refuse: impl Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (handler, refuse) = (Arc::new(handler), Arc::new(refuse));
    let crowd = Crowd::new(limits.connections);
    let large_requests = Budget::new(limits.large_requests_bytes);
    let mut entrance = Entrance::new(listener, &crowd);
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let (connection, peer, place) = tokio::select! {
            accepted = entrance.next() => accepted,
            () = &mut shutdown => break,
        };
        let times = Times { head: limits.header_timeout, idle: limits.idle_timeout };
        let progress = Progress::new(&large_requests);
        let member = crowd.join(progress.clone(), place);
        let (connection, brings_back) = Watched::new(connection, times, progress.clone());
        let (handler, refuse, watched) = (handler.clone(), refuse.clone(), progress.clone());
        let keep_alive = keep_alive(limits.idle_timeout);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let seen = watched.begins(&request);
            let hidden = match seen {
                Some(Seen::Fragment) => Some(HiddenTarget::Fragment),
                Some(Seen::NotWhole) => Some(HiddenTarget::Pipelined),
                Some(Seen::Whole | Seen::Ambiguous) | None => None,
            };
            if let Some(hidden) = hidden {
                request.extensions_mut().insert(hidden);
            }
            let (handler, keep_alive, watched) = (handler.clone(), keep_alive.clone(), watched.clone());
            async move {
                if matches!(seen, None | Some(Seen::Ambiguous)) {
                    return Err(CloseConnection);
                }
                let answered = handler(request).await?;
                if !watched.answered() {
                    return Err(CloseConnection);
                }
                let mut response = answered.map(|body| WatchedBody::new(body, watched));
                response.headers_mut().extend(keep_alive.map(|hint| (KEEP_ALIVE, hint)));
                Ok(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None) // `Watched` tells a slow head from an idle connection
            .max_headers(limits.headers)
            .max_buf_size(limits.head_bytes)
            .half_close(true) // a caller that has sent everything may still wait for its answer
            .serve_connection(connection, service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let ended = tokio::select! {
                biased; // a connection that is let go must not read on
                () = progress.is_let_go() => None,
                ended = connection => Some(ended),
            };
            if let Some(Err(error)) = &ended {
                tracing::debug!(%error, "connection ended early");
            }
            let needed = progress.was_let_go();
            let end = progress.ends(ended);
            let words = |refusal| last_words(&refuse(refusal));
            match (end, brings_back.await) {
                (End::Silent, _) | (_, Err(_)) => {}
                (End::Unspoken(refusal), Ok(io)) => {
                    drop(member); // somebody may wait for its place
                    return farewell::let_go(io, false, || words(refusal)).await;
                }
                (End::Refused(refusal), Ok(io)) if needed => {
                    drop(member);
                    return farewell::let_go(io, true, || words(refusal)).await;
                }
                (End::Refused(refusal), Ok(io)) => {
                    stay(farewell::part(io, Some(words(refusal))), &progress).await
                }
                (End::Unread, Ok(io)) => stay(farewell::part(io, None), &progress).await,
            }
            drop(member);
        });
    }
    drop(entrance);
    let finished = tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok();
    if finished {
        // Answers that are on their way are not taken back by the end of the process.
        let _ = tokio::time::timeout(farewell::SILENCE, crowd.is_empty()).await;
    }
    finished
}

/// Says goodbye for as long as nobody needs the place.
async fn stay(farewell: impl Future<Output = ()>, progress: &Progress) {
    tokio::select! {
        () = farewell => {}
        () = progress.is_let_go() => {}
    }
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Tells callers how long a connection may be idle, less a second: a caller that heeds it does not send its next request
/// into a connection that is just being closed.
fn keep_alive(idle_timeout: Duration) -> Option<HeaderValue> {
    let seconds = idle_timeout.as_secs().checked_sub(1).filter(|&seconds| seconds > 0)?;
    HeaderValue::from_str(&format!("timeout={seconds}")).ok()
}
