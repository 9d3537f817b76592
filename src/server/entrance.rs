//! Accepting: one connection at a time, each with its place.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::crowd::Crowd;
use super::listener::{Io, Listener, Peer};

/// After an error such as "too many open files", which would otherwise come again at once.
const PAUSE: Duration = Duration::from_millis(50);
/// How often such errors are logged while they last.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Where connections come in.
pub(super) struct Entrance {
    listener: Listener,
    crowd: Arc<Crowd>,
    failures: u64,
    told: Option<Instant>,
}

impl Entrance {
    pub(super) fn new(listener: Listener, crowd: &Arc<Crowd>) -> Self {
        Self { listener, crowd: crowd.clone(), failures: 0, told: None }
    }

    /// The next connection, with a place for it. Further ones stay in the system's queue meanwhile.
    pub(super) async fn next(&mut self) -> (Box<dyn Io>, Peer, OwnedSemaphorePermit) {
        loop {
            match self.listener.accept().await {
                Ok((connection, peer)) => return (connection, peer, self.crowd.place().await),
                Err(error) => {
                    self.tell(&error);
                    // A connection that only waits holds a descriptor that one with something to say could have.
                    self.crowd.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn tell(&mut self, error: &io::Error) {
        self.failures += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            tracing::warn!(%error, failures = self.failures, "connections cannot be accepted");
            (self.failures, self.told) = (0, Some(Instant::now()));
        }
    }
}
