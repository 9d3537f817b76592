//! One flight: a number that is on its way to QFPay, or in doubt since shortly, is kept from going a second time.
//!
//! QFPay takes a number once. But a shop that got no answer may send it again while the first is still on its way, or take a new
//! number and pay twice. In memory a flight is one entry of a map, and through the quota's store several sidecars agree.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::journal::Ticket;
use super::order::{Order, Tag, TagState, Tagger};
use super::{Orders, Purpose, Settings};
use crate::caller::RequestId;
use crate::quota::SharedFlights;

/// How many doubts are held at once; beyond, the oldest is let go early. QFPay's quota gives a tenth of it within
/// `orders.hold_ms`.
const MOST_DOUBTS: usize = 10_000;

/// Why a number may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// A call with it is on its way.
    #[error("a call with this out_trade_no is on its way to QFPay")]
    InFlight,
    /// One is in doubt, and held for so long at most.
    #[error("what became of the last call with this out_trade_no is not known yet; it is held for {} s at most", .0.as_secs() + 1)]
    InDoubt(Duration),
}

/// Every number that is on its way or in doubt.
#[derive(Debug, Default)]
pub(super) struct Flights {
    tagger: Tagger,
    held: Mutex<Hold>,
}

#[derive(Debug, Default)]
struct Hold {
    numbers: HashMap<Tag, Entry, TagState>,
    /// Those in doubt, by the end of their hold.
    doubts: VecDeque<(Instant, Tag)>,
    last: u64,
}

/// What is known of one number.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Which of its flights it is about.
    flight: u64,
    since: Instant,
    /// The end of its hold, when it is in doubt.
    until: Option<Instant>,
}

/// How a number stands right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A call with it is on its way since then.
    InFlight(Instant),
    /// One is in doubt since then.
    InDoubt(Instant),
}

impl Flights {
    /// Lets a number go if it may. Without `refuses` it only remembers that it goes.
    fn depart(&self, order: &Order, refuses: bool) -> Result<Option<(Tag, u64)>, Held> {
        let Some(tag) = self.tagger.of(order) else { return Ok(None) };
        let now = Instant::now();
        let mut held = self.held();
        held.forget(now);
        // Holds of an earlier process may end out of order.
        let is_held = |entry: &&Entry| refuses && entry.until.is_none_or(|until| until > now);
        if let Some(entry) = held.numbers.get(&tag).filter(is_held) {
            return Err(match entry.until {
                None => Held::InFlight,
                Some(until) => Held::InDoubt(until.saturating_duration_since(now)),
            });
        }
        held.last += 1;
        let flight = held.last;
        held.numbers.insert(tag, Entry { flight, since: now, until: None });
        Ok(Some((tag, flight)))
    }

    /// It is over, and known what became of it.
    fn land(&self, tag: Tag, flight: u64) {
        let mut held = self.held();
        if held.numbers.get(&tag).is_some_and(|entry| entry.flight == flight) {
            held.numbers.remove(&tag);
        }
    }

    /// It is over, and not known.
    fn doubt(&self, tag: Tag, hold: Duration) {
        let now = Instant::now();
        let mut held = self.held();
        held.last += 1;
        let entry = Entry { flight: held.last, since: now, until: Some(now + hold) };
        held.numbers.insert(tag, entry);
        held.doubts.push_back((now + hold, tag));
        held.forget(now);
    }

    /// A number that an earlier process left in doubt.
    pub fn hold(&self, order: &Order, hold: Duration) {
        if let Some(tag) = self.tagger.of(order).filter(|_| !hold.is_zero()) {
            self.doubt(tag, hold);
        }
    }

    /// QFPay names the order: from here on it refuses the number itself.
    pub fn named(&self, order: &Order) {
        if let Some(tag) = self.tagger.of(order) {
            let mut held = self.held();
            if held.numbers.get(&tag).is_some_and(|entry| entry.until.is_some()) {
                held.numbers.remove(&tag);
            }
        }
    }

