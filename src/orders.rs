//! Who knows what happened to this order? What a call leaves behind: numbers on their way, doubts that are followed until QFPay
//! knows, and the calls of late.
//!
//! In memory, but for the journal, and all of it lives on across a reload. Nothing here signs or sends: `api` asks QFPay in its name.

mod doubt;
mod flight;
mod inquiry;
pub mod journal;
mod known;
mod month;
mod order;
mod recent;
mod row;
mod settings;
mod state;
mod text;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::quota::SharedFlights;
pub use doubt::{Doubt, Purpose};
use flight::Flights;
pub use flight::{Departing, Flight, Held, Standing};
pub use inquiry::{Inquiry, NoAnswer, PACE, Question, Waiter};
use journal::{Facts, Journal};
pub use known::Known;
pub use order::Order;
pub use recent::Passed;
use recent::Recent;
pub use row::{Number, Row, Silent, find};
pub use settings::Settings;
pub use state::{FAILURES, State};

/// How many orders are asked for at once, those in doubt included.
const MOST_INQUIRIES: usize = 2_000;
/// How many doubts are followed without anybody who waits.
const MOST_FOLLOWED: usize = 1_000;
/// How many of them may be an earlier process's, so that there is room for those of this one.
const MOST_LEFT: usize = 800;
/// How many queries that nobody waits for are made at once: where QFPay hangs, each takes a minute and a place in flight.
const QUIET_TURNS: usize = 4;

/// What is remembered of orders.
#[derive(Debug)]
pub struct Orders {
    flights: Flights,
    recent: Recent,
    inquiries: Mutex<HashMap<Question, Arc<Inquiry>>>,
    begun: mpsc::UnboundedSender<Arc<Inquiry>>,
    to_pursue: Mutex<Option<Begun>>,
    waiting: AtomicUsize,
    /// How many doubts are followed.
    followed: AtomicUsize,
    quiet_turns: Semaphore,
    metrics: Arc<Metrics>,
    journal: Option<Journal>,
}

/// The inquiries that begin, for the task that makes their queries.
pub type Begun = mpsc::UnboundedReceiver<Arc<Inquiry>>;

