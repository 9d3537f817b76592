//! One order that is being asked for: whoever wants to know shares its queries, and what they brought.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::{Duration, Instant};

use super::State;
use super::doubt::{Doubt, Purpose};
use super::known::Known;
use super::month::Months;
use super::order::Order;
use super::row;
use crate::sign::Params;

/// QFPay advises to wait 3 to 5 seconds before the first query and between queries (transaction enquiry of SITE).
pub const PACE: Duration = Duration::from_secs(3);
/// From here on more seldom.
const PATIENCE: Duration = Duration::from_secs(30);
/// So often then.
const SELDOM: Duration = Duration::from_secs(10);

/// What is asked: an order, and the time in which QFPay is to look for it, in its own format.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The order.
    pub order: Order,
    /// `start_time`, if it is named.
    pub start_time: Option<String>,
    /// `end_time`, if it is named.
    pub end_time: Option<String>,
}

impl Question {
    /// An order of these days.
    pub fn of(order: &Order) -> Self {
        Self { order: order.clone(), start_time: None, end_time: None }
    }
}

/// Why a query brought no answer.
#[derive(Clone, Debug)]
pub struct NoAnswer {
    /// In words, for the caller.
    pub why: String,
    /// Whether it may have reached QFPay.
    pub sent: bool,
}

/// How many doubts of one order are followed: a number that is tried again and again is in doubt each time.
const MOST_DOUBTS: usize = 8;

/// An order that is being asked for.
#[derive(Debug)]
pub struct Inquiry {
    question: Question,
    known: watch::Sender<Known>,
    changed: Notify,
    waiting: AtomicUsize,
    course: Mutex<Course>,
}

#[derive(Debug)]
struct Course {
    /// No query before this moment.
    not_before: Instant,
    /// Since when it is asked at the quicker pace.
    quick_since: Instant,
    last: Option<Instant>,
    /// The calls that ended in doubt, the oldest first.
    doubts: Vec<Doubt>,
}

/// One that waits for an outcome: as long as it does, the order is asked for.
#[derive(Debug)]
pub struct Waiter(Arc<Inquiry>);

impl Deref for Waiter {
    type Target = Inquiry;

