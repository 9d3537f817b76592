//! The thread that asks the kernel, so that no call waits for more than an answer that comes soon.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use tokio::sync::oneshot;

use crate::server::sock_diag::{Found, SockDiag};
use crate::server::user::{NoUser, User};

/// Tasks that may wait. More come only while the kernel does not answer, and then are too late anyway.
const WAITING: usize = 1024;

/// A listening TCP socket, as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Listening {
    pub(super) address: SocketAddr,
    /// The number of its file.
    pub(super) inode: u64,
}

/// What the thread has to do.
#[derive(Debug)]
pub(super) enum Task {
    /// To say in the log whether callers of this listening socket are known.
    Tell(Listening),
    /// To say whose a connection is.
    Answer(Question),
}

/// Whose is the connection that came through `listening` from `caller` to `own`?
#[derive(Debug)]
pub(super) struct Question {
    pub(super) listening: Listening,
    pub(super) caller: SocketAddr,
    pub(super) own: SocketAddr,
    pub(super) answer: oneshot::Sender<User>,
}

/// Starts the thread that asks. It ends when nothing can ask any more.
pub(super) fn start() -> io::Result<SyncSender<Task>> {
    let (tasks, received) = mpsc::sync_channel(WAITING);
    thread::Builder::new().name("users".to_owned()).spawn(move || {
        let mut kernel = Kernel::default();
        for task in received {
            match task {
                Task::Tell(listening) => kernel.tell(listening),
                Task::Answer(question) if question.answer.is_closed() => {}
                Task::Answer(question) => {
                    let user = kernel.user(&question);
                    // The connection may have stopped waiting.
                    let _ = question.answer.send(user);
                }
            }
        }
    })?;
    Ok(tasks)
}

/// The kernel, to which the way is opened when there is something to ask.
#[derive(Debug, Default)]
struct Kernel {
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

    fn user(&mut self, question: &Question) -> User {
        let nobody = User::Unknown;
        match self.knows(question.listening) {
            Ok(true) => {}
            Ok(false) => return nobody(NoUser::OtherNamespace),
            Err(_) => return nobody(NoUser::Refused),
        }
        let found = self.find(question.caller, question.own);
        match found {
            // Without a file no process holds it, and the kernel tells user 0.
            Ok(Some(found)) if found.connected && found.inode != 0 => User::of(found.uid),
            Ok(_) => nobody(NoUser::Closed),
            Err(_) => nobody(NoUser::Refused),
        }
    }

    fn tell(&mut self, listening: Listening) {
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
