//! QFPay's documented limits: requests per second and per minute, per app (protocol sheet, section 6).

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The moments of each app's requests within the last minute.
#[derive(Debug, Default)]
pub(super) struct Quota {
    recent: HashMap<String, VecDeque<Instant>>,
}

impl Quota {
    /// Counts a request unless it is over a limit (0 = no limit). Refused requests do not count.
    pub(super) fn admits(&mut self, app: &str, per_second: u32, per_minute: u32, now: Instant) -> bool {
        if per_second == 0 && per_minute == 0 {
            return true;
        }
        let recent = self.recent.entry(app.to_owned()).or_default();
        let within = |at: &Instant, span| now.saturating_duration_since(*at) < Duration::from_secs(span);
        while recent.front().is_some_and(|at| !within(at, 60)) {
            recent.pop_front();
        }
        let minute = recent.len();
        let second = recent.iter().rev().take_while(|at| within(at, 1)).count();
        let over = |count: usize, limit: u32| limit != 0 && count >= limit as usize;
        if over(second, per_second) || over(minute, per_minute) {
            return false;
        }
        recent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_windows_slide_and_apps_do_not_share() {
        let mut quota = Quota::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut asks = |app: &str, ms| quota.admits(app, 2, 3, at(ms));
        assert!(asks("a", 0) && asks("a", 10) && !asks("a", 20));
        assert!(asks("b", 20));
        assert!(asks("a", 1005), "the first left the second");
        assert!(!asks("a", 3000), "three in this minute");
        assert!(asks("a", 60_005));
    }

    #[test]
    fn zero_turns_a_limit_off() {
        let mut quota = Quota::default();
        let now = Instant::now();
        assert!((0..1000).all(|_| quota.admits("a", 0, 0, now)));
        assert!((0..1000).all(|i| quota.admits("b", 0, 5, now) == (i < 5)));
    }
}
