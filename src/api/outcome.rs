//! `/sidecar/v1/outcome`: what became of an order, now or as soon as QFPay knows.

use std::time::Duration;

use hyper::Response;
use hyper::http::request;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use super::own::own_json;
use super::parameters::refuse_others;
use super::{Api, Record, slips};
use crate::access::{Presented, Purpose};
use crate::decode::Decoded;
use crate::endpoint;
use crate::error::{Code, Failure};
use crate::orders::{Known, Order, PACE, Question, Standing, State};
use crate::server::{RequestBody, Stage};
use crate::sign::Params;
use crate::upstream::AnswerBody;

/// The longest wait, in milliseconds: less than the idle times of libraries and of the sidecar's own listener.
const LONGEST_WAIT_MS: u64 = 50_000;

/// What may be asked with; all but `wait_ms` as for a query.
const NAMES: [&str; 8] =
    ["app_code", "appcode", "end_time", "mchid", "out_trade_no", "start_time", "syssn", "wait_ms"];

/// What is told.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    respcd: &'a str,
    state: &'static str,
    r#final: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    syssn: Option<&'a str>,
    row: Option<&'a RawValue>,
    asked: u32,
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

impl Api {
    /// Says what became of an order. It holds no place in flight: its queries do, which it shares with all who ask the same.
    pub(super) async fn outcome(
        &self,
        head: &request::Parts,
        body: RequestBody,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let (decoded, _memory) = self.parameters(head, body, record).await?;
        refuse_others(&decoded, &NAMES)?;
        let wait = wait(&decoded.params)?;
        let question = self.question(head, decoded, presented, record)?;
        let waiting = record.waiting();
        let known = self.outcome_of(&question, wait).await;
        record.waited(waiting);
        Ok(own_json(&self.told(&question, &known)))
    }

    /// What is asked, by whom it is signed, and whether that may be: it takes the right to the query.
    pub(super) fn question(
        &self,
        head: &request::Parts,
        decoded: Decoded,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Question, Failure> {
        let query = endpoint::query();
        let caller = self.caller(presented, &decoded, Purpose::Call, record)?;
        let app = self.choose_app(caller.as_deref(), query, &head.headers, &decoded, record)?;
        let params = decoded.params.apply(self.empty)?;
        let params = self.permitted(caller.as_deref(), (query, endpoint::QUERY), app, params, record)?;
        slips::refuse_other_names(head, app, &params)?;
        let order = Order::of(app, &params).ok_or_else(|| {
            let detail = "which order? Send its out_trade_no, or QFPay's syssn";
            Failure::refused(Code::ParameterMissing, detail)
        })?;
        if [order.out_trade_no(), order.syssn()].into_iter().flatten().any(|number| number.contains(',')) {
            let detail = "an outcome is that of one order; out_trade_no or syssn is a list";
            return Err(Failure::refused(Code::ParameterInvalid, detail));
        }
        let time = |name| params.get(name).filter(|time| !time.is_empty()).map(str::to_owned);
        Ok(Question { order, start_time: time("start_time"), end_time: time("end_time") })
    }

    /// What is known once the order has a final state, the time is over, or the sidecar ends.
    async fn outcome_of(&self, question: &Question, wait: Duration) -> Known {
        let place = self.lasting.orders.wait(self.orders.waiting);
        let begun = match place {
            Some(_) if !self.lasting.shutdown.has_reached(Stage::Draining) => {
                self.lasting.orders.inquire(question)
            }
            _ => None,
        };
        let Some(inquiry) = begun else {
            let known =
                self.lasting.orders.asked_for(question).map(|inquiry| inquiry.known().borrow().clone());
            return known
                .unwrap_or_else(|| Known::nothing("too many callers wait: this is what is known now"));
        };
        let came = Instant::now();
        let mut known = inquiry.known();
        // The first answer is waited for a moment even by those who do not wait, unless no query may go yet.
        let at_once = wait.is_zero() && inquiry.next().0 > came && known.borrow().asked_at.is_none();
        let until = came + wait;
        let first_until = if at_once { came } else { came + wait.max(PACE) };
        loop {
            let seen = known.borrow_and_update().clone();
            let is_fresh = |at: Option<Instant>| at.is_some_and(|at| at + PACE > came);
            let deadline = if is_fresh(seen.asked_at) { until } else { first_until };
            // A query that brought nothing makes no row of before fresh.
            let is_told = is_fresh(seen.seen_at) && self.open(&question.order, &seen).is_none();
            if is_told && seen.state.is_final() || Instant::now() >= deadline {
                return seen;
            }
            tokio::select! {
                // Fails only without a sender, which the inquiry holds.
                _ = known.changed() => {}
                () = sleep_until(deadline) => {}
                () = self.lasting.shutdown.reached(Stage::Draining) => return known.borrow().clone(),
            }
        }
    }

    /// Why a state is not final although it would be otherwise.
    fn open(&self, order: &Order, known: &Known) -> Option<&'static str> {
        if known.state.is_negative() && self.lasting.orders.may_be_made(order) {
            return Some(
                "another call with this out_trade_no is on its way or in doubt, and may have been paid",
            );
        }
        let is_ending =
            known.state.is_final() && self.lasting.orders.may_be_ending(order, known.row.as_deref());
        is_ending.then_some("a reversal or close of it is in doubt, and may come through yet")
    }

    /// What is told of an order of which so much is known.
    pub(super) fn told<'a>(&self, question: &'a Question, known: &'a Known) -> Told<'a> {
        let order = &question.order;
        let (mut state, mut note) = (known.state, known.note.as_deref());
        if state == State::Unknown
            && matches!(self.lasting.orders.standing(order), Some(Standing::InFlight(_)))
        {
            (state, note) = (State::InFlight, Some("a call with this out_trade_no is on its way to QFPay"));
        }
        let row = known.row.as_deref().and_then(|row| serde_json::from_str(row).ok());
        let open = self.open(order, known);
        // A row's age is its own; without one, how long ago QFPay was asked in vain.
        let age = known
            .seen_at
            .or(known.asked_at)
            .map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        Told {
            respcd: match open {
                Some(_) if state.is_negative() => State::InFlight.respcd(None),
                _ => state.respcd(known.respcd.as_deref()),
            },
            state: state.as_str(),
            r#final: state.is_final() && open.is_none(),
            out_trade_no: order.out_trade_no(),
            syssn: order.syssn(),
            row,
            asked: known.asked,
            age_ms: age,
            note: open.or(note),
        }
    }
}

fn wait(params: &Params) -> Result<Duration, Failure> {
    let Some(text) = params.get("wait_ms").filter(|text| !text.is_empty()) else { return Ok(Duration::ZERO) };
    match text.parse() {
        Ok(ms @ 0..=LONGEST_WAIT_MS) => Ok(Duration::from_millis(ms)),
        _ => {
            let detail = format!("wait_ms is a whole number of milliseconds from 0 to {LONGEST_WAIT_MS}");
            Err(Failure::refused(Code::ParameterInvalid, detail))
        }
    }
}
