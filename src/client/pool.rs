//! Connections that are kept between exchanges.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::connection::Connection;

/// How long a connection rests before it is used again, if another can be had. A second answer that the peer sends behind
/// the first is seen then, instead of being taken for the answer to the next request.
const REST: Duration = Duration::from_millis(20);

/// How many connections are kept so that each can rest.
const SPARE: usize = 8;

/// A connection that is used again within this time acknowledges an answer together with its next request; others do so at
/// once. A peer may hold back what it has yet to send until then, and it must come while the connection rests. All of
/// [`SPARE`] are that busy beyond 1,600 exchanges a second.
const BUSY: Duration = Duration::from_millis(5);

/// Kept connections.
#[derive(Debug)]
pub(crate) struct Pool {
    kept: Mutex<Kept>,
    /// How long one is kept.
    timeout: Duration,
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with the moment since when it rests; the one that has rested longest first.
    connections: VecDeque<(Box<Connection>, Instant)>,
    /// Whether a task waits for the oldest to expire.
    watched: bool,
}

impl Pool {
    pub(crate) fn new(timeout: Duration) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), timeout })
    }

    /// The kept connection that has rested longest; none if a further one should be opened.
    pub(crate) fn take(&self) -> Option<Box<Connection>> {
        let now = Instant::now();
        let mut kept = self.kept();
        while let Some((_, since)) = kept.connections.front() {
            let rested = now.saturating_duration_since(*since);
            if rested < REST && kept.connections.len() < SPARE {
                return None;
            }
            let (mut connection, _) = kept.connections.pop_front()?;
            if rested < self.timeout && connection.is_usable() {
                connection.is_busy = rested < BUSY;
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back whose answer was read to its end.
    pub(crate) fn put(self: &Arc<Self>, connection: Box<Connection>) {
        if !connection.is_busy {
            connection.acknowledge();
        }
        let mut kept = self.kept();
        kept.connections.push_back((connection, Instant::now()));
        if !std::mem::replace(&mut kept.watched, true) {
            tokio::spawn(expire(Arc::downgrade(self), self.timeout));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change is complete or was not begun.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what was kept long enough. Returns when the next will be due, if any is left.
    fn close_expired(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut kept = self.kept();
        kept.connections.retain(|(_, since)| *since + self.timeout > now);
        let next = kept.connections.front().map(|(_, since)| *since + self.timeout);
        kept.watched = next.is_some();
        next
    }
}

/// Closes connections as they expire, until none is kept.
async fn expire(pool: Weak<Pool>, first: Duration) {
    let mut next = Some(Instant::now() + first);
    while let Some(due) = next {
        sleep_until(due).await;
        next = pool.upgrade().and_then(|pool| pool.close_expired());
    }
}
