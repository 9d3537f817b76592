//! The console: what the sandbox remembers, for people and for tests, and buttons in the payer's and the shop's place.
//!
//! Pages and JSON only read; [`press`] is the one that changes something. What foreign pages may do: nothing
//! ([`super::pages::refuse`]).

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

mod curl;
mod filter;
mod json;
mod list;
mod order;
mod request;

use super::lang::Lang;
use super::layout::{message, see_other};
use super::orders::OrderStatus;
use super::request::{Arrived, pairs, value};
use super::{Inner, Outcome, State};

pub(super) use json::{orders as orders_json, requests as requests_json};
pub(super) use list::list;
pub(super) use order::page as order;
pub(super) use request::page as request;

/// `/sandbox/version`: a number that changes whenever the console may look different.
pub(super) fn version(inner: &Inner) -> Response<Full<Bytes>> {
    super::layout::file("text/plain", version_of(inner).into())
}

fn version_of(inner: &Inner) -> String {
    inner.changes.load(Ordering::Relaxed).to_string()
}

/// A button of the console: what the payer or the shop does, to the order with this number. Leads back to where it was.
pub(super) fn press(inner: &Inner, arrived: &Arrived, number: u64) -> Outcome {
    let form = pairs(&arrived.body).unwrap_or_default();
    let now = inner.clock.now();
    let mut state = inner.state();
    let about = match value(&form, "action") {
        Some("pay") => pay(&mut state, number, &now),
        Some("cancel") => cancel(&mut state, number, &now),
        Some("refund") => state.orders.give_back(number, u64::MAX, &now).map(|refund| vec![refund]),
        Some("notify") => {
            state.orders.by_number(number).filter(|order| order.paydtm.is_some()).map(|_| vec![number])
        }
        _ => None,
    };
    let Some(about) = about else {
        let said = "The order is gone, or its state does not allow that any more.";
        return Outcome::page(message(StatusCode::CONFLICT, Lang::En, "Not possible 無法操作", said));
    };
    let notifications = inner.notifications(&mut state, &about);
    let back = match value(&form, "back") {
        Some("order") => format!("/sandbox/orders/{number}"),
        // Read and written anew, so that it leads nowhere else.
        query => format!("/sandbox/{}", filter::Filter::of(query.unwrap_or_default()).query()),
    };
    Outcome { notifications, ..Outcome::page(see_other(&back)) }
}

fn pay(state: &mut State, number: u64, now: &str) -> Option<Vec<u64>> {
    let order = state.orders.by_number(number).filter(|order| order.is_open())?;
    order.settle(now, "paid at the console");
    Some(vec![number])
}

fn cancel(state: &mut State, number: u64, now: &str) -> Option<Vec<u64>> {
    let order = state.orders.by_number(number).filter(|order| order.is_open())?;
    order.status = OrderStatus::Closed;
    order.happened(now, "closed at the console");
    Some(Vec::new())
}

/// Something for an empty place.
fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}
