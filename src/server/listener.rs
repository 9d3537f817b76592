//! Addresses and bound sockets.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

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

/// The two ends of a connection: an extension of every request. Each is `None` on a unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who is at the other end.
    pub address: Option<IpAddr>,
    /// The address of ours that was connected to, whatever the listener is bound to.
    pub local: Option<SocketAddr>,
}

/// The bytes of a connection, whatever carries them.
pub(super) trait Io: Read + Write + Unpin + Send {}
impl<T: Read + Write + Unpin + Send> Io for T {}

impl Listener {
    /// A connection that the system has accepted already; nothing if there is none.
    ///
    /// Asks the system itself, since the runtime knows of a connection only some time after it came: one that is left in
    /// the system's queue is reset when the socket is closed.
    pub(super) fn accept_waiting(&self) -> Option<(Box<dyn Io>, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let socket = std::net::TcpListener::from(socket.as_fd().try_clone_to_owned().ok()?);
                let (stream, peer) = socket.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                let _ = stream.set_nodelay(true);
                let peer = Peer { address: Some(peer.ip()), local: Some(stream.local_addr().ok()?) };
                Some((Box::new(TokioIo::new(TcpStream::from_std(stream).ok()?)), peer))
            }
            Socket::Unix(socket) => {
                let socket =
                    std::os::unix::net::UnixListener::from(socket.as_fd().try_clone_to_owned().ok()?);
                let (stream, _) = socket.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                let peer = Peer { address: None, local: None };
                Some((Box::new(TokioIo::new(UnixStream::from_std(stream).ok()?)), peer))
            }
        }
    }

    /// Accepts a connection.
    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Io>, Peer)> {
        match &self.socket {
            Socket::Tcp(socket) => socket.accept().await.and_then(|(stream, peer)| {
                // Answers are written whole; waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                let peer = Peer { address: Some(peer.ip()), local: Some(stream.local_addr()?) };
                Ok((Box::new(TokioIo::new(stream)) as Box<dyn Io>, peer))
            }),
            Socket::Unix(socket) => socket.accept().await.map(|(stream, _)| {
                let peer = Peer { address: None, local: None };
                (Box::new(TokioIo::new(stream)) as Box<dyn Io>, peer)
            }),
        }
    }
}
