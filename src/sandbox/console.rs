//! The console: orders with buttons, notifications with their attempts, and requests with their canonical strings and verdicts.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::html::{Fill, Html, amount, render};
use super::layout::{message, page, see_other};
use super::notify::Notice;
use super::orders::{Order, OrderStatus};
use super::received::{Received, Verdict};
use super::request::{Arrived, pairs, value};
use super::{Inner, Outcome, State};

/// How many orders the page shows.
const SHOWN: usize = 200;

/// How many bytes of a body the page shows.
const BODY_SHOWN: usize = 4096;

/// `/sandbox/`
pub(super) fn show(inner: &Inner) -> Response<Full<Bytes>> {
    let mut state = inner.state();
    let orders = Html::joined(state.orders.newest_first().take(SHOWN).map(|order| row(order)));
    let requests = Html::joined(state.received.all().iter().rev().map(request));
    let notices = Html::joined(state.notices.newest_first().take(SHOWN).map(notice));
    let fills = [
        ("orders", Fill::Html(orders)),
        ("notices", Fill::Html(notices)),
        ("requests", Fill::Html(requests)),
    ];
    page(StatusCode::OK, "Sandbox console 控制台", render(include_str!("pages/console.html"), &fills), &[])
}

/// A button on the console.
pub(super) fn press(inner: &Inner, arrived: &Arrived, number: &str) -> Option<Outcome> {
    let number: u64 = number.parse().ok()?;
    let form = pairs(&arrived.body).unwrap_or_default();
    let mut state = inner.state();
    let about = match value(&form, "action") {
        Some("pay") => pay(&mut state, number, &inner.clock.now()),
        Some("cancel") => cancel(&mut state, number),
        Some("refund") => {
            state.orders.give_back(number, u64::MAX, &inner.clock.now()).map(|refund| vec![refund])
        }
        Some("notify") => {
            state.orders.by_number(number).filter(|order| order.paydtm.is_some()).map(|_| vec![number])
        }
        _ => None,
    };
    let Some(about) = about else {
        let said = "The order is gone, or its state does not allow that any more.";
        return Some(Outcome::page(message(StatusCode::CONFLICT, "Not possible 無法操作", said)));
    };
    let notifications = inner.notifications(&mut state, &about);
    Some(Outcome { notifications, ..Outcome::page(see_other("/sandbox/")) })
}

fn pay(state: &mut State, number: u64, now: &str) -> Option<Vec<u64>> {
    let order = state.orders.by_number(number).filter(|order| order.is_open())?;
    order.settle(now);
    Some(vec![number])
}

fn cancel(state: &mut State, number: u64) -> Option<Vec<u64>> {
    let order = state.orders.by_number(number).filter(|order| order.is_open())?;
    order.status = OrderStatus::Closed;
    Some(Vec::new())
}

fn row(order: &Order) -> Html {
    let mut buttons = Vec::new();
    let mut offer = |action, label| {
        let fills = [("action", Fill::Text(action)), ("label", Fill::Text(label))];
        buttons.push(render(include_str!("pages/button.html"), &fills));
    };
    if order.is_open() {
        offer("pay", "Pay 付款");
        offer("cancel", "Cancel 取消");
    }
    if order.is_refundable() {
        offer("refund", "Refund 退款");
    }
    if order.paydtm.is_some() {
        offer("notify", "Notify again 再次通知");
    }
    let request = &order.request;
    let fills = [
        ("out_trade_no", Fill::Text(&request.out_trade_no)),
        ("syssn", Fill::Text(&order.syssn)),
        ("app", Fill::Text(&order.app.name)),
        ("pay_type", Fill::Text(&request.pay_type)),
        ("amount", Fill::Text(&amount(request.txamt, &request.txcurrcd))),
        ("state", Fill::Text(order.words())),
        ("respcd", Fill::Text(order.respcd())),
        ("notified", Fill::Text(order.notified.as_deref().unwrap_or_default())),
        ("number", Fill::Text(&order.number.to_string())),
        ("buttons", Fill::Html(Html::joined(buttons))),
    ];
    render(include_str!("pages/order.html"), &fills)
}

fn notice(notice: &Notice) -> Html {
    let attempts: Vec<String> = notice.attempts.iter().map(|(at, said)| format!("{at} {said}")).collect();
    let fills = [
        ("out_trade_no", Fill::Text(&notice.out_trade_no)),
        ("kind", Fill::Text(notice.kind)),
        ("url", Fill::Text(&notice.url)),
        ("attempts", Fill::Text(&attempts.join("\n"))),
        ("next", Fill::Text(&notice.next.words())),
    ];
    render(include_str!("pages/notice.html"), &fills)
}

fn request(received: &Received) -> Html {
    let verdict = match &received.verdict {
        Verdict::Verified { sign_type } => format!("verified, {}", sign_type.as_str()),
        Verdict::Failed { reason } => reason.clone(),
        Verdict::Unsigned => "unsigned".to_owned(),
    };
    let answered = match (received.status, &received.respcd) {
        (None, _) => "no answer".to_owned(),
        (Some(status), None) => format!("HTTP {status}"),
        (Some(status), Some(respcd)) => format!("HTTP {status}, respcd {respcd}"),
    };
    let headers: String = received.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let fills = [
        ("word", Fill::Text(received.verdict.word())),
        ("sequence", Fill::Text(&received.sequence.to_string())),
        ("at", Fill::Text(&received.at)),
        ("method", Fill::Text(&received.method)),
        ("target", Fill::Text(&received.target)),
        ("answered", Fill::Text(&answered)),
        ("app", Fill::Text(received.app.as_deref().unwrap_or("-"))),
        ("verdict", Fill::Text(&verdict)),
        ("canonical", Fill::Text(received.canonical.as_deref().unwrap_or("-"))),
        ("headers", Fill::Text(&headers)),
        ("body", Fill::Text(&String::from_utf8_lossy(&received.body[..received.body.len().min(BODY_SHOWN)]))),
    ];
    render(include_str!("pages/request.html"), &fills)
}
