//! QFPay's two limits as one rate that keeps both, wherever their windows begin.
//!
//! A token bucket of `burst` calls, of which one comes back every `period`, lets at most `burst + window / period` calls
//! through in any window. So `burst + 1 s / period <= per_second` and `burst + 60 s / period <= per_minute` keep both. Of
//! the pairs that do, this takes the largest burst that the second allows while the minute is used up, but at least half
//! a second's calls and at most half a minute's, so that a burst never takes all that would come back.

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The figures of a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many calls may go at once, at least 1.
    pub burst: u32,
    /// After how long one call more may go.
    pub period: Duration,
}

/// An app's two rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates {
    /// For all calls together.
    pub all: Rate,
    /// For those that move no money, without the part that is kept for those that do.
    pub lesser: Rate,
}

impl Rates {
    pub fn new(all: Rate, reserved_percent: u32) -> Self {
        Self { all, lesser: all.share(100 - reserved_percent) }
    }

    /// What a call has to keep.
    pub fn of(self, moves_money: bool) -> Rate {
        if moves_money { self.all } else { self.lesser }
    }

    /// One sidecar's part of both.
    pub fn share(self, percent: u32) -> Self {
        Self { all: self.all.share(percent), lesser: self.lesser.share(percent) }
    }
}

impl Rate {
    /// The rate that keeps both limits (protocol sheet, section 6); 0 is no limit, and two of them no rate.
    pub fn within(per_second: u32, per_minute: u32) -> Option<Self> {
        let burst = match (u64::from(per_second), u64::from(per_minute)) {
            (0, 0) => return None,
            (second, 0) => second.div_ceil(2),
            (0, minute) => minute.div_ceil(2),
            (second, minute) => {
                // Where both limits meet: burst + x = per_second and burst + 60 x = per_minute.
                let meeting = (60 * second).saturating_sub(minute) / 59;
                meeting.max(second.div_ceil(2)).min(minute.div_ceil(2))
            }
        };
        let burst = u32::try_from(burst).expect("it is no larger than one of the limits");
        let windows = [(per_second, SECOND), (per_minute, MINUTE)];
        let periods = windows.into_iter().filter(|(limit, _)| *limit > 0);
        let period = periods.map(|(limit, window)| period(limit, burst, window)).max()?;
        Some(Self { burst, period })
    }

    /// A part of it: so many percent of the burst, rounded down but at least one call, and as much slower.
    pub fn share(self, percent: u32) -> Self {
        let burst = u64::from(self.burst) * u64::from(percent) / 100;
        let burst = u32::try_from(burst).unwrap_or(self.burst).max(1);
        Self { burst, period: (self.period * 100).div_ceil(percent) }
    }

    /// How long it takes until a whole burst may go again.
    pub fn refill(self) -> Duration {
        self.period * self.burst
    }
}

/// The shortest period with which a window never holds more than `limit` calls.
fn period(limit: u32, burst: u32, window: Duration) -> Duration {
    match limit - burst {
        // A single call: the next one comes when the window has surely ended.
        0 => window + Duration::from_millis(1),
        more => window.div_ceil(more),
    }
}

trait DivCeil {
    fn div_ceil(self, by: u32) -> Self;
}

