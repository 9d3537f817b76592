//! Accepting connections, each within the limit.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::connection_limit::ConnectionLimit;
use super::listener::Listener;
use super::stream::{Peer, Stream};
use super::user_lookup::{Asked, UserLookup};

/// After an error such as "too many open files", which would otherwise come again at once.
const PAUSE: Duration = Duration::from_millis(50);
/// How often such errors are logged while they last.
const LOGGED_EVERY: Duration = Duration::from_secs(10);

/// A connection that came in.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// The user, who was asked for when the connection was accepted.
    pub(super) asked: Asked,
    /// Who asks for users, on a listener that has them looked up.
    pub(super) users: Option<UserLookup>,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Where connections come in.
pub(super) struct Acceptor {
    listener: Listener,
    limit: Arc<ConnectionLimit>,
    /// Accepted and without a permit, kept here so that it is not lost when the wait is broken off.
    pending: Option<(Stream, Peer, Asked)>,
    failures: u64,
    logged: Option<Instant>,
}

impl Acceptor {
    pub(super) fn new(listener: Listener, limit: &Arc<ConnectionLimit>) -> Self {
        Self { listener, limit: limit.clone(), pending: None, failures: 0, logged: None }
    }

    /// The next connection, with a permit. Further ones stay in the system's queue meanwhile.
    pub(super) async fn next(&mut self) -> Accepted {
        while self.pending.is_none() {
            match self.listener.accept().await {
                Ok(accepted) => self.pending = Some(accepted),
                Err(error) => {
                    self.log(&error);
                    // A connection that only waits holds a descriptor that another could use.
                    self.limit.evict_longest_waiting();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let permit = self.limit.permit().await;
        let (stream, peer, asked) = self.pending.take().expect("it was accepted, and only this takes it");
        self.accepted(stream, peer, asked, permit)
    }

    /// A connection that the system has accepted already, as long as there are free permits.
    pub(super) fn waiting(&mut self) -> Option<Accepted> {
        let permit = self.limit.free_permit()?;
        let (stream, peer, asked) = self.pending.take().or_else(|| self.listener.accept_waiting())?;
        Some(self.accepted(stream, peer, asked, permit))
    }

    fn accepted(&self, stream: Stream, peer: Peer, asked: Asked, permit: OwnedSemaphorePermit) -> Accepted {
        Accepted { stream, peer, asked, users: self.listener.users(), permit }
    }

    fn log(&mut self, error: &io::Error) {
        self.failures += 1;
        if self.logged.is_none_or(|logged| logged.elapsed() >= LOGGED_EVERY) {
            tracing::warn!(%error, failures = self.failures, "connections cannot be accepted");
            (self.failures, self.logged) = (0, Some(Instant::now()));
        }
    }
}
