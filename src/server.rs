//! The accept loop: connections in, requests to a handler, limits, and an end that loses nothing.
//!
//! Knows hyper, not QFPay.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::http::{HeaderName, HeaderValue};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

/// Where to listen: `host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A unix domain socket.
    Unix(PathBuf),
}

/// A text that is no [`Address`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is neither IP:PORT (127.0.0.1:8787, [::1]:8787) nor unix:/absolute/path")]
pub struct BadAddress;

impl Address {
    /// Reads `127.0.0.1:8787`, `[::1]:8787`, `localhost:8787` or `unix:/run/api.sock`.
    ///
    /// # Errors
    /// [`BadAddress`] for anything else; names other than `localhost` are not looked up.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(BadAddress) };
        }
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        numeric.parse().map(Self::Tcp).map_err(|_| BadAddress)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A bound socket. A unix socket is removed from the file system when this is dropped.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: Address,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds. A unix socket that nobody answers on any more, left behind by a crash, is replaced.
    ///
    /// # Errors
    /// What the system says: the port is taken, the folder is missing, a live process holds the socket.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let socket = TcpListener::bind(address).await?;
                let address = Address::Tcp(socket.local_addr()?);
                Ok(Self { socket: Socket::Tcp(socket), address })
            }
            Address::Unix(path) => {
                remove_dead_socket(path)?;
                let socket = UnixListener::bind(path)?;
                Ok(Self { socket: Socket::Unix(socket), address: address.clone() })
            }
        }
    }

    /// The address with the port that the system chose.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Nobody is left to tell: a socket that stays is replaced by the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn remove_dead_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on this socket")),
            Err(dead) if dead.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            Err(other) => Err(other),
        },
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is in the way")),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(other) => Err(other),
    }
}

/// Bounds on what callers can take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at once; further ones wait in the system's queue.
    pub connections: usize,
    /// How long a request head may take, counted from the first moment that one is awaited.
    pub header_timeout: Duration,
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

/// Who is at the other end of a connection: an extension of every request. `None` on a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub Option<IpAddr>);

/// Serves until `shutdown` completes, then lets open requests finish within `limits.drain`.
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
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        // The permit comes first: a connection that we cannot serve stays in the system's queue.
        let accepted = async {
            let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
            (accept(&listener.socket).await, permit)
        };
        let ((connection, peer), permit) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let handler = handler.clone();
        let keep_alive = keep_alive(limits.header_timeout);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let (handler, keep_alive) = (handler.clone(), keep_alive.clone());
            async move {
                let mut response = handler(request).await?;
                response.headers_mut().extend(keep_alive.map(|hint| (KEEP_ALIVE, hint)));
                Ok::<_, CloseConnection>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new()) // without a timer hyper's header timeout is silently off
            .header_read_timeout(limits.header_timeout)
            .max_headers(100)
            .max_buf_size(128 * 1024) // a whole call may stand in the query; hyper's own bound is 400 KiB
            .half_close(true) // a caller that has sent everything may still wait for its answer
            .serve_connection(connection, service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok()
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Tells callers how long a connection may be idle. hyper counts idle time as time in which a head is awaited; a caller
/// that knows it does not send its next request into a connection that is just being closed.
fn keep_alive(header_timeout: Duration) -> Option<HeaderValue> {
    let seconds = header_timeout.as_secs().checked_sub(1).filter(|&seconds| seconds > 0)?;
    HeaderValue::from_str(&format!("timeout={seconds}")).ok()
}

trait Io: Read + Write + Unpin + Send {}
impl<T: Read + Write + Unpin + Send> Io for T {}

/// Accepts, and waits a moment after errors such as "too many open files", which would otherwise spin.
async fn accept(socket: &Socket) -> (Box<dyn Io>, Peer) {
    loop {
        let accepted: io::Result<(Box<dyn Io>, Peer)> = match socket {
            Socket::Tcp(socket) => socket.accept().await.map(|(stream, peer)| {
                // Answers are written whole; waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                (Box::new(TokioIo::new(stream)) as Box<dyn Io>, Peer(Some(peer.ip())))
            }),
            Socket::Unix(socket) => socket
                .accept()
                .await
                .map(|(stream, _)| (Box::new(TokioIo::new(stream)) as Box<dyn Io>, Peer(None))),
        };
        match accepted {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
