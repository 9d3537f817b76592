//! The same for tests, in JSON: `/sandbox/orders.json` and `/sandbox/requests.json`, with the filter of the page.

use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use super::super::Inner;
use super::super::answer::{Fields, Json, dumps, text};
use super::super::layout::file;
use super::super::notify::{Next, Notice};
use super::super::orders::Order;
use super::super::received::{Received, Verdict};
use super::super::request::Arrived;
use super::filter::Filter;

/// All orders that the filter takes, the newest first, each with its notifications.
pub(in super::super) fn orders(inner: &Inner, arrived: &Arrived) -> Response<Full<Bytes>> {
    let filter = Filter::of(&arrived.query);
    let state = inner.state();
    let mut told: HashMap<u64, Vec<Json>> = HashMap::new();
    for notice in state.notices.newest_first() {
        told.entry(notice.order).or_default().push(Json::Object(notification(notice)));
    }
    let base = &inner.options.base;
    let taken = state.orders.listed().filter(|order| filter.takes(order));
    let rows = taken.map(|each| {
        let notifications = told.remove(&each.number).unwrap_or_default();
        Json::Object(order(each, base, notifications))
    });
    answer("orders", rows.collect())
}

/// The last 200 requests that the filter takes, the newest first.
pub(in super::super) fn requests(inner: &Inner, arrived: &Arrived) -> Response<Full<Bytes>> {
    let filter = Filter::of(&arrived.query);
    let state = inner.state();
    answer(
        "requests",
        filter.requests(&state).into_iter().map(|received| Json::Object(request(received))).collect(),
    )
}

fn answer(name: &'static str, rows: Vec<Json>) -> Response<Full<Bytes>> {
    file("application/json; charset=utf-8", (dumps(&vec![(name, Json::List(rows))]) + "\n").into())
}

/// A member that may be absent, and then is empty.
fn maybe(name: &'static str, value: Option<&str>) -> (&'static str, Json) {
    text(name, value.unwrap_or_default())
}

fn order(order: &Order, base: &str, notifications: Vec<Json>) -> Fields {
    let request = &order.request;
    vec![
        ("number", Json::Number(order.number)),
        text("app", &order.app.name),
        maybe("mchid", request.mchid.as_deref()),
        text("out_trade_no", &request.out_trade_no),
        text("syssn", &order.syssn),
        maybe("orig_syssn", order.origssn.as_deref()),
        text("state", order.state()),
        text("respcd", order.respcd()),
        text("cancel", order.cancel()),
        ("txamt", Json::Number(request.txamt)),
        text("txcurrcd", &request.txcurrcd),
        ("refunded", Json::Number(order.refunded)),
        text("pay_type", &request.pay_type),
        maybe("goods_name", request.goods_name.as_deref()),
        text("txdtm", &request.txdtm),
        text("sysdtm", &order.sysdtm),
        maybe("paydtm", order.paydtm.as_deref()),
        text(
            "pay_page",
            if order.is_open() { format!("{base}/q/pay/{}", order.ticket) } else { String::new() },
        ),
        maybe("notify_url", request.notify_url.as_deref()),
        ("notifications", Json::List(notifications)),
    ]
}

fn notification(notice: &Notice) -> Fields {
    let attempts =
        notice.attempts.iter().map(|one| Json::Object(vec![text("at", &one.at), text("said", &one.what)]));
    let (state, next) = match &notice.next {
        Next::UnderWay => ("under_way", ""),
        Next::At(at) => ("waiting", at.as_str()),
        Next::Accepted => ("accepted", ""),
        Next::GivenUp => ("given_up", ""),
    };
    vec![
        text("notify_type", notice.kind),
        text("url", &notice.url),
        text("state", state),
        text("next", next),
        ("attempts", Json::List(attempts.collect())),
    ]
}

fn request(received: &Received) -> Fields {
    let reason = match &received.verdict {
        Verdict::Failed { reason } => reason.as_str(),
        _ => "",
    };
    vec![
        ("number", Json::Number(received.sequence)),
        text("at", &received.at),
        maybe("app", received.app.as_deref()),
        maybe("mchid", received.named.mchid.as_deref()),
        maybe("out_trade_no", received.named.out_trade_no.as_deref()),
        maybe("syssn", received.named.syssn.as_deref()),
        text("method", &received.method),
        text("target", &received.target),
        text("body", String::from_utf8_lossy(&received.body)),
        text("signature", received.verdict.word()),
        text("reason", reason),
        maybe("canonical", received.canonical.as_deref()),
        ("status", Json::Number(received.status.unwrap_or_default().into())),
        maybe("respcd", received.respcd.as_deref()),
        maybe("answer", received.answer.as_deref()),
    ]
}
