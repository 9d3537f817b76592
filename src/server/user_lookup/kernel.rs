//! The kernel, and what its answers are worth.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::server::sock_diag::{Found, SockDiag};
use crate::server::user::{NoUser, User};

/// A listening TCP socket, as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Listening {
    pub(super) address: SocketAddr,
    /// The number of its file.
    pub(super) inode: u64,
}

/// A connection that came through `listening` from `caller` to `own`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) listening: Listening,
    pub(super) caller: SocketAddr,
    pub(super) own: SocketAddr,
}

/// The kernel, to which the way is opened when there is something to ask.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    way: Option<SockDiag>,
    /// Listening sockets that it was asked for, and whether it knows them: it does not where they belong to another network
    /// namespace, in which other sockets have the same ends.
    known: Vec<(u64, bool)>,
}

impl Kernel {
    /// Asks once, exactly. Where that fails, the next question opens the way anew.
    fn find(&mut self, source: SocketAddr, destination: SocketAddr) -> io::Result<Option<Found>> {
        let mut way = match self.way.take() {
            Some(way) => way,
            None => SockDiag::open()?,
        };
        let found = way.find(source, destination)?;
        self.way = Some(way);
        Ok(found)
    }

    /// Whether the kernel that is asked is the one that the socket belongs to.
    fn knows(&mut self, listening: Listening) -> io::Result<bool> {
        if let Some((_, known)) = self.known.iter().find(|(inode, _)| *inode == listening.inode) {
            return Ok(*known);
        }
        let anywhere: SocketAddr = match listening.address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let found = self.find(listening.address, anywhere)?;
        let known = found.is_some_and(|found| found.listens && u64::from(found.inode) == listening.inode);
        self.known.push((listening.inode, known));
        Ok(known)
    }

    /// Whose the connection is.
    pub(super) fn user(&mut self, ends: Ends) -> User {
        let nobody = User::Unknown;
        match self.knows(ends.listening) {
            Ok(true) => {}
            Ok(false) => return nobody(NoUser::OtherNamespace),
            Err(_) => return nobody(NoUser::Refused),
        }
        let found = self.find(ends.caller, ends.own);
        match found {
            // Without a file no process holds it, and the kernel tells user 0.
            Ok(Some(found)) if found.connected && found.inode != 0 => User::of(found.uid),
            Ok(_) => nobody(NoUser::Closed),
            Err(_) => nobody(NoUser::Refused),
        }
    }

    /// Says in the log whether callers of this listening socket are known.
    pub(super) fn tell(&mut self, listening: Listening) {
        let address = listening.address;
        match self.knows(listening) {
            Ok(true) => tracing::info!(%address, "the kernel names the users of callers over loopback TCP"),
            Ok(false) => tracing::warn!(
                %address,
                "users of callers over TCP stay unknown, and match no section: the kernel does not know this listening socket, \
                 which is in another network namespace, or the kernel has no tcp_diag; a unix socket tells users"
            ),
            Err(error) => tracing::warn!(
                %address,
                %error,
                "users of callers over TCP stay unknown, and match no section: the kernel cannot be asked through netlink; \
                 allow it (systemd: RestrictAddressFamilies= with AF_NETLINK), or have callers use a unix socket"
            ),
        }
    }
}
