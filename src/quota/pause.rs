//! After QFPay's 429 an app's calls that move no money pause: as long as `Retry-After` says, else longer each time, until
//! QFPay answers one of them again. What payments do is in `caution.rs`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::http::HeaderMap;
use hyper::http::header::RETRY_AFTER;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// How long pauses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    /// The first one, if QFPay names none. Zero: there are no pauses.
    pub first: Duration,
    /// The longest one, whatever QFPay says.
    pub longest: Duration,
}

/// The pause of one app's calls that move no money, as far as this process knows.
#[derive(Debug)]
pub(super) struct Pause {
    lengths: Lengths,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    began: Option<Instant>,
    until: Option<Instant>,
    strikes: u32,
}

impl Pause {
    pub fn new(lengths: Lengths) -> Self {
        Self { lengths, state: Mutex::default() }
    }

    /// The same with other lengths: what it heeds stays.
    pub fn with(&self, lengths: Lengths) -> Self {
        Self { lengths, state: Mutex::new(*self.state()) }
    }

    /// How much of it is left, if there is one.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.state().until?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// A call that went at `sent` was answered 429, whatever call it was. Says how long the pause is from now.
    ///
    /// Many calls in flight may be answered 429 at once: only one that went after the last pause began makes it longer.
    pub fn refused(&self, sent: Instant, retry_after: Option<Duration>, now: Instant) -> Duration {
        let Lengths { first, longest } = self.lengths;
        if first.is_zero() {
            return Duration::ZERO;
        }
        let mut state = self.state();
        let mut length = retry_after.unwrap_or_default();
        if state.began.is_none_or(|began| sent >= began) {
            state.began = Some(now);
            if length.is_zero() {
                length = first.saturating_mul(1 << state.strikes.min(20));
            }
            state.strikes = state.strikes.saturating_add(1);
        }
        let until = now + length.min(longest);
        state.until = state.until.max(Some(until));
        state.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// A call that moves no money and went at `sent` was answered with something else: the next pause is a first one again.
    pub fn answered(&self, sent: Instant) {
        let mut state = self.state();
        if state.began.is_some_and(|began| sent >= began) {
            *state = State::default();
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held, and each field is set whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer's `Retry-After` says: seconds, or a date (RFC 9110, section 10.2.3). Nothing for a moment that has passed.
pub(super) fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are longer than any pause.
        true => Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))),
        false => (OffsetDateTime::parse(text, &Rfc2822).ok()? - now).try_into().ok()?,
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pause() -> (Pause, Instant) {
        (Pause::new(Lengths { first: 1000 * MS, longest: 10_000 * MS }), Instant::now())
    }

    #[test]
    fn each_pause_is_twice_as_long_until_an_answer_or_the_bound() {
        let (pause, mut now) = pause();
        for length in [1000, 2000, 4000, 8000, 10_000, 10_000] {
            assert_eq!(pause.left(now), None);
            let sent = now;
            now += 50 * MS;
            assert_eq!(pause.refused(sent, None, now), length * MS);
            assert_eq!(pause.left(now + (length - 1) * MS), Some(MS));
            now += length * MS;
        }
        pause.answered(now);
        assert_eq!(pause.refused(now, None, now), 1000 * MS);
    }

    #[test]
    fn calls_that_were_in_flight_together_count_once() {
        let (pause, sent) = pause();
        for ms in [100, 110, 120] {
            assert_eq!(pause.refused(sent, None, sent + ms * MS), (1100 - ms) * MS);
        }
        // One of them was still answered: that says nothing about the time after the pause.
        pause.answered(sent);
        assert_eq!(pause.refused(sent + 2000 * MS, None, sent + 2000 * MS), 2000 * MS);
    }

    #[test]
    fn qfpays_own_figure_counts_up_to_the_bound() {
        let (pause, now) = pause();
        assert_eq!(pause.refused(now, Some(3000 * MS), now), 3000 * MS);
        let later = now + 5000 * MS;
        assert_eq!(pause.refused(later, Some(3600 * 1000 * MS), later), 10_000 * MS);
    }

    #[test]
    fn a_first_pause_of_nothing_turns_pauses_off() {
        let now = Instant::now();
        let pause = Pause::new(Lengths { first: Duration::ZERO, longest: 10_000 * MS });
        assert_eq!(pause.refused(now, Some(3000 * MS), now), Duration::ZERO);
        assert_eq!(pause.left(now), None);
    }

    #[test]
    fn retry_after_is_read_as_the_rfc_says() {
        let now = datetime!(2015-10-21 07:27:30 UTC);
        let read = |text: &str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now)
                .map(|d| d.as_secs())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(30)); // the RFC's own example of a date
        assert_eq!(read("99999999999999999999999"), Some(u64::from(u32::MAX)));
        for nothing in ["0", "", "-1", "1.5", "soon", "Wed, 21 Oct 2015 07:27:00 GMT"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
