//! One app's token buckets in this process: one for all calls, and a smaller one that calls which only read must pass too.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::Rate;
use crate::endpoint::Effect;

/// What a call still needs before it may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    /// Whether it only reads, so that money's share is not for it.
    pub reads: bool,
    /// Whether it has its token of the smaller bucket already, and waits for the other one.
    has_read_token: bool,
}

impl Ticket {
    pub fn new(effect: Effect) -> Self {
        Self { reads: effect == Effect::Reads, has_read_token: false }
    }

    #[cfg(test)]
    pub fn for_money() -> Self {
        Self::new(Effect::MovesMoney)
    }

    #[cfg(test)]
    pub fn for_reads() -> Self {
        Self::new(Effect::Reads)
    }
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Local<C: Clock = MonotonicClock> {
    all: Bucket<C>,
    reads: Bucket<C>,
}

impl Local {
    /// Full buckets.
    pub fn new(all: Rate, reads: Rate) -> Self {
        Self::with_clock(all, reads, MonotonicClock)
    }

    /// Buckets from which a whole burst was just taken.
    pub fn empty(all: Rate, reads: Rate) -> Self {
        let local = Self::new(all, reads);
        local.all.drain();
        local.reads.drain();
        local
    }
}

impl<C: Clock + Clone> Local<C> {
    pub fn with_clock(all: Rate, reads: Rate, clock: C) -> Self {
        Self { all: Bucket::new(all, clock.clone()), reads: Bucket::new(reads, clock) }
    }

    /// Lets a call go, or says after how long it is worth asking again.
    pub fn take(&self, ticket: &mut Ticket) -> Result<(), Duration> {
        // The smaller bucket first: a token of the other one may never be taken in vain.
        if ticket.reads && !ticket.has_read_token {
            self.reads.take()?;
            ticket.has_read_token = true;
        }
        self.all.take()
    }
}

#[derive(Debug)]
struct Bucket<C: Clock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    burst: NonZeroU32,
}

impl<C: Clock + Clone> Bucket<C> {
    fn new(rate: Rate, clock: C) -> Self {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::with_period(rate.period).expect("a rate's period is never zero").allow_burst(burst);
        Self { limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock, burst }
    }

    fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|until| until.wait_time_from(self.clock.now()))
    }

    fn drain(&self) {
        // Enough only for a full bucket, which every new one is.
        let _ = self.limiter.check_n(self.burst);
    }
}
