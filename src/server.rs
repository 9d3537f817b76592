//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

mod acceptor;
mod address;
mod conn_state;
mod connection;
mod connection_limit;
mod head;
mod inbound;
mod lingering_close;
mod listener;
mod passed;
mod refusal;
mod server_io;
mod shutdown;
#[cfg_attr(not(target_os = "linux"), path = "server/no_sock_diag.rs")]
mod sock_diag;
mod socket_file;
mod stream;
mod user;
mod user_lookup;

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use hyper::http::HeaderValue;
use hyper::{Request, Response};

use crate::settings::{TIME, section};
use acceptor::Acceptor;
pub use address::{Address, BadAddress, CannotListen};
use connection::Service;
pub use connection::{OVERRUN, RequestBody};
use connection_limit::ConnectionLimit;
pub use listener::{Listener, SharedSocket};
pub use passed::Passed;
pub use refusal::Refusal;
pub use shutdown::{Shutdown, Stage};
pub use socket_file::SocketFile;
pub use stream::Peer;
pub use user::{NoUser, User};
pub use user_lookup::UserLookup;

section! {
    /// Bounds on what callers can take up.
    #[derive(Clone, Copy, Debug)]
    pub struct Limits {
        /// Connections open at once. For a further one the connection that has waited longest for its caller is evicted.
        pub connections: usize = number("limits.connections", "connections", 1..=65_536),
        /// Headers of a request.
        pub headers: usize = number("limits.headers", "headers", 8..=1024),
        /// A request's head, in bytes. A connection holds as much of the requests that it has not served yet, and of the
        /// answer that its caller has not read.
        pub head_bytes: usize = number("limits.head_bytes", "bytes", 8192..=128 << 10),
        /// How long a request head may take.
        pub header_timeout: Duration = milliseconds("limits.header_timeout_ms", TIME),
        /// How long a connection may be idle between requests, or a caller may take to read more of an answer.
        pub idle_timeout: Duration = milliseconds("limits.idle_timeout_ms", TIME),
        /// How long connections are still accepted and read once shutdown began: a caller that sends its request just then
        /// is answered that it was not taken, instead of meeting a closed connection and not knowing.
        pub grace_period: Duration = milliseconds("limits.grace_period_ms", 0..=60_000),
    }
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

/// A handler and its limits. Clones share both, so that several workers can serve one listening socket.
#[derive(Debug)]
pub struct Server<H, R>(Arc<Service<H, R>>);

impl<H, R> Clone for Server<H, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H, R, F, B> Server<H, R>
where
    H: Fn(Box<Request<RequestBody>>, Peer) -> F + Send + Sync + 'static,
    R: Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// `refuse` makes the answer to a request that no handler sees. A handler reads a body whole before it does anything
    /// that matters: a connection whose body is still awaited may be evicted, which drops nothing but that wait. Once a
    /// handler has all of a request it is polled to its end, whatever its caller does meanwhile.
    pub fn new(handler: H, refuse: R, limits: Limits, shutdown: Shutdown) -> Self {
        let limit = ConnectionLimit::new(limits.connections);
        let keep_alive = limits.keep_alive();
        Self(Arc::new(Service { handler, refuse, limits, keep_alive, limit, shutdown }))
    }

    /// Serves until `shutdown` drains, and as long as callers are connected for `limits.grace_period` more: whether a
    /// request that comes then is taken is for the handler to say, and its answer closes the connection. Open requests may
    /// finish until [`Shutdown::TIME_TO_TELL`] after the cut-off.
    ///
    /// Returns whether every connection, of other workers too, finished in time.
    pub async fn serve(&self, listener: Listener) -> bool {
        let Service { limits, limit, shutdown, .. } = &*self.0;
        let mut acceptor = Acceptor::new(listener, limit);
        {
            let mut over = pin!(grace_period_over(shutdown, limits.grace_period, limit));
            loop {
                tokio::select! {
                    accepted = acceptor.next() => self.0.open(accepted),
                    () = &mut over => break,
                }
            }
        }
        // Callers that the system has connected already may have sent their request: they are answered as well.
        while let Some(accepted) = acceptor.waiting() {
            self.0.open(accepted);
        }
        drop(acceptor);
        limit.close_idle();
        tokio::select! {
            biased;
            () = limit.emptied() => true,
            () = told(shutdown) => false,
        }
    }
}

/// Completes when shutdown has begun and either the grace period has passed or no connection is open any more.
async fn grace_period_over(shutdown: &Shutdown, lasts: Duration, connections: &ConnectionLimit) {
    shutdown.reached(Stage::Draining).await;
    tokio::select! {
        () = tokio::time::sleep(lasts) => {}
        () = connections.quiet() => {}
        () = shutdown.reached(Stage::CutOff) => {}
    }
}

/// Completes when callers have had their time to hear of the cut-off.
async fn told(shutdown: &Shutdown) {
    shutdown.reached(Stage::CutOff).await;
    tokio::time::sleep(Shutdown::TIME_TO_TELL).await;
}