    fn deref(&self) -> &Inquiry {
        &self.0
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Inquiry {
    /// Nothing was asked yet, nor will be before that moment.
    pub(super) fn new(question: Question, not_before: Instant) -> Self {
        let known = Known::nothing(NOT_ASKED);
        Self {
            question,
            known: watch::Sender::new(known),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
            course: Mutex::new(Course {
                not_before,
                quick_since: Instant::now(),
                last: None,
                doubts: Vec::new(),
            }),
        }
    }

    /// What is asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// What is known now, and what will be.
    pub fn known(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    /// Waits with the others. The next query comes as soon as one may. Called where no inquiry is closed meanwhile.
    pub(super) fn join(self: &Arc<Self>) -> Waiter {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut course = self.course();
        if course.last.is_some_and(|last| last.elapsed() >= PACE) {
            course.quick_since = Instant::now();
        }
        drop(course);
        self.changed.notify_one();
        Waiter(self.clone())
    }

    /// No query before this moment: the call itself has just left.
    pub(super) fn hold_off(&self, until: Instant) {
        self.course().not_before = until;
        self.changed.notify_one();
    }

    /// The number has landed: it may be asked for at once.
    pub(super) fn landed(&self) {
        self.course().not_before = Instant::now();
        self.changed.notify_one();
    }

    /// Follows a doubt beside those of the same order. Gives back the one that has to make room.
    pub(super) fn follow(&self, doubt: Doubt) -> Option<Doubt> {
        let mut course = self.course();
        let oldest = (course.doubts.len() >= MOST_DOUBTS).then(|| course.doubts.remove(0));
        course.doubts.push(doubt);
        drop(course);
        self.changed.notify_one();
        oldest
    }

    /// Whether a reversal or a close of it is in doubt, which may come through any moment.
    pub(super) fn may_be_ending(&self) -> bool {
        self.course().doubts.iter().any(|doubt| doubt.purpose == Purpose::End)
    }

    /// Whether a call that makes it is in doubt.
    pub(super) fn may_be_made(&self) -> bool {
        self.course().doubts.iter().any(|doubt| doubt.purpose == Purpose::Make)
    }

    /// The doubts that this state settles, and those whose time is over.
    pub(super) fn take_doubts(&self, state: State) -> Vec<Doubt> {
        let now = Instant::now();
        let is_over = |doubt: &mut Doubt| doubt.is_settled_by(state) || doubt.until <= now;
        let over: Vec<_> = self.course().doubts.extract_if(.., is_over).collect();
        if !over.is_empty() {
            self.changed.notify_one();
        }
        over
    }

    /// The parameters of the next query. An order that may stand in an earlier month is looked for there by turns.
    pub fn params(&self) -> Params {
        let mut params = Params::new();
        let Question { order, start_time, end_time } = &self.question;
        let (mut start, mut end) = (start_time.clone(), end_time.clone());
        let called = self.course().doubts.first().map(|doubt| doubt.called);
        if let Some(called) = called.filter(|_| start.is_none() && end.is_none())
            && self.known.borrow().asked % 2 == 1
            && let Months::Earlier(begin, last) = Months::of(called, OffsetDateTime::now_utc())
        {
            (start, end) = (Some(begin), Some(last));
        }
        let fields = [
            ("end_time", end.as_deref()),
            ("mchid", order.mchid()),
            ("out_trade_no", order.out_trade_no()),
            ("start_time", start.as_deref()),
            ("syssn", order.syssn()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                params.set(name, value);
            }
        }
        params
    }

    /// Whether somebody waits for it.
    pub fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Completes when somebody comes, or something has changed, that may bring the next query forward.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// When the next query may go, and whether anybody wants it.
    pub fn next(&self) -> (Instant, bool) {
        let course = self.course();
        let wanted = self.is_waited_for() || !course.doubts.is_empty();
        let due = match course.last {
            None => course.not_before,
            Some(last) => {
                let quick = last.saturating_duration_since(course.quick_since) < PATIENCE;
                let paced = last + if quick { PACE } else { SELDOM };
                // One who has just come does not wait for the slow pace.
                let now = if quick || course.quick_since <= last { paced } else { last + PACE };
                now.max(course.not_before)
            }
        };
        (due, wanted)
    }

    /// Takes in QFPay's answer to a query, or why there is none.
    pub(super) fn heard(&self, answer: Result<&Bytes, &NoAnswer>) -> Known {
        let number = self.question.order.number();
        let now = Instant::now();
        self.course().last = Some(now);
        let was_sent = answer.as_ref().map_or_else(|no| no.sent, |_| true);
        let found = match answer {
            Ok(body) => row::find(body, &number).map_err(|silent| silent.to_string()),
            Err(no) => Err(no.why.clone()),
        };
        self.known.send_modify(|known| {
            known.asked = known.asked.saturating_add(u32::from(was_sent));
            known.asked_at = Some(now);
            match found {
                Ok(Some(row)) => {
                    known.state = State::of(&row);
                    known.respcd = row.respcd.as_deref().map(str::to_owned);
                    known.row = Some(row.raw.get().to_owned());
                    known.seen_at = Some(now);
                    known.note = None;
                }
                // A row that was seen does not vanish: an answer without it looked elsewhere.
                Ok(None) => known.note = Some(NO_ROW.to_owned()),
                Err(why) => known.note = Some(why),
            }
        });
        self.known.borrow().clone()
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        // Nothing panics while it is held.
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an order means that was not asked for, for people.
const NOT_ASKED: &str = "QFPay was not asked yet";
/// What a missing row means, for people.
const NO_ROW: &str = "QFPay shows no row of it; that does not say that it was not paid";
