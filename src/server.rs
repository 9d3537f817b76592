//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

mod cut_off;
mod drain;
mod listener;
mod watch;

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use hyper::body::{Body, Incoming};
use hyper::http::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use cut_off::CutOff;
use drain::Farewell;
use listener::Io;
pub use listener::{Address, BadAddress, Listener, Peer};
use watch::{Seen, Times, Watched};

/// Bounds on what callers can take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; further ones wait in the system's queue.
    pub connections: usize,
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
/// Returns whether every connection finished in time.
pub async fn serve<H, F, B>(
    listener: Listener,
    handler: H,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handler = Arc::new(handler);
    let permits = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let ending = Arc::new(Farewell::default());
    // One permit may be held for the connection that is to come.
    let nobody = || permits.available_permits() + 1 >= limits.connections;
    // The permit comes first: a connection that we cannot serve stays in the system's queue.
    let accept = async || {
        let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        (listener.accept().await, permit)
    };
    let open = |((connection, peer), permit): ((Box<dyn Io>, Peer), OwnedSemaphorePermit)| {
        let times = Times { head: limits.header_timeout, idle: limits.idle_timeout };
        let (connection, progress) = Watched::new(connection, times);
        let (handler, farewell) = (handler.clone(), ending.clone());
        let keep_alive = keep_alive(limits.idle_timeout);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            match progress.begins() {
                Seen::Whole => {}
                Seen::Fragment => drop(request.extensions_mut().insert(HiddenTarget::Fragment)),
                Seen::Nothing => drop(request.extensions_mut().insert(HiddenTarget::Pipelined)),
            }
            let (handler, keep_alive, progress) = (handler.clone(), keep_alive.clone(), progress.clone());
            let farewell = farewell.clone();
            async move {
                let answered = handler(request).await;
                progress.answered();
                let mut response = answered?;
                farewell.tell(response.headers_mut(), keep_alive);
                Ok::<_, CloseConnection>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None) // `Watched` tells a slow head from an idle connection
            .max_headers(100)
            .max_buf_size(128 * 1024) // a whole call may stand in the query; hyper's own bound is 400 KiB
            .half_close(true) // a caller that has sent everything may still wait for its answer
            .serve_connection(connection, service);
        // What comes during the farewell is closed by its first answer. To hyper's own end it would be a connection that
        // has not said anything, which is closed without looking whether a request has come meanwhile.
        let connection = match ending.has_begun() {
            false => Either::Left(graceful.watch(connection)),
            true => Either::Right(connection),
        };
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(permit);
        });
    };
    let began = {
        let mut said = pin!(ending.said(shutdown, limits.farewell.min(limits.drain), nobody));
        loop {
            tokio::select! {
                accepted = accept() => open(accepted),
                began = &mut said => break began,
            }
        }
    };
    // Whoever was connected by the system already may have sent its request: it is answered as well.
    while let Ok(permit) = permits.clone().try_acquire_owned()
        && let Some(waiting) = listener.accept_waiting()
    {
        open((waiting, permit));
    }
    drop(listener);
    let everybody = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let all_gone = async {
        graceful.shutdown().await;
        permits.acquire_many(everybody).await
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
