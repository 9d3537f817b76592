//! Bound sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use super::address::{Address, CannotListen};
use super::passed::{self, Passed};
use super::socket_file::{self, SocketFile};
use super::stream::{Peer, Stream};
use super::user_lookup::{Asked, UserLookup, Users};

/// Connections that may wait to be accepted, as far as `net.core.somaxconn` allows: many more than limits.connections. Of a
/// connection beyond it the system drops the first packet, and its caller tries again a second later.
const BACKLOG: u32 = 4096;

/// A bound socket, in one runtime. The file of a unix socket is removed when the last one who shares it drops it, unless the
/// socket was passed.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: Address,
    file: Option<Arc<OwnFile>>,
    users: Option<Users>,
}

/// The same socket for one more runtime. All accept from one queue: sockets of their own on one port (`SO_REUSEPORT`) would
/// let a second process of the same user take half of the calls, could not be had for a unix socket or one that was passed,
/// and would leave some workers idle while others have a queue.
#[derive(Debug)]
pub struct SharedSocket {
    socket: passed::Socket,
    address: Address,
    file: Option<Arc<OwnFile>>,
    users: Option<Users>,
}

/// The file of a unix socket of our own, removed when this is dropped.
#[derive(Debug)]
struct OwnFile(PathBuf);

impl Drop for OwnFile {
    fn drop(&mut self) {
        // A file that stays is replaced by the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds, without a socket that was passed and with a unix socket that is for the process's own user.
    ///
    /// # Errors
    /// As for [`Listener::bind_or_take`].
    pub async fn bind(address: &Address) -> Result<Self, CannotListen> {
        Self::bind_or_take(address, &SocketFile::default(), &mut Passed::default()).await
    }

    /// Takes the passed socket of this address, or else binds one. A stale unix socket, left
    /// behind by a crash, is replaced.
    ///
    /// # Errors
    /// [`CannotListen`].
    pub async fn bind_or_take(
        address: &Address,
        file: &SocketFile,
        passed: &mut Passed,
    ) -> Result<Self, CannotListen> {
        let taken = passed.take(address);
        let own_file = match address {
            Address::Unix(path) if taken.is_none() => Some(path.clone()),
            _ => None,
        };
        let socket = match (taken, address) {
            (Some(socket), _) => Socket::of(socket)?,
            (None, Address::Tcp(address)) => Socket::Tcp(listen(*address)?),
            (None, Address::Unix(path)) => Socket::Unix(socket_file::bind(path, file)?.listen(BACKLOG)?),
        };
        let address = match &socket {
            Socket::Tcp(socket) => Address::Tcp(socket.local_addr()?),
            Socket::Unix(_) => address.clone(),
        };
        Ok(Self { socket, address, file: own_file.map(|path| Arc::new(OwnFile(path))), users: None })
    }

    /// Looks, without binding, whether a file is in the way of this address's.
    ///
    /// # Errors
    /// What [`Listener::bind`] would say.
    pub fn look(address: &Address) -> Result<(), CannotListen> {
        match address {
            Address::Tcp(_) => Ok(()),
            Address::Unix(path) => Ok(socket_file::look(path)?),
        }
    }

    /// The same socket for one more runtime.
    ///
    /// # Errors
    /// The process is out of descriptors.
    pub fn share(&self) -> io::Result<SharedSocket> {
        let socket = match &self.socket {
            Socket::Tcp(socket) => passed::Socket::Tcp(socket.as_fd().try_clone_to_owned()?.into()),
            Socket::Unix(socket) => passed::Socket::Unix(socket.as_fd().try_clone_to_owned()?.into()),
        };
        let (address, file) = (self.address.clone(), self.file.clone());
        Ok(SharedSocket { socket, address, file, users: self.users.as_ref().map(Users::share) })
    }

    /// Has the users of connections over TCP looked up here. Without it, only those over unix sockets are known.
    pub fn with_users(mut self, users: &UserLookup) -> Self {
        if let (Socket::Tcp(socket), Address::Tcp(address)) = (&self.socket, &self.address) {
            self.users = Some(users.add(socket, *address));
        }
        self
    }

    /// Who looks users up here.
    pub(super) fn users(&self) -> Option<UserLookup> {
        self.users.as_ref().map(|users| users.lookup().clone())
    }

    /// The address with the port that the system chose.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?; // a restart does not wait for connections that linger
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl SharedSocket {
    /// Listens in the runtime that this is called in.
    ///
    /// # Errors
    /// The system is out of memory for it.
    pub fn listen(self) -> io::Result<Listener> {
        let Self { socket, address, file, users } = self;
        Ok(Listener { socket: Socket::of(socket)?, address, file, users })
    }
}

impl Socket {
    fn of(socket: passed::Socket) -> io::Result<Self> {
        Ok(match socket {
            passed::Socket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            passed::Socket::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }
}

impl Listener {
    /// Accepts a connection.
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer, Asked)> {
        match &self.socket {
            Socket::Tcp(socket) => socket.accept().await.and_then(|(stream, from)| self.tcp(stream, from)),
            Socket::Unix(socket) => socket.accept().await.and_then(|(stream, _)| unix(stream)),
        }
    }

    /// A connection that the system has accepted already; nothing if there is none.
    ///
    /// Asks the system itself, since the runtime knows of a connection only some time after it came: one that is left in
    /// the system's queue is reset when the socket is closed.
    pub(super) fn accept_waiting(&self) -> Option<(Stream, Peer, Asked)> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let socket = std::net::TcpListener::from(socket.as_fd().try_clone_to_owned().ok()?);
                let (stream, from) = socket.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                self.tcp(TcpStream::from_std(stream).ok()?, from).ok()
            }
            Socket::Unix(socket) => {
                let socket =
                    std::os::unix::net::UnixListener::from(socket.as_fd().try_clone_to_owned().ok()?);
                let (stream, _) = socket.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                unix(UnixStream::from_std(stream).ok()?).ok()
            }
        }
    }

    /// Asks for the user at once: the longer that takes, the more callers have closed.
    fn tcp(&self, stream: TcpStream, from: SocketAddr) -> io::Result<(Stream, Peer, Asked)> {
        let (stream, peer) = Stream::tcp(stream, from)?;
        let asked = match (&self.users, peer.local) {
            (Some(users), Some(own)) => users.ask(from, own),
            _ => Asked::Known(peer.user),
        };
        Ok((stream, peer, asked))
    }
}

fn unix(stream: UnixStream) -> io::Result<(Stream, Peer, Asked)> {
    let (stream, peer) = Stream::unix(stream)?;
    Ok((stream, peer, Asked::Known(peer.user)))
}
