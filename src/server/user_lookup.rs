//! Asking the kernel whose process a connection over loopback TCP is: once, when it is accepted.
//!
//! The accepting thread asks by itself: the kernel answers within the system call, in microseconds, and no other thread has to
//! be scheduled for it, which on a busy machine takes longer than any bound that would be worth having. Up to Linux 6.8 a
//! request waits while other processes start to list all sockets. Once an answer took long, a thread apart asks until answers
//! are quick again, so that nobody else waits.

mod kernel;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::user::{NoUser, User};
pub(super) use kernel::Listening;
use kernel::{Ends, Kernel};

/// What the kernel may take before a thread apart asks.
const LONG: Duration = Duration::from_millis(5);
/// How long a connection waits for that thread; nothing else waits meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);
/// Questions that may wait for it. More come only while the kernel does not answer, and then are too late anyway.
const WAITING: usize = 1024;

/// Asks the kernel whose process a connection over loopback TCP is. Asks nothing until it is told to. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct UserLookup(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asks: AtomicBool,
    /// The last answer took long.
    slow: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    listening: Vec<Listening>,
    /// To the thread that asks while the kernel is slow; none before the first question can come.
    thread: Option<Sender<Question>>,
}

#[derive(Debug)]
struct Question {
    ends: Ends,
    answer: oneshot::Sender<User>,
}

/// What a listening socket has to ask with, in one runtime.
#[derive(Debug)]
pub(super) struct Users {
    lookup: UserLookup,
    listening: Listening,
    /// Never contended: one thread accepts.
    kernel: Mutex<Kernel>,
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
        let mut state = locked(&self.0.state);
        if asks && state.thread.is_none() {
            // The first question of all may have the kernel load a module.
            let mut kernel = Kernel::default();
            state.listening.iter().for_each(|listening| kernel.tell(*listening));
            state.thread = self.start_thread();
        }
        self.0.asks.store(asks, Ordering::Relaxed);
    }

    /// Whether this connection came before connections were asked about.
    pub(super) fn is_too_old(&self, user: User) -> bool {
        user == User::Unknown(NoUser::NotAsked) && self.0.asks.load(Ordering::Relaxed)
    }

    /// Takes a listening socket in.
    pub(super) fn add(&self, socket: impl AsFd, address: SocketAddr) -> Users {
        // No socket has the number 0: one whose number the system does not tell is not known to the kernel either.
        let inode = rustix::fs::fstat(socket).map_or(0, |file| file.st_ino);
        let listening = Listening { address, inode };
        locked(&self.0.state).listening.push(listening);
        Users { lookup: self.clone(), listening, kernel: Mutex::default() }
    }

    /// Starts the thread that asks while the kernel is slow; where there is none, nothing else is done then.
    fn start_thread(&self) -> Option<Sender<Question>> {
        // Takes room as questions come: std's would fill all of it now, 120 KiB, with nearly always none to come.
        let (questions, mut received) = mpsc::channel::<Question>(WAITING);
        // It ends when nothing can ask any more.
        let shared = Arc::downgrade(&self.0);
        let run = move || {
            let mut kernel = Kernel::default();
            while let Some(Question { ends, answer }) = received.blocking_recv() {
                if answer.is_closed() {
                    continue; // its connection waits no longer
                }
                let began = Instant::now();
                let user = kernel.user(ends);
                if let Some(shared) = shared.upgrade() {
                    shared.took(began.elapsed());
                }
                let _ = answer.send(user);
            }
        };
        let started = thread::Builder::new().name("users".to_owned()).spawn(run);
        match started {
            Ok(_) => Some(questions),
            Err(error) => {
                tracing::error!(%error, "no thread to ask a slow kernel whose connections are");
                None
            }
        }
    }
}

impl Shared {
    /// Notes how long an answer took.
    fn took(&self, time: Duration) {
        let slow = time > LONG;
        if self.slow.swap(slow, Ordering::Relaxed) != slow {
            let milliseconds = time.as_millis();
            tracing::info!(slow, milliseconds, "the kernel's answers about users: their time has changed");
        }
    }
}

impl Users {
    /// For one more runtime.
    pub(super) fn share(&self) -> Self {
        Self { lookup: self.lookup.clone(), listening: self.listening, kernel: Mutex::default() }
    }

    /// Who asks.
    pub(super) fn lookup(&self) -> &UserLookup {
        &self.lookup
    }

    /// Asks whose the connection is that was just accepted from `caller`, who connected to `own`.
    pub(super) fn ask(&self, caller: SocketAddr, own: SocketAddr) -> Asked {
        let shared = &self.lookup.0;
        let unknown = |why| Asked::Known(User::Unknown(why));
        if !shared.asks.load(Ordering::Relaxed) {
            return unknown(NoUser::NotAsked);
        }
        if ![caller, own].iter().all(|end| end.ip().to_canonical().is_loopback()) {
            return unknown(NoUser::NotLoopback);
        }
        let ends = Ends { listening: self.listening, caller, own };
        let thread = || locked(&shared.state).thread.clone();
        if let Some(thread) = shared.slow.load(Ordering::Relaxed).then(thread).flatten() {
            let (answer, receiver) = oneshot::channel();
            return match thread.try_send(Question { ends, answer }) {
                Ok(()) => Asked::UnderWay(receiver),
                Err(_) => unknown(NoUser::TooLate),
            };
        }
        let began = Instant::now();
        let user = locked(&self.kernel).user(ends);
        shared.took(began.elapsed());
        Asked::Known(user)
    }
}

impl Asked {
    /// The user, waiting at most for [`PATIENCE`].
    ///
    /// `is_connected` looks at our own end. It has the last word: a caller can reset its connection and leave what it sent to
    /// be read here, and another user's process can then connect from the same port, so that the kernel names that one. As
    /// long as our own end is connected, no other connection can have these ends.
    pub(super) async fn user(self, is_connected: impl FnOnce() -> bool) -> User {
        let user = match self {
            Self::Known(user) => user,
            Self::UnderWay(answer) => match timeout(PATIENCE, answer).await {
                Ok(Ok(user)) => user,
                // The thread has ended, by a defect.
                Ok(Err(_)) => User::Unknown(NoUser::Refused),
                Err(_) => User::Unknown(NoUser::TooLate),
            },
        };
        match user {
            User::Is(_) if !is_connected() => User::Unknown(NoUser::Closed),
            other => other,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is complete or was not begun.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
