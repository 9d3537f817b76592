//! Sockets that systemd listens on and passes to the process (`LISTEN_FDS`), so that their files can have any owner while
//! the process itself may change none.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use super::address::Address;

/// What was passed, until a listener takes it.
#[derive(Debug, Default)]
pub struct Passed(Vec<(Address, Socket)>);

/// A socket that listens already.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Passed {
    /// Takes what was passed to this process, and the variables that say so out of the environment: to be called before
    /// there are other threads.
    ///
    /// # Errors
    /// A descriptor that is no listening stream socket with an address.
    pub fn from_env() -> io::Result<Self> {
        let mut descriptors = ListenFd::from_env();
        let mut passed = Vec::new();
        for index in 0..descriptors.len() {
            let socket = match descriptors.take_unix_listener(index) {
                Ok(Some(socket)) => Socket::Unix(socket),
                _ => match descriptors.take_tcp_listener(index)? {
                    Some(socket) => Socket::Tcp(socket),
                    None => continue,
                },
            };
            passed.push((socket.address()?, socket));
        }
        Ok(Self(passed))
    }

    /// The socket that listens on this address, if one was passed.
    pub(super) fn take(&mut self, address: &Address) -> Option<Socket> {
        let found = self.0.iter().position(|(passed, _)| passed == address)?;
        Some(self.0.remove(found).1)
    }

    /// The addresses of the sockets that no listener took. Callers who connect there would wait for ever.
    pub fn left(&self) -> Vec<&Address> {
        self.0.iter().map(|(address, _)| address).collect()
    }
}

impl Socket {
    /// Where it listens; prepares it for the runtime.
    fn address(&self) -> io::Result<Address> {
        let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        let (descriptor, address) = match self {
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                (socket.as_fd(), Address::Tcp(socket.local_addr()?))
            }
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                let Some(path) = socket.local_addr()?.as_pathname().map(ToOwned::to_owned) else {
                    return wrong("a unix socket without a path");
                };
                (socket.as_fd(), Address::Unix(path))
            }
        };
        if socket_acceptconn(descriptor)? {
            Ok(address)
        } else {
            wrong("a connection instead of a listening socket; the socket unit needs Accept=no")
        }
    }
}
