//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

mod budget;
mod connection;
mod crowd;
mod entrance;
mod head;
mod listener;
mod parting;
mod passed;
mod progress;
mod refusal;
mod shutdown;
mod socket_file;
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
use crowd::Crowd;
use entrance::Entrance;
pub use listener::{Address, BadAddress, CannotListen, Listener, Peer};
pub use passed::Passed;
pub use refusal::Refusal;
pub use shutdown::{Shutdown, Stage};
pub use socket_file::SocketFile;

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
    /// How long connections are still accepted and read once shutdown began: a caller that sends its request just then is
    /// answered that it was not taken, instead of meeting a closed connection and not knowing.
    pub grace_period: Duration,
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

/// Serves until `shutdown` drains, and as long as callers are connected for `limits.grace_period` more: whether a request
/// that comes then is taken is for the handler to say, and its answer closes the connection. Open requests may finish
/// until [`Shutdown::TIME_TO_TELL`] after the cut-off.
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
    shutdown: Shutdown,
) -> bool
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let service = Service::new(handler, refuse, limits, shutdown.clone());
    let mut entrance = Entrance::new(listener, &service.crowd);
    {
        let mut over = pin!(grace_period_over(&shutdown, limits.grace_period, &service.crowd));
        loop {
            tokio::select! {
                arrival = entrance.next() => service.open(arrival),
                () = &mut over => break,
            }
        }
    }
    // Whoever was connected by the system already may have sent its request: it is answered as well.
    while let Some(arrival) = entrance.waiting() {
        service.open(arrival);
    }
    drop(entrance);
    tokio::select! {
        biased;
        () = service.end() => true,
        () = told(&shutdown) => false,
    }
}

/// Completes when shutdown has begun and either the grace period has passed or no connection is left.
async fn grace_period_over(shutdown: &Shutdown, lasts: Duration, connections: &Crowd) {
    shutdown.reached(Stage::Draining).await;
    tokio::select! {
        () = tokio::time::sleep(lasts) => {}
        () = connections.emptied() => {}
        () = shutdown.reached(Stage::CutOff) => {}
    }
}

/// Completes when callers have had their time to hear of the cut-off.
async fn told(shutdown: &Shutdown) {
    shutdown.reached(Stage::CutOff).await;
    tokio::time::sleep(Shutdown::TIME_TO_TELL).await;
}
