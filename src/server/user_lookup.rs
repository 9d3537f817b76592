//! Asking the kernel whose process a connection over loopback TCP is: once, when it was accepted, in a thread apart.

mod kernel;

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::user::{NoUser, User};
pub(super) use kernel::Listening;
use kernel::{Question, Task};

/// How long a connection waits for the answer, 5 ms in two parts. The kernel takes microseconds, unless another process has it
/// list all sockets of a large machine. A pause of the whole process uses up one part, and leaves the thread that asks
/// the other.
const PARTS: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(1)];

/// Asks the kernel whose process a connection over loopback TCP is. Asks nothing until it is told to. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct UserLookup(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asks: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    listening: Vec<Listening>,
    /// To the thread that asks; none before the first question can come.
    tasks: Option<SyncSender<Task>>,
}

/// What is known of a connection that was just accepted: its user, or a question that is under way.
#[derive(Debug)]
pub(super) enum Asked {
    Known(User),
    UnderWay(oneshot::Receiver<User>),
}

impl UserLookup {
    /// Whether connections that are accepted from here on are asked about. What holds for each listener is logged when this
    /// first begins. Connections that came before close with their next answer, since their users stay unknown.
    pub fn set(&self, asks: bool) {
        let mut state = self.state();
        if asks && state.tasks.is_none() {
            match kernel::start() {
                Ok(tasks) => {
                    state.listening.iter().for_each(|listening| tell(&tasks, *listening));
                    state.tasks = Some(tasks);
                }
                Err(error) => tracing::error!(%error, "no thread to ask the kernel whose connections are"),
            }
        }
        self.0.asks.store(asks, Ordering::Relaxed);
    }

    /// Whether this connection came before connections were asked about.
    pub(super) fn is_too_old(&self, user: User) -> bool {
        user == User::Unknown(NoUser::NotAsked) && self.0.asks.load(Ordering::Relaxed)
    }

    /// Takes a listening socket in.
    pub(super) fn add(&self, socket: impl AsFd, address: SocketAddr) -> Listening {
        // No socket has the number 0: one whose number the system does not tell is not known to the kernel either.
        let inode = rustix::fs::fstat(socket).map_or(0, |file| file.st_ino);
        let listening = Listening { address, inode };
        let mut state = self.state();
        state.listening.push(listening);
        if let Some(tasks) = &state.tasks {
            tell(tasks, listening);
        }
        listening
    }

    /// Asks whose the connection is that came through `listening` from `caller` to `own`.
    pub(super) fn ask(&self, listening: Listening, caller: SocketAddr, own: SocketAddr) -> Asked {
        let unknown = |why| Asked::Known(User::Unknown(why));
        if !self.0.asks.load(Ordering::Relaxed) {
            return unknown(NoUser::NotAsked);
        }
        if ![caller, own].iter().all(|end| end.ip().to_canonical().is_loopback()) {
            return unknown(NoUser::NotLoopback);
        }
        let (answer, receiver) = oneshot::channel();
        let question = Question { listening, caller, own, answer };
        match &self.state().tasks {
            None => unknown(NoUser::Refused),
            Some(tasks) => match tasks.try_send(Task::Answer(question)) {
                Ok(()) => Asked::UnderWay(receiver),
                Err(_) => unknown(NoUser::TooLate),
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete or was not begun.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    /// Waits for the answer, as long as [`PARTS`] say.
    ///
    /// `is_connected` looks at our own end. It has the last word: a caller can reset its connection and leave what it sent to
    /// be read here, and another user's process can then connect from the same port, so that the kernel names that one. As
    /// long as our own end is connected, no other connection can have these ends.
    pub(super) async fn user(self, is_connected: impl FnOnce() -> bool) -> User {
        let user = match self {
            Self::Known(user) => return user,
            Self::UnderWay(answer) => in_time(answer).await,
        };
        match user {
            User::Is(_) if !is_connected() => User::Unknown(NoUser::Closed),
            other => other,
        }
    }
}

async fn in_time(mut answer: oneshot::Receiver<User>) -> User {
    for part in PARTS {
        match timeout(part, &mut answer).await {
            Ok(Ok(user)) => return user,
            // The thread has ended, by a defect.
            Ok(Err(_)) => return User::Unknown(NoUser::Refused),
            Err(_) => {}
        }
    }
    User::Unknown(NoUser::TooLate)
}

fn tell(tasks: &SyncSender<Task>, listening: Listening) {
    // Only lines of the log depend on it.
    let _ = tasks.try_send(Task::Tell(listening));
}
