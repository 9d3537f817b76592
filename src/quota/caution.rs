//! Payments after a 429. Where one hits a call that moves no money, a single payment goes ahead and the others wait for its
//! answer: what is no payment can slow payments down for a moment, never stop them. A payment's own 429 is a short pause.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Decision;
use super::pause::Lengths;

/// The longest pause of payments: QFPay's page speaks of waits of 1, 2 and 4 seconds (protocol sheet, additions, 4), and
/// customers wait at the till.
const LONGEST: Duration = Duration::from_secs(5);

impl Lengths {
    /// The longest pause of payments.
    pub fn longest_of_payments(self) -> Duration {
        self.longest.min(LONGEST)
    }

    /// How long an answer to the payment that went ahead is awaited before the next one goes ahead. A refusal comes at
    /// once; what takes longer is a customer who types a PIN.
    pub fn step(self) -> Duration {
        self.first.min(self.longest_of_payments())
    }
}

/// What one app's payments heed, as far as this process knows.
#[derive(Debug)]
pub(super) struct Caution {
    lengths: Lengths,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Since when payments go one by one; over by itself after the longest pause.
    since: Option<Instant>,
    /// When the last one of them went ahead.
    ahead: Option<Instant>,
    /// When payments last began to pause, until when, and how often in a row.
    paused: Option<Instant>,
    until: Option<Instant>,
    strikes: u32,
    /// Until when a 429 to what moves no money does not matter, since a payment was answered.
    calm_until: Option<Instant>,
}

impl Caution {
    pub fn new(lengths: Lengths) -> Self {
        Self { lengths, state: Mutex::default() }
    }

    /// The same with other lengths: what it heeds stays.
    pub fn with(&self, lengths: Lengths) -> Self {
        Self { lengths, state: Mutex::new(*self.state()) }
    }

    /// How much is left of a pause after a payment's own 429, if there is one.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.state().until?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// Lets a payment take its token, unless it has to wait for the answer to another one.
    pub fn decide(&self, now: Instant, take: impl FnOnce() -> Result<(), Duration>) -> Decision {
        let mut state = self.state();
        let cautious = state.since.is_some_and(|since| now < since + self.lengths.longest);
        if cautious && let Some(ahead) = state.ahead {
            let left = (ahead + self.lengths.step()).saturating_duration_since(now);
            if !left.is_zero() {
                return Decision::Behind(left);
            }
        }
        if let Err(wait) = take() {
            return Decision::Wait(wait);
        }
        state.ahead = cautious.then_some(now);
        Decision::Go { remembered: false }
    }

    /// A call that moves no money was answered 429: from now on payments go one by one, unless they do already, or one was
    /// answered lately.
    pub fn doubted(&self, now: Instant) {
        let mut state = self.state();
        let cautious = state.since.is_some_and(|since| now < since + self.lengths.longest);
        let calm = state.calm_until.is_some_and(|until| now < until);
        if !self.lengths.first.is_zero() && !cautious && !calm {
            (state.since, state.ahead) = (Some(now), None);
        }
    }