    /// How the order's number stands.
    pub fn standing(&self, order: &Order) -> Option<Standing> {
        let tag = self.tagger.of(order)?;
        let now = Instant::now();
        let mut held = self.held();
        held.forget(now);
        held.numbers.get(&tag).filter(|entry| entry.until.is_none_or(|until| until > now)).map(|entry| {
            match entry.until {
                None => Standing::InFlight(entry.since),
                Some(_) => Standing::InDoubt(entry.since),
            }
        })
    }

    fn held(&self) -> MutexGuard<'_, Hold> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    /// Lets go of doubts whose time is over, and of the oldest beyond the bound.
    fn forget(&mut self, now: Instant) {
        while let Some(&(until, tag)) = self.doubts.front() {
            if until > now && self.doubts.len() <= MOST_DOUBTS {
                return;
            }
            self.doubts.pop_front();
            if self.numbers.get(&tag).is_some_and(|entry| entry.until == Some(until)) {
                self.numbers.remove(&tag);
            }
        }
    }
}

/// One call on its way. Dropped before [`Flight::leaves`] it was never there; dropped after it without a word, as by a
/// defect, it is in doubt.
#[derive(Debug)]
pub struct Flight {
    orders: Arc<Orders>,
    order: Order,
    call: Departing,
    number: Option<(Tag, u64)>,
    shared: Option<(SharedFlights, String, String)>,
    left: bool,
}

/// What a call is known by, when it ends in doubt.
#[derive(Clone, Debug)]
pub struct Departing {
    /// The request.
    pub request_id: RequestId,
    /// What is called, as in logs.
    pub endpoint: &'static str,
    /// What for.
    pub purpose: Purpose,
    /// How long it may take, the wait for its turn included.
    pub longest: Duration,
    /// What applies to it.
    pub settings: Settings,
    /// Whether QFPay may be asked for it.
    pub is_followed: bool,
    /// Its row in the journal, once it stands there.
    pub ticket: Option<Ticket>,
}

impl Orders {
    /// Lets a payment or a refund go, unless its number is on its way or in doubt, here or at a sidecar that shares the
    /// quota's store. A store that does not answer refuses nothing.
    ///
    /// # Errors
    /// [`Held`] says why not.
    pub async fn depart(
        self: &Arc<Self>,
        order: &Order,
        call: Departing,
        store: Option<SharedFlights>,
    ) -> Result<Flight, Held> {
        let settings = call.settings;
        let number = self.flights.depart(order, settings.one_flight)?;
        let kept = call.longest + settings.hold;
        let (orders, order) = (self.clone(), order.clone());
        let mut flight = Flight { orders, order, call, number, shared: None, left: false };
        if let Some(store) = store.filter(|_| settings.one_flight && number.is_some()) {
            let (name, mark) =
                (flight.order.by_shops_number().shared_name(), format!("{:032x}", fastrand::u128(..)));
            // Remembered before it is asked: an answer that does not come may come from a store that took it.
            flight.shared = Some((store.clone(), name.clone(), mark.clone()));
            if let Some(held) = Box::pin(store.take(&name, &mark, kept)).await {
                flight.shared = None;
                return Err(match held.in_doubt {
                    true => Held::InDoubt(held.left),
                    false => Held::InFlight,
                });
            }
        }
        Ok(flight)
    }
}

impl Flight {
    /// It stands in the journal.
    pub fn is_on_record(&mut self, ticket: Option<Ticket>) {
        self.call.ticket = ticket;
    }

    /// From here on it may reach QFPay.
    pub fn leaves(&mut self) {
        self.left = true;
    }

    /// It is known what became of the call: QFPay answered, or nothing was sent.
    pub fn landed(mut self) {
        self.left = false;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let shared = self.shared.take();
        if !self.left {
            if let Some((tag, flight)) = self.number {
                self.orders.flights.land(tag, flight);
                self.orders.landed(&self.order);
            }
            if let Some((store, name, mark)) = shared {
                store.free(&name, mark);
            }
            return;
        }
        let hold = self.call.settings.hold;
        if let Some((tag, _)) = self.number {
            self.orders.flights.doubt(tag, hold);
        }
        if let Some((store, name, mark)) = shared {
            store.doubt(&name, mark, hold);
        }
        self.orders.follow(&self.order, &self.call);
    }
}
