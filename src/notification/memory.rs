//! Which notifications were acknowledged lately: digests only, bounded, the oldest out first.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// QFPay's last repeat comes 24 hours and 22 minutes after the first try (2 m, 10 m, 10 m, 60 m, 2 h, 6 h, 15 h).
const REMEMBERED: Duration = Duration::from_secs(25 * 60 * 60);

/// By which a notification is known again. Not the signature: that one is MD5, and as good as the notification.
pub(super) type Fingerprint = [u8; 32];

/// The fingerprint of these bytes on this path, verified as this app's: what another app's key signed is another one.
pub(super) fn fingerprint(path: &str, app: &str, body: &[u8]) -> Fingerprint {
    let hasher =
        Sha256::new_with_prefix(path.as_bytes()).chain_update([0]).chain_update(app).chain_update([0]);
    hasher.chain_update(body).finalize().into()
}

/// The memory of one process. It does not outlive it: after a restart a repeat goes to the receiver like a first one, unless
/// there is a journal that knows better.
#[derive(Debug)]
pub(super) struct Memory {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashSet<Fingerprint>,
    order: VecDeque<(Instant, Fingerprint)>,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Whether this one was acknowledged within the last 25 hours.
    pub(super) fn knows(&self, fingerprint: &Fingerprint) -> bool {
        self.fresh().known.contains(fingerprint)
    }

    /// Keeps an acknowledged one in mind, counted from its first acknowledgement.
    pub(super) fn remember(&self, fingerprint: Fingerprint) {
        let mut state = self.fresh();
        if self.most == 0 || !state.known.insert(fingerprint) {
            return;
        }
        state.order.push_back((Instant::now(), fingerprint));
        if state.order.len() > self.most {
            state.forget_oldest();
        }
    }

    /// The state without what is too old. Nothing in here panics half-way, so a poisoned lock holds sound data.
    fn fresh(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.order.front().is_some_and(|(since, _)| since.elapsed() > REMEMBERED) {
            state.forget_oldest();
        }
        state
    }
}

impl State {
    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.order.pop_front() {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_forgets_after_25_hours() {
        let memory = Memory::new(10);
        let one = fingerprint("/n", "shop", b"one");
        memory.remember(one);
        tokio::time::advance(REMEMBERED).await;
        assert!(memory.knows(&one));
        memory.remember(one);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!memory.knows(&one), "the time counts from the first acknowledgement");
        assert!(memory.state.lock().unwrap().order.is_empty());
    }

    #[tokio::test]
    async fn it_never_holds_more_than_it_may() {
        let memory = Memory::new(2);
        let prints = [b"1", b"2", b"3"].map(|body| fingerprint("/n", "shop", body));
        prints.into_iter().for_each(|print| memory.remember(print));
        assert_eq!(prints.map(|print| memory.knows(&print)), [false, true, true]);
        assert!(!memory.knows(&fingerprint("/other", "shop", b"3")), "another path is another notification");
        let none = Memory::new(0);
        none.remember(prints[0]);
        assert!(!none.knows(&prints[0]));
    }
}
