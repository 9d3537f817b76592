//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

mod budget;
mod crowd;
mod cut_off;
mod drain;
mod entrance;
mod head;
mod listener;
mod parting;
mod progress;
mod refusal;
mod unsent;
mod watch;

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Either;
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
use drain::Farewell;
use entrance::Arrival;
use entrance::Entrance;
use head::Seen;
pub use listener::{Address, BadAddress, Listener, Peer};
use parting::see_off;
use progress::{Progress, Times};
pub use refusal::Refusal;
use unsent::Unsent;
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
    /// How long, once shutdown began, connections are still taken and read, so that whoever sends just then is answered.
    pub farewell: Duration,
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

/// Serves until `shutdown` completes, and `limits.farewell` longer whoever is still connected: whether a request that
/// comes then is taken is for the handler to say, and its answer closes the connection. Then lets open requests finish
/// within `limits.drain`.
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
    let ending = Arc::new(Farewell::default());
    let open = |Arrival { connection, peer, place }| {
        let times = Times { head: limits.header_timeout, idle: limits.idle_timeout };
        let progress = Progress::new(&large_requests);
        let member = crowd.join(progress.clone(), place);
        let unsent = Unsent::default();
        let (connection, brings_back) = Watched::new(connection, times, progress.clone(), unsent.clone());
        let (handler, refuse, watched) = (handler.clone(), refuse.clone(), progress.clone());
        let farewell = ending.clone();
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
            let (farewell, unsent) = (farewell.clone(), unsent.clone());
            async move {
                if matches!(seen, None | Some(Seen::Ambiguous)) {
                    return Err(CloseConnection);
                }
                let answered = handler(request).await?;
                if !watched.answered() {
                    return Err(CloseConnection);
                }
                let mut response = answered.map(|body| WatchedBody::new(body, watched, unsent));
                farewell.tell(response.headers_mut(), keep_alive);
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
        // What comes during the farewell is closed by its first answer. To hyper's own end it would be a connection that
        // has not said anything, which is closed without looking whether a request has come meanwhile.
        let connection = match ending.has_begun() {
            false => Either::Left(graceful.watch(connection)),
            true => Either::Right(connection),
        };
        tokio::spawn(async move {
            let ended = tokio::select! {
                biased; // a connection that is let go must not read on
                () = progress.is_let_go() => None,
                ended = connection => Some(ended),
            };
            if let Some(Err(error)) = &ended {
                tracing::debug!(%error, "connection ended early");
            }
            see_off(ended, brings_back, &progress, member, &*refuse).await;
        });
    };
    let began = {
        let mut said = pin!(ending.said(shutdown, limits.farewell.min(limits.drain), || crowd.is_empty()));
        loop {
            tokio::select! {
                arrival = entrance.next() => open(arrival),
                began = &mut said => break began,
            }
        }
    };
    // Whoever was connected by the system already may have sent its request: it is answered as well.
    while let Some(arrival) = entrance.waiting() {
        open(arrival);
    }
    drop(entrance);
    let all_gone = async {
        graceful.shutdown().await;
        crowd.has_gone().await;
    };
    tokio::time::timeout_at(began + limits.drain, all_gone).await.is_ok()
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Tells callers how long a connection may be idle, less a second: a caller that heeds it does not send its next request
/// into a connection that is just being closed.
fn keep_alive(idle_timeout: Duration) -> Option<HeaderValue> {
    let seconds = idle_timeout.as_secs().checked_sub(1).filter(|&seconds| seconds > 0)?;
    HeaderValue::from_str(&format!("timeout={seconds}")).ok()
}