    /// A payment that went at `sent` was answered 429. Says how long payments pause from now; after that they go one by one.
    ///
    /// Many payments in flight may be answered 429 at once: only one that went after the last pause began makes it longer.
    pub fn refused(&self, sent: Instant, now: Instant) -> Duration {
        let first = self.lengths.first;
        if first.is_zero() {
            return Duration::ZERO;
        }
        let mut state = self.state();
        if state.paused.is_none_or(|paused| sent >= paused) {
            let length = first.saturating_mul(1 << state.strikes.min(20));
            let length = length.min(self.lengths.longest_of_payments());
            let strikes = state.strikes.saturating_add(1);
            *state = State {
                since: Some(now),
                paused: Some(now),
                until: Some(now + length),
                strikes,
                ..State::default()
            };
        }
        state.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// A payment that went at `sent` was answered with something else. If that was after the caution began, it is over.
    pub fn answered(&self, sent: Instant, now: Instant) {
        let mut state = self.state();
        if state.since.is_some_and(|since| sent >= since) {
            *state = State { calm_until: Some(now + self.lengths.longest), ..State::default() };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and each field is set whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const GO: Decision = Decision::Go { remembered: false };

    fn caution() -> (Caution, Instant) {
        (Caution::new(Lengths { first: 1000 * MS, longest: 60_000 * MS }), Instant::now())
    }

    fn ask(caution: &Caution, now: Instant) -> Decision {
        caution.decide(now, || Ok(()))
    }

    #[test]
    fn one_goes_ahead_and_its_answer_frees_the_others() {
        let (caution, now) = caution();
        caution.doubted(now);
        assert_eq!(ask(&caution, now), GO);
        assert_eq!(ask(&caution, now + 100 * MS), Decision::Behind(900 * MS));
        caution.answered(now, now + 200 * MS);
        assert_eq!([ask(&caution, now + 200 * MS), ask(&caution, now + 200 * MS)], [GO, GO]);
        // A further 429 to a read does not matter for the longest pause.
        caution.doubted(now + 60_199 * MS);
        assert_eq!([ask(&caution, now + 60_199 * MS), ask(&caution, now + 60_199 * MS)], [GO, GO]);
        caution.doubted(now + 60_200 * MS);
        assert_eq!(ask(&caution, now + 60_200 * MS), GO);
        assert_eq!(ask(&caution, now + 60_200 * MS), Decision::Behind(1000 * MS));
    }

    #[test]
    fn one_that_is_not_answered_holds_the_others_up_for_a_step() {
        let (caution, now) = caution();
        caution.doubted(now);
        assert_eq!(ask(&caution, now), GO);
        assert_eq!(ask(&caution, now + 999 * MS), Decision::Behind(MS));
        assert_eq!(ask(&caution, now + 1000 * MS), GO);
        assert_eq!(ask(&caution, now + 1000 * MS), Decision::Behind(1000 * MS));
        // One that waits for its token is not ahead of anybody.
        assert_eq!(caution.decide(now + 2000 * MS, || Err(MS)), Decision::Wait(MS));
        assert_eq!(ask(&caution, now + 2000 * MS), GO);
        // And it is over by itself.
        assert_eq!([ask(&caution, now + 60_000 * MS), ask(&caution, now + 60_000 * MS)], [GO, GO]);
    }

    #[test]
    fn an_answer_to_what_went_before_says_nothing() {
        let (caution, now) = caution();
        caution.doubted(now + 10 * MS);
        caution.answered(now, now + 20 * MS);
        assert_eq!(ask(&caution, now + 20 * MS), GO);
        assert_eq!(ask(&caution, now + 20 * MS), Decision::Behind(1000 * MS));
    }

    #[test]
    fn a_payments_own_429_doubles_to_five_seconds_and_one_goes_ahead_after_each_pause() {
        let (caution, mut now) = caution();
        for length in [1000, 2000, 4000, 5000, 5000] {
            assert_eq!(ask(&caution, now), GO);
            let sent = now;
            now += 50 * MS;
            assert_eq!(caution.refused(sent, now), length * MS);
            // In flight together: the pause is the same one.
            assert_eq!(caution.refused(sent, now + 10 * MS), (length - 10) * MS);
            assert_eq!(caution.left(now + (length - 1) * MS), Some(MS));
            now += length * MS;
            assert_eq!(caution.left(now), None);
        }
        assert_eq!(ask(&caution, now), GO);
        assert!(matches!(ask(&caution, now), Decision::Behind(_)));
        caution.answered(now, now + MS);
        assert_eq!(caution.refused(now + 2 * MS, now + 2 * MS), 1000 * MS);
    }

    #[test]
    fn a_payment_that_was_in_flight_when_the_caution_began_pauses_payments_too() {
        let (caution, now) = caution();
        caution.doubted(now + 10 * MS);
        assert_eq!(caution.refused(now, now + 20 * MS), 1000 * MS);
    }

    #[test]
    fn a_first_pause_of_nothing_turns_it_off() {
        let now = Instant::now();
        let caution = Caution::new(Lengths { first: Duration::ZERO, longest: 10_000 * MS });
        caution.doubted(now);
        assert_eq!(caution.refused(now, now), Duration::ZERO);
        assert_eq!([ask(&caution, now), ask(&caution, now)], [GO, GO]);
    }
}
