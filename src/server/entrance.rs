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

/// A connection that came in.
pub(super) struct Arrival {
    pub(super) connection: Box<dyn Io>,
    pub(super) peer: Peer,
    pub(super) place: OwnedSemaphorePermit,
}

/// Where connections come in.
pub(super) struct Entrance {
    listener: Listener,
    crowd: Arc<Crowd>,
    /// Who is waiting for a place, kept here so that nobody is lost when the wait is broken off.
    arrived: Option<(Box<dyn Io>, Peer)>,
    failures: u64,
    told: Option<Instant>,
}

impl Entrance {
    pub(super) fn new(listener: Listener, crowd: &Arc<Crowd>) -> Self {
        Self { listener, crowd: crowd.clone(), arrived: None, failures: 0, told: None }
    }

    /// The next connection, with a place for it. Further ones stay in the system's queue meanwhile.
    pub(super) async fn next(&mut self) -> Arrival {
        while self.arrived.is_none() {
            match self.listener.accept().await {
                Ok(arrived) => self.arrived = Some(arrived),
                Err(error) => {
                    self.tell(&error);
                    // A connection that only waits holds a descriptor that one with something to say could have.
                    self.crowd.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let place = self.crowd.place().await;
        let (connection, peer) = self.arrived.take().expect("it arrived, and only this takes it");
        Arrival { connection, peer, place }
    }

    /// A connection that the system has accepted already, as long as there are free places.
    pub(super) fn waiting(&mut self) -> Option<Arrival> {
        let place = self.crowd.free_place()?;
        let (connection, peer) = self.arrived.take().or_else(|| self.listener.accept_waiting())?;
        Some(Arrival { connection, peer, place })
    }

    fn tell(&mut self, error: &io::Error) {
        self.failures += 1;
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            tracing::warn!(%error, failures = self.failures, "connections cannot be accepted");
            (self.failures, self.told) = (0, Some(Instant::now()));
        }
    }
}
