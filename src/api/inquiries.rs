//! Queries that the sidecar makes by itself, and what calls leave behind for them: numbers on their way, orders in doubt.
//!
//! They go the way of a caller's query: a place, the reads' share of the quota, signed, checked, logged, counted.

mod left;

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use hyper::http::{HeaderMap, StatusCode};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::answer_checks::Asked;
use super::{Api, Holder, Lasting, Record};
use crate::decode::Place;
use crate::endpoint::{self, Endpoint};
use crate::error::{Code, Failure};
use crate::orders::journal::is_kept_whole;
use crate::orders::{Departing, Flight, Inquiry, NoAnswer, Order, Purpose};
use crate::outbound::{Call, SignedRequest};
use crate::server::Stage;
use crate::upstream::{Answer, Body, Delivery};

impl Api {
    /// Lets a call go, if its number is neither on its way nor in doubt.
    pub(super) async fn depart(
        &self,
        endpoint: &Endpoint,
        record: &Record,
    ) -> Result<Option<Flight>, Failure> {
        if endpoint.makes_order() {
            refuse_too_long(record.order.as_ref())?;
        }
        let is_off = !self.orders.one_flight && self.orders.follow.is_zero();
        let is_new = |order: &&Order| endpoint.makes_order() && order.has_shops_number();
        let Some(order) = record.order.as_ref().filter(is_new).filter(|_| !is_off) else { return Ok(None) };
        let call = self.departing(endpoint, Purpose::Make, record);
        Ok(Some(self.lasting.orders.depart(order, call, self.quota.flights()).await?))
    }

    fn departing(&self, endpoint: &Endpoint, purpose: Purpose, record: &Record) -> Departing {
        Departing {
            request_id: record.request_id().clone(),
            endpoint: endpoint.label(),
            purpose,
            longest: self.quota.longest_wait() + self.upstream.longest_call(),
            settings: self.orders,
            is_followed: self.routes.allows(endpoint::QUERY),
            ticket: record.ticket(),
        }
    }

    /// What became of a call that had left: a flight that ends without being known is in doubt from here on. What a caller's
    /// query brought is news for those who wait for the order as well.
    pub(super) fn land(
        &self,
        flight: Option<Flight>,
        endpoint: &Endpoint,
        record: &Record,
        sent: &Result<Answer, Failure>,
    ) {
        match (flight, sent) {
            (Some(flight), Ok(_)) => flight.landed(),
            (Some(flight), Err(failure)) if !failure.may_have_been_paid() => flight.landed(),
            (Some(in_doubt), Err(_)) => drop(in_doubt),
            (None, Ok(answer)) if endpoint.path == endpoint::QUERY => {
                if let (Some(order), Body::Whole(body)) = (&record.order, &answer.body) {
                    self.lasting.orders.overheard(order, body, self.quota.flights());
                }
            }
            (None, Err(failure)) if endpoint.ends_order() && failure.may_have_been_paid() => {
                if let Some(order) = &record.order {
                    self.lasting.orders.follow(order, &self.departing(endpoint, Purpose::End, record));
                }
            }
            (None, _) => {}
        }
    }

    /// Makes one query, and writes its line.
    async fn ask(&self, inquiry: &Inquiry) -> Result<Bytes, NoAnswer> {
        let endpoint = endpoint::query();
        let mut record = Record::of_own(inquiry.question().order.app().clone(), endpoint);
        let answered = self.ask_once(inquiry, endpoint, &mut record).await;
        let (status, answer) = match answered {
            Ok((status, body)) => (status, Ok(body)),
            Err(failure) => {
                let why = format!("the query brought no answer: {}", failure.code.row().name);
                let sent = failure.delivery != Delivery::NotSent;
                (record.failure(failure).status(), Err(NoAnswer { why, sent }))
            }
        };
        record.write(&self.lasting, status);
        answer
    }

