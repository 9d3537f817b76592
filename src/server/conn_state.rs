//! Whether a connection waits for its caller, and since when: shared between the task that serves it and the acceptor,
//! which may need its permit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// Connections that have waited for less are never evicted: their request may be in the socket's buffer.
pub(super) const REQUEST_UNDER_WAY: Duration = Duration::from_millis(100);
/// How long a caller has for its answer before its connection may be evicted. Answers fit into the socket's buffer as a
/// rule; those that do not are read at once.
const ANSWER_READ: Duration = Duration::from_millis(500);

/// What a connection does. The first three are evicted, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// Nothing more is served on it.
    Closing,
    /// Its caller owes a request, or the rest of one.
    Waiting,
    /// Its caller does not read the answer.
    Unread,
    /// An answer is being written.
    Answering,
    /// A handler has the whole request, so that it may have been sent on.
    InWork,
    /// It has to end.
    Evicted,
}

/// The bits of a packed state below the activity: microseconds.
const TIME_BITS: u32 = 56;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct ConnState {
    /// When it was accepted.
    accepted: Instant,
    /// When the listener began, for states that can be compared.
    epoch: Instant,
    /// The activity and since when, so that the smallest is evicted first.
    packed: AtomicU64,
    /// The task that serves it.
    pub(super) task: AtomicWaker,
    /// The target of the request that hyper reads next holds a `#`.
    pub(super) fragment: AtomicBool,
    /// hyper has the whole request, read by a handler or not.
    pub(super) handed_over: AtomicBool,
    /// The request goes on behind its announced end.
    pub(super) overrun: AtomicBool,
    /// The next answer is the last one.
    pub(super) last: AtomicBool,
    /// Only the end of the connection tells the caller where the answer ends.
    pub(super) unbounded: AtomicBool,
}

impl ConnState {
    pub(super) fn new(epoch: Instant) -> Self {
        let accepted = Instant::now();
        Self {
            accepted,
            epoch,
            packed: AtomicU64::new(pack(Activity::Waiting, accepted - epoch)),
            task: AtomicWaker::new(),
            fragment: AtomicBool::new(false),
            handed_over: AtomicBool::new(false),
            overrun: AtomicBool::new(false),
            last: AtomicBool::new(false),
            unbounded: AtomicBool::new(false),
        }
    }

    /// When the connection was accepted.
    pub(super) fn accepted(&self) -> Instant {
        self.accepted
    }

    /// A new wait for the caller begins. Like every change, it does not undo an eviction.
    pub(super) fn waits(&self, now: Instant) {
        let since = now - self.epoch;
        self.change(|_, _| Some((Activity::Waiting, since)));
    }

    /// A handler has the whole request. Returns whether it may act on it: not once the connection was evicted, because its
    /// caller is then told that nothing was sent.
    pub(super) fn begins_work(&self) -> bool {
        self.change(|activity, since| {
            let begins = matches!(activity, Activity::Waiting | Activity::InWork);
            Some((if begins { Activity::InWork } else { activity }, since))
        })
    }

    /// A handler has answered. Returns whether its answer may be written.
    pub(super) fn answers(&self) -> bool {
        self.change(|_, since| Some((Activity::Answering, since)))
    }

    /// Writing an answer stalls, or goes on.
    pub(super) fn stalls(&self, stalls: bool) -> bool {
        let now = self.epoch.elapsed();
        self.change(|activity, since| match (activity, stalls) {
            (Activity::Answering, true) => Some((Activity::Unread, now)),
            (Activity::Unread, false) => Some((Activity::Answering, since)),
            _ => None,
        })
    }

    /// Nothing more is served; returns whether the permit is still the connection's own.
    pub(super) fn closes(&self) -> bool {
        self.change(|_, _| Some((Activity::Closing, Duration::ZERO)))
    }

    pub(super) fn is_in_work(&self) -> bool {
        activity(self.packed.load(Ordering::Acquire)) == Activity::InWork
    }

    pub(super) fn is_evicted(&self) -> bool {
        activity(self.packed.load(Ordering::Acquire)) == Activity::Evicted
    }

    /// The state, and how long the connection may not be evicted yet; nothing if it does not wait for its caller.
    pub(super) fn candidate(&self, now: Instant) -> Option<(u64, Duration)> {
        let packed = self.packed.load(Ordering::Acquire);
        let spared = match activity(packed) {
            Activity::Closing => Duration::ZERO,
            Activity::Waiting => REQUEST_UNDER_WAY,
            Activity::Unread => ANSWER_READ,
            Activity::Answering | Activity::InWork | Activity::Evicted => return None,
        };
        let waited = now.saturating_duration_since(self.epoch + since(packed));
        Some((packed, spared.saturating_sub(waited)))
    }

    /// Evicts the connection if it is still as `seen`.
    pub(super) fn evict(&self, seen: u64) -> bool {
        let evicted = pack(Activity::Evicted, since(seen));
        let done = self.packed.compare_exchange(seen, evicted, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if done {
            self.task.wake();
        }
        done
    }

    /// Changes the state unless the connection was evicted; returns whether it was changed.
    fn change(&self, to: impl Fn(Activity, Duration) -> Option<(Activity, Duration)>) -> bool {
        let next = |packed| match activity(packed) {
            Activity::Evicted => None,
            other => to(other, since(packed)).map(|(activity, since)| pack(activity, since)),
        };
        self.packed.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }
}

fn pack(activity: Activity, since: Duration) -> u64 {
    let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX) & ((1 << TIME_BITS) - 1);
    (activity as u64) << TIME_BITS | micros
}

fn activity(packed: u64) -> Activity {
    match packed >> TIME_BITS {
        0 => Activity::Closing,
        1 => Activity::Waiting,
        2 => Activity::Unread,
        3 => Activity::Answering,
        4 => Activity::InWork,
        _ => Activity::Evicted,
    }
}

fn since(packed: u64) -> Duration {
    Duration::from_micros(packed & ((1 << TIME_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_in_work_is_no_candidate_and_an_evicted_connection_begins_no_work() {
        let state = ConnState::new(Instant::now());
        tokio::time::advance(REQUEST_UNDER_WAY).await;
        let (waiting, spared) = state.candidate(Instant::now()).expect("its caller owes a request");
        assert_eq!(spared, Duration::ZERO);
        assert!(state.begins_work() && state.candidate(Instant::now()).is_none());
        assert!(!state.evict(waiting), "it has begun work since it was seen");
        assert!(state.answers() && state.stalls(true));
        let (unread, spared) = state.candidate(Instant::now()).expect("its caller does not read");
        assert_eq!(spared, ANSWER_READ);
        assert!(unread > waiting, "those that read nothing go last");
        state.waits(Instant::now());
        let (waiting, _) = state.candidate(Instant::now()).expect("its caller owes a request");
        assert!(state.evict(waiting));
        assert!(!state.begins_work(), "the handler would send what the caller is told was not sent");
        assert!(!state.answers());
        state.waits(Instant::now());
        assert!(state.is_evicted());
    }
}
