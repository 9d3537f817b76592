//! One app's token buckets in this process: one for all calls, and a smaller one that calls which move no money must pass too.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::rate::{Rate, Rates};
use crate::endpoint::Effect;

/// What a call still needs before it may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    /// Whether it moves money: else the share that is kept for such calls is not for it.
    pub moves_money: bool,
    /// Whether it has its token of the smaller bucket already, and waits for the other one.
    has_lesser_token: bool,
}

impl Ticket {
    pub fn new(effect: Effect) -> Self {
        Self { moves_money: effect.moves_money(), has_lesser_token: false }
    }

    #[cfg(test)]
    pub fn for_money() -> Self {
        Self::new(Effect::MovesMoney)
    }

    #[cfg(test)]
    pub fn for_reading() -> Self {
        Self::new(Effect::Reads)
    }
}

/// The buckets.
#[derive(Debug)]
pub(super) struct Local<C: Clock = MonotonicClock> {
    all: Bucket<C>,
    lesser: Bucket<C>,
}

impl Local {
    /// Full buckets.
    pub fn new(rates: Rates) -> Self {
        Self::with_clock(rates, MonotonicClock)
    }

    /// Buckets from which as many tokens were taken as from others, whose rates held before.
    pub fn after(before: &Self, rates: Rates) -> Self {
        let local = Self::new(rates);
        local.all.take_many(before.all.used());
        local.lesser.take_many(before.lesser.used());
        local
    }

    /// Buckets from which a whole burst was just taken.
    pub fn empty(rates: Rates) -> Self {
        let local = Self::new(rates);
        local.all.take_many(u32::MAX);
        local.lesser.take_many(u32::MAX);
        local
    }
}

impl<C: Clock + Clone> Local<C> {
    pub fn with_clock(rates: Rates, clock: C) -> Self {
        Self { all: Bucket::new(rates.all, clock.clone()), lesser: Bucket::new(rates.lesser, clock) }
    }

    /// Lets a call go, or says after how long it is worth asking again.
    pub fn take(&self, ticket: &mut Ticket) -> Result<(), Duration> {
        // The smaller bucket first: a token of the other one may never be taken in vain.
        if !ticket.moves_money && !ticket.has_lesser_token {
            self.lesser.take()?;
            ticket.has_lesser_token = true;
        }
        self.all.take()
    }
}

#[derive(Debug)]
struct Bucket<C: Clock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>,
    clock: C,
    burst: NonZeroU32,
}

impl<C: Clock + Clone> Bucket<C> {
    fn new(rate: Rate, clock: C) -> Self {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::with_period(rate.period).expect("a rate's period is never zero").allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone()).with_middleware();
        Self { limiter, clock, burst }
    }

    fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map(|_| ()).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// How many tokens are missing. It takes one, since there is no way to look without.
    fn used(&self) -> u32 {
        let left = self.limiter.check().map_or(0, |state| state.remaining_burst_capacity());
        self.burst.get().saturating_sub(left)
    }

    /// Takes so many of a new bucket, or all.
    fn take_many(&self, tokens: u32) {
        if let Some(tokens) = NonZeroU32::new(tokens.min(self.burst.get())) {
            // Enough for a full bucket, which every new one is.
            let _ = self.limiter.check_n(tokens);
        }
    }
}