    async fn ask_once(
        &self,
        inquiry: &Inquiry,
        endpoint: &'static Endpoint,
        record: &mut Record,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let code = inquiry.question().order.app().app_code.as_str();
        let app = self
            .keyring
            .by_code(code)
            .ok_or_else(|| Failure::refused(Code::AppUnknown, "the order's app is configured no longer"))?;
        let _place = self.place(Holder::of(app, endpoint))?;
        let params = inquiry.params();
        record.saw(&params, &self.lasting.metrics);
        record.order = Some(inquiry.question().order.clone());
        let asked = Asked::of(endpoint, &params);
        let pass = self.within_quota(app, endpoint, record).await?;
        let call = Call {
            app: app.clone(),
            endpoint,
            path: endpoint.path.to_owned(),
            method: Method::POST,
            place: Place::Form,
            params,
            headers: HeaderMap::new(),
        };
        let signed = SignedRequest::new(call, self.upstream.base())?;
        let waiting = record.waiting();
        record.delivery = Delivery::Unknown;
        let sent = self.send(signed, app, &asked, pass, record).await;
        record.waited(waiting);
        let answer = sent?.accepted();
        record.delivery = Delivery::Answered;
        match answer.body {
            Body::Whole(body) => Ok((answer.status, body)),
            // No row is so long.
            Body::Streamed(_) => Ok((answer.status, Bytes::new())),
        }
    }
}

/// A number that the journal would cut could neither be held nor asked for after a crash. QFPay's have 128 characters at most.
fn refuse_too_long(order: Option<&Order>) -> Result<(), Failure> {
    let Some(order) = order else { return Ok(()) };
    let named = [("out_trade_no", order.out_trade_no()), ("mchid", order.mchid())];
    let long = named.into_iter().find(|(_, value)| value.is_some_and(|value| !is_kept_whole(value)));
    long.map_or(Ok(()), |(name, _)| {
        let detail = format!("{name} is longer than 256 bytes; QFPay takes 128 characters at most");
        Err(Failure::refused(Code::ParameterInvalid, detail))
    })
}

/// Makes the queries for every order that is asked for, until the sidecar ends. `now` gives the services in force.
pub async fn pursue_all<S>(lasting: Arc<Lasting>, now: impl Fn() -> Arc<S> + Clone + Send + 'static)
where
    S: AsRef<Api> + Send + Sync + 'static,
{
    let Some(mut begun) = lasting.orders.to_pursue() else { return };
    // They end with this future: whoever is done with the services can let them go.
    let mut pursued = JoinSet::new();
    loop {
        let inquiry = tokio::select! {
            Some(_ended) = pursued.join_next() => continue,
            inquiry = begun.recv() => inquiry,
        };
        let Some(inquiry) = inquiry else { return };
        let (lasting, now) = (lasting.clone(), now.clone());
        pursued.spawn(async move {
            tokio::select! {
                () = pursue(&lasting, &inquiry, now) => {}
                () = lasting.shutdown.reached(Stage::Draining) => {}
            }
        });
    }
}

/// Makes the queries for one order, as long as somebody wants to know.
async fn pursue<S: AsRef<Api>>(lasting: &Lasting, inquiry: &Inquiry, now: impl Fn() -> Arc<S>) {
    loop {
        let (due, wanted) = inquiry.next();
        tokio::select! {
            biased; // what has changed may be that nobody wants to know any more
            () = inquiry.changed() => continue,
            () = sleep_until(due) => {}
        }
        if !wanted {
            match lasting.orders.close(inquiry) {
                true => return,
                false => continue,
            }
        }
        // Those that nobody waits for at this moment go a few at a time.
        let _turn = match inquiry.is_waited_for() {
            true => None,
            false => Some(lasting.orders.quiet_turn().await),
        };
        let services = now();
        let api = (*services).as_ref();
        let answer = api.ask(inquiry).await;
        lasting.orders.heard(inquiry, answer.as_ref(), api.quota.flights());
    }
}