/// One of `orders.waiting`.
#[derive(Debug)]
pub struct WaitingPlace<'a>(&'a AtomicUsize);

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Orders {
    /// Remembers nothing yet. What becomes of doubts goes into the journal.
    pub fn new(metrics: Arc<Metrics>, journal: Option<Journal>) -> Arc<Self> {
        let (begun, to_pursue) = mpsc::unbounded_channel();
        Arc::new(Self {
            flights: Flights::default(),
            recent: Recent::new(),
            inquiries: Mutex::default(),
            begun,
            to_pursue: Mutex::new(Some(to_pursue)),
            waiting: AtomicUsize::new(0),
            followed: AtomicUsize::new(0),
            quiet_turns: Semaphore::new(QUIET_TURNS),
            metrics,
            journal,
        })
    }

    /// The inquiries that begin, for the one task that makes their queries.
    pub fn to_pursue(&self) -> Option<Begun> {
        self.to_pursue.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A place among those that wait for outcomes; none where so many do.
    pub fn wait(&self, most: usize) -> Option<WaitingPlace<'_>> {
        let taken = self.waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |waiting| {
            (waiting < most).then_some(waiting + 1)
        });
        taken.ok().map(|_| WaitingPlace(&self.waiting))
    }

    /// The turn of a query that nobody waits for.
    pub async fn quiet_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.quiet_turns.acquire().await.ok()
    }

    /// How the order's number stands here.
    pub fn standing(&self, order: &Order) -> Option<Standing> {
        self.flights.standing(order)
    }

    /// Remembers a call that was answered.
    pub fn remember(&self, passed: Passed) {
        self.recent.remember(passed);
    }

    /// The calls of late about this order.
    pub fn way_of(&self, order: &Order) -> Vec<Passed> {
        self.recent.of(order)
    }

    /// The order that is being asked for, if it is.
    pub fn asked_for(&self, question: &Question) -> Option<Arc<Inquiry>> {
        self.inquiries().get(question).cloned()
    }

    /// Whether a reversal or a close of the order is in doubt, by whichever of its numbers it was called.
    pub fn may_be_ending(&self, order: &Order, row: Option<&str>) -> bool {
        let inquiries = self.inquiries();
        if inquiries.is_empty() {
            return false;
        }
        let ends = |order: &Order| inquiries.get(&Question::of(order)).is_some_and(|it| it.may_be_ending());
        ends(&order.by_shops_number()) || order.by_each_number(row).iter().any(ends)
    }

    /// The same, begun if need be, and waited for from now on; nothing when too many orders are asked for.
    pub fn inquire(&self, question: &Question) -> Option<Waiter> {
        let not_before = match self.standing(&question.order) {
            Some(Standing::InFlight(since) | Standing::InDoubt(since)) => Instant::from_std(since) + PACE,
            None => Instant::now(),
        };
        // Joined under the lock, under which one that nobody waits for is closed.
        let mut inquiries = self.inquiries();
        if let Some(inquiry) = inquiries.get(question) {
            return Some(inquiry.join());
        }
        if inquiries.len() >= MOST_INQUIRIES {
            return None;
        }
        let inquiry = Arc::new(Inquiry::new(question.clone(), not_before));
        inquiries.insert(question.clone(), inquiry.clone());
        let waiter = inquiry.join();
        drop(inquiries);
        // Fails only at the end of the process, when nobody asks any more.
        let _ = self.begun.send(inquiry);
        Some(waiter)
    }

    /// An order is in doubt: it is asked for from now on, `orders.follow_ms` long.
    pub fn follow(&self, order: &Order, call: &Departing) {
        if call.settings.follow.is_zero() || !call.is_followed {
            return;
        }
        let since = Instant::now();
        let doubt = Doubt {
            request_id: call.request_id.clone(),
            endpoint: call.endpoint,
            purpose: call.purpose,
            called: OffsetDateTime::now_utc(),
            since,
            until: since + call.settings.follow,
            ticket: call.ticket.clone(),
        };
        if let Some(Doubt { request_id, endpoint, .. }) = self.pursue(order, doubt, MOST_FOLLOWED) {
            let app = &order.app().name;
            tracing::warn!(%request_id, app, endpoint, "too many orders are in doubt: this one is not followed");
        }
    }

    /// A number that an earlier process left in doubt is held for so long.
    pub fn hold(&self, order: &Order, hold: Duration) {
        self.flights.hold(order, hold);
    }

    /// A doubt that an earlier process left is taken up again: its order is asked for. Says whether there is room for it.
    pub fn take_up(&self, order: &Order, doubt: Doubt) -> bool {
        doubt.until <= doubt.since || self.pursue(order, doubt, MOST_LEFT).is_none()
    }

    /// Follows a doubt if fewer than so many are. Gives back one that is not followed, or no longer.
    fn pursue(&self, order: &Order, doubt: Doubt, most: usize) -> Option<Doubt> {
        let is_room = |followed| (followed < most).then_some(followed + 1);
        let has_room = self.followed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_room).is_ok();
        if has_room {
            self.metrics.doubts.inc();
        }
        let inquiry = if has_room { self.inquire(&Question::of(&order.by_shops_number())) } else { None };
        let unfollowed = match inquiry {
            Some(inquiry) => {
                inquiry.hold_off(doubt.since + PACE);
                inquiry.follow(doubt)
            }
            None => Some(doubt),
        };
        if unfollowed.is_some() {
            if has_room {
                self.is_followed_no_longer();
            }
            self.metrics.doubt_ended(&order.app().name, "not_followed");
        }
        unfollowed
    }

    fn is_followed_no_longer(&self) {
        self.followed.fetch_sub(1, Ordering::SeqCst);
        self.metrics.doubts.dec();
    }

    /// Takes in what a query of the sidecar's own brought: QFPay's answer, or why there is none.
    pub fn heard(&self, inquiry: &Inquiry, answer: Result<&Bytes, &NoAnswer>, store: Option<SharedFlights>) {
        let known = inquiry.heard(answer);
        let order = &inquiry.question().order;
        if known.row.is_some() {
            self.named(order, store);
        }
        for doubt in inquiry.take_doubts(known.state) {
            self.end(order, &doubt, &known);
        }
    }

    /// Logs and counts how a doubt ended.
    fn end(&self, order: &Order, doubt: &Doubt, known: &Known) {
        let (app, state) = (order.app().name.as_str(), known.state.as_str());
        self.is_followed_no_longer();
        self.metrics.doubt_ended(app, state);
        let (request_id, endpoint, asked) = (&doubt.request_id, doubt.endpoint, known.asked);
        let after_ms = u64::try_from(doubt.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        match doubt.is_settled_by(known.state) {
            true => {
                tracing::info!(%request_id, app, endpoint, state, asked, after_ms, "an order in doubt is resolved");
                self.resolved(order, doubt, known);
            }
            false => {
                let why = known.note.as_deref();
                tracing::warn!(%request_id, app, endpoint, state, asked, after_ms, why, "an order is still in doubt and no longer followed");
            }
        }
    }

    /// Puts on record what became of a doubt.
    fn resolved(&self, order: &Order, doubt: &Doubt, known: &Known) {
        let (Some(journal), Some(ticket)) = (&self.journal, &doubt.ticket) else { return };
        let facts = Facts {
            request_id: Some(doubt.request_id.as_str()),
            app: Some(order.app().name.as_str()),
            mchid: order.mchid(),
            out_trade_no: order.out_trade_no(),
            respcd: known.respcd.as_deref(),
            state: Some(known.state.as_str()),
            ..Facts::default()
        };
        journal.resolution(ticket, &facts);
    }

    /// A caller's own query was answered: what it says of an order that is asked for is as good as an own query's.
    pub fn overheard(&self, order: &Order, body: &Bytes, store: Option<SharedFlights>) {
        let inquiry = self.asked_for(&Question::of(order));
        let is_of_interest = inquiry.is_some() || self.standing(order).is_some();
        if !is_of_interest || !matches!(find(body, &order.number()), Ok(Some(_))) {
            return;
        }
        match inquiry {
            Some(inquiry) => self.heard(&inquiry, Ok(body), store),
            None => self.named(order, store),
        }
    }

    /// Whether a call that makes the order is on its way or in doubt, so that nothing negative is the last word.
    pub fn may_be_made(&self, order: &Order) -> bool {
        let is_followed =
            || self.asked_for(&Question::of(&order.by_shops_number())).is_some_and(|it| it.may_be_made());
        self.standing(order).is_some() || is_followed()
    }

    /// QFPay names the order: its number is held no longer.
    fn named(&self, order: &Order, store: Option<SharedFlights>) {
        self.flights.named(order);
        if let Some(store) = store.filter(|_| order.out_trade_no().is_some()) {
            store.named(&order.by_shops_number().shared_name());
        }
    }

    /// A number has landed: whoever waits for its order need not wait longer with the first query.
    fn landed(&self, order: &Order) {
        // As a rule none is asked for, and no question has to be made.
        if self.inquiries().is_empty() {
            return;
        }
        if let Some(inquiry) = self.asked_for(&Question::of(&order.by_shops_number())) {
            inquiry.landed();
        }
    }

    /// Forgets an order that nobody asks for any more. Says whether it is forgotten.
    pub fn close(&self, inquiry: &Inquiry) -> bool {
        let mut inquiries = self.inquiries();
        let (_, wanted) = inquiry.next();
        if !wanted {
            inquiries.remove(inquiry.question());
        }
        !wanted
    }

    fn inquiries(&self) -> MutexGuard<'_, HashMap<Question, Arc<Inquiry>>> {
        // Nothing panics while it is held.
        self.inquiries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
