//! The bytes of a connection, whatever carries them, and who is at its other end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::user::{NoUser, User};

/// Who is at the other end of a connection, as far as the system says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; nothing on a unix socket.
    pub address: Option<IpAddr>,
    /// The address of ours that was connected to, whatever the listener is bound to; nothing on a unix socket.
    pub local: Option<SocketAddr>,
    /// The user whose process it is.
    pub user: User,
}

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// A connection over TCP that was just accepted, its user not yet known. One that was reset since then has an address all
    /// the same.
    pub(super) fn tcp(stream: TcpStream, peer: SocketAddr) -> io::Result<(Self, Peer)> {
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let peer = Peer {
            address: Some(peer.ip()),
            local: Some(stream.local_addr()?),
            user: User::Unknown(NoUser::NotAsked),
        };
        Ok((Self::Tcp(stream), peer))
    }

    /// A connection over a unix socket that was just accepted.
    pub(super) fn unix(stream: UnixStream) -> io::Result<(Self, Peer)> {
        let peer = Peer { address: None, local: None, user: User::of(stream.peer_cred()?.uid()) };
        Ok((Self::Unix(stream), peer))
    }

    /// Whether it is still connected, as far as this end knows: not reset, and not closed in both directions.
    pub(super) fn is_connected(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.peer_addr().is_ok(),
            Self::Unix(_) => true,
        }
    }

    /// Closing it resets it, so that nobody takes its end for the end of an answer. A unix socket knows no such end.
    pub(super) fn will_reset(&self) {
        let _ = rustix::net::sockopt::set_socket_linger(self, Some(Duration::ZERO));
    }

    /// Whether bytes are here. Asks the system itself, since the runtime hears of them only some time after they came.
    pub(super) fn has_bytes(&self) -> bool {
        let looks = rustix::net::recv(self.as_fd(), &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        looks.is_ok_and(|(bytes, _)| bytes > 0)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

/// Calls the same method of whatever carries the bytes.
macro_rules! forward {
    ($stream:ident, $method:ident($($argument:expr),*)) => {
        match $stream.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Unix(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_read(cx, to))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown(cx))
    }
}
