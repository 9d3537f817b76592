//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

mod budget;
mod connection;
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
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::http::HeaderValue;
use hyper::{Request, Response};

use connection::Service;
pub use cut_off::CutOff;
use entrance::Entrance;
pub use listener::{Address, BadAddress, Listener, Peer};
pub use refusal::Refusal;

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

impl Limits {
    /// Tells callers how long a connection may be idle, less a second: a caller that heeds it does not send its next
    /// request into a connection that is just being closed.
    fn keep_alive(&self) -> Option<HeaderValue> {
        let seconds = self.idle_timeout.as_secs().checked_sub(1).filter(|&seconds| seconds > 0)?;
        HeaderValue::from_str(&format!("timeout={seconds}")).ok()
    }
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
    let service = Service::new(handler, refuse, limits);
    let mut entrance = Entrance::new(listener, &service.crowd);
    let began = {
        let farewell = limits.farewell.min(limits.drain);
        let mut said = pin!(service.ending.said(shutdown, farewell, || service.crowd.is_empty()));
        loop {
            tokio::select! {
                arrival = entrance.next() => service.open(arrival),
                began = &mut said => break began,
            }
        }
    };
    // Whoever was connected by the system already may have sent its request: it is answered as well.
    while let Some(arrival) = entrance.waiting() {
        service.open(arrival);
    }
    drop(entrance);
    tokio::time::timeout_at(began + limits.drain, service.end()).await.is_ok()
}