impl DivCeil for Duration {
    /// Rounded up, so that no rate is ever too fast.
    fn div_ceil(self, by: u32) -> Self {
        self.saturating_add(Self::from_nanos(u64::from(by) - 1)) / by
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::{Clock, FakeRelativeClock};
    use proptest::prelude::*;

    use super::*;
    use crate::quota::local::{Local, Ticket};

    /// The most moments that any window of this length holds, its end included.
    fn fullest(sent: &[Duration], window: Duration) -> usize {
        let mut begin = 0;
        let within = sent.iter().enumerate().map(|(end, at)| {
            while *at - sent[begin] > window {
                begin += 1;
            }
            end + 1 - begin
        });
        within.max().unwrap_or(0)
    }

    /// When calls went through that arrived like this: after each pause, in milliseconds, so many at once.
    fn simulate(rate: Rate, arrivals: &[(u64, u32)]) -> Vec<Duration> {
        let clock = FakeRelativeClock::default();
        let bucket = Local::with_clock(Rates::new(rate, 0), clock.clone());
        let (mut now, mut sent) = (Duration::ZERO, Vec::new());
        for &(pause, calls) in arrivals {
            clock.advance(Duration::from_millis(pause));
            now += Duration::from_millis(pause);
            let passed = (0..calls).filter(|_| bucket.take(&mut Ticket::for_money()).is_ok());
            sent.extend(passed.map(|_| now));
        }
        assert_eq!(Duration::from_nanos(clock.now().as_u64()), now);
        sent
    }

    /// When calls went through that were sent as fast as they could be, for so long.
    fn greedy(rate: Rate, during: Duration) -> Vec<Duration> {
        let clock = FakeRelativeClock::default();
        let bucket = Local::with_clock(Rates::new(rate, 0), clock.clone());
        let (mut now, mut sent) = (Duration::ZERO, Vec::new());
        while now < during && sent.len() < 100_000 {
            match bucket.take(&mut Ticket::for_money()) {
                Ok(()) => sent.push(now),
                Err(wait) => {
                    clock.advance(wait);
                    now += wait;
                }
            }
        }
        sent
    }

    fn assert_kept(sent: &[Duration], per_second: u32, per_minute: u32) {
        for (limit, window) in [(per_second, SECOND), (per_minute, MINUTE)] {
            let fullest = fullest(sent, window);
            assert!(
                limit == 0 || fullest <= limit as usize,
                "{fullest} calls in {window:?}, {limit} allowed"
            );
        }
    }

    #[test]
    fn qfpays_limits_give_94_at_once_and_5_a_second() {
        let rate = Rate::within(100, 400).unwrap();
        // 94 + 60 s / period = 400, rounded up to the nanosecond.
        assert_eq!(rate, Rate { burst: 94, period: Duration::from_nanos(196_078_432) });
        let sent = greedy(rate, Duration::from_secs(180));
        assert_eq!((fullest(&sent, SECOND), fullest(&sent, MINUTE)), (99, 399));
        assert_eq!(rate.share(70), Rate { burst: 65, period: Duration::from_nanos(280_112_046) });
    }

    #[test]
    fn either_limit_alone_gives_half_at_once() {
        assert_eq!(Rate::within(0, 0), None);
        assert_eq!(Rate::within(100, 0), Some(Rate { burst: 50, period: Duration::from_millis(20) }));
        assert_eq!(Rate::within(0, 400), Some(Rate { burst: 200, period: Duration::from_millis(300) }));
        // A limit that the other one makes superfluous changes nothing.
        assert_eq!(Rate::within(100, 6000), Rate::within(100, 0));
        assert_eq!(Rate::within(100, 60), Rate::within(0, 60));
    }

    #[test]
    fn the_smallest_limits_are_kept() {
        for per_second in 0..=4 {
            for per_minute in 0..=8 {
                let Some(rate) = Rate::within(per_second, per_minute) else { continue };
                let sent = greedy(rate, Duration::from_secs(240));
                assert!(!sent.is_empty());
                assert_kept(&sent, per_second, per_minute);
            }
        }
    }

    #[test]
    fn money_finds_its_share_however_much_is_read() {
        let rate = Rate::within(100, 400).unwrap();
        let clock = FakeRelativeClock::default();
        let bucket = Local::with_clock(Rates::new(rate, 30), clock.clone());
        // 29 payments at once and then 1.5 a second are 30 % of the quota, rounded down.
        let mut reads = 0;
        for tenths in 0..1200 {
            reads += (0..50).filter(|_| bucket.take(&mut Ticket::for_reading()).is_ok()).count();
            let payments = if tenths == 0 { 29 } else { u32::from(tenths % 7 == 0) };
            for _ in 0..payments {
                assert_eq!(bucket.take(&mut Ticket::for_money()), Ok(()), "refused after {tenths} tenths");
            }
            clock.advance(Duration::from_millis(100));
        }
        // 65 and 3.57 a second for 120 seconds.
        assert!((480..=494).contains(&reads), "{reads} reads");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
        #[test]
        fn no_window_holds_more_than_allowed(
            per_second in 0_u32..300,
            per_minute in 0_u32..1500,
            arrivals in prop::collection::vec((prop_oneof![0_u64..50, 0_u64..3000, 0_u64..90_000], 1_u32..400), 1..40),
        ) {
            if let Some(rate) = Rate::within(per_second, per_minute) {
                assert_kept(&simulate(rate, &arrivals), per_second, per_minute);
                assert_kept(&greedy(rate, Duration::from_secs(130)), per_second, per_minute);
            }
        }

        #[test]
        fn shares_together_are_no_more_than_the_whole(per_second in 8_u32..300, per_minute in 16_u32..1500) {
            let rate = Rate::within(per_second, per_minute).unwrap();
            let quarters = vec![greedy(rate.share(25), Duration::from_secs(130)); 4];
            let mut sent = quarters.concat();
            sent.sort_unstable();
            assert_kept(&sent, per_second, per_minute);
        }
    }
}
