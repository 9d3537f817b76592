//! Connections that are kept between calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::connection::Link;

/// Kept connections, the latest used last.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
    /// How long one is kept.
    timeout: Duration,
}

#[derive(Debug, Default)]
struct Idle {
    links: Vec<(Link, Instant)>,
    /// Whether a task waits for the oldest to expire.
    watched: bool,
}

impl Pool {
    pub(crate) fn new(timeout: Duration) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), timeout })
    }

    /// A kept connection that can take a request, the latest used first: it is the least likely to be just closed.
    pub(crate) fn take(&self) -> Option<Link> {
        let now = Instant::now();
        let mut idle = self.idle();
        while let Some((link, until)) = idle.links.pop() {
            if until > now && link.is_usable() {
                return Some(link);
            }
        }
        None
    }

    /// Takes a connection back whose answer was read to its end, as soon as it can take another request.
    pub(crate) fn put(self: &Arc<Self>, mut link: Link) {
        link.rests();
        if link.is_ready() {
            return self.keep(link);
        }
        let pool = self.clone();
        tokio::spawn(async move {
            // Not for longer than it would be kept: a peer may leave its end of it hanging.
            if tokio::time::timeout(pool.timeout, link.recovers()).await.is_ok_and(|recovers| recovers) {
                pool.keep(link);
            }
        });
    }

    fn keep(self: &Arc<Self>, link: Link) {
        let mut idle = self.idle();
        idle.links.push((link, Instant::now() + self.timeout));
        if !std::mem::replace(&mut idle.watched, true) {
            tokio::spawn(expire(Arc::downgrade(self), self.timeout));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Every change is complete or was not begun.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what was kept long enough. Returns when the next will be due, if any is left.
    fn close_expired(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.links.retain(|(_, until)| *until > now);
        let next = idle.links.first().map(|(_, until)| *until);
        idle.watched = next.is_some();
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
