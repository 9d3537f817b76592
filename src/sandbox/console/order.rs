//! An order: its row in the list, its buttons, and its page with all that happened.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::super::clock::Event;
use super::super::html::{Fill, Html, amount, render};
use super::super::lang::Lang;
use super::super::layout::{message, page as whole};
use super::super::orders::Order;
use super::super::{Inner, State};
use super::{or_dash, request, version_of};

/// For the list. Its buttons lead back to it, filtered as it was.
pub(super) fn row(order: &Order, back: &str) -> Html {
    let request = &order.request;
    let fills = [
        ("number", Fill::Text(&order.number.to_string())),
        ("out_trade_no", Fill::Text(&request.out_trade_no)),
        ("word", Fill::Text(order.state())),
        ("state", Fill::Text(order.words())),
        ("respcd", Fill::Text(order.respcd())),
        ("amount", Fill::Text(&amount(request.txamt, &request.txcurrcd))),
        ("mchid", Fill::Text(or_dash(request.mchid.as_deref()))),
        ("app", Fill::Text(&order.app.name)),
        ("pay_type", Fill::Text(&request.pay_type)),
        ("syssn", Fill::Text(&order.syssn)),
        ("notified", Fill::Text(or_dash(order.notified.as_deref()))),
        ("buttons", Fill::Html(buttons(order, back))),
    ];
    render(include_str!("../pages/console/order-row.html"), &fills)
}

/// What can be done to it now.
fn buttons(order: &Order, back: &str) -> Html {
    let mut offered = Vec::new();
    if order.is_open() {
        offered.extend([("pay", "Pay 付款"), ("cancel", "Cancel 取消")]);
    }
    if order.is_refundable() {
        offered.push(("refund", "Refund 退款"));
    }
    if order.paydtm.is_some() {
        offered.push(("notify", "Notify again 再次通知"));
    }
    let number = order.number.to_string();
    let button = |(action, label)| {
        let fills = [
            ("number", Fill::Text(&number)),
            ("action", Fill::Text(action)),
            ("label", Fill::Text(label)),
            ("out_trade_no", Fill::Text(&order.request.out_trade_no)),
        ];
        render(include_str!("../pages/console/button.html"), &fills)
    };
    if offered.is_empty() {
        return Html::default();
    }
    let buttons = Html::joined(offered.into_iter().map(button));
    let fills =
        [("number", Fill::Text(&number)), ("back", Fill::Text(back)), ("buttons", Fill::Html(buttons))];
    render(include_str!("../pages/console/buttons.html"), &fills)
}

/// `/sandbox/orders/N`
pub(in super::super) fn page(inner: &Inner, number: u64) -> Response<Full<Bytes>> {
    let mut state = inner.state();
    let Some(order) = state.orders.by_number(number).cloned() else {
        let said = "The sandbox has no such order. It forgets all when it ends or is reset, and the oldest beyond 10,000.";
        return message(StatusCode::NOT_FOUND, Lang::En, "No such order 訂單不存在", said);
    };
    let request = &order.request;
    let pay_page = match order.is_open() {
        true => {
            let fills = [("ticket", Fill::Text(&order.ticket))];
            render("<p><a href=\"/q/pay/{{ticket}}\">The payer's page</a></p>", &fills)
        }
        false => Html::default(),
    };
    let version = version_of(inner);
    let (related, story) = (related(&state, &order), story(&state, &order));
    let fills = [
        ("version", Fill::Text(&version)),
        ("out_trade_no", Fill::Text(&request.out_trade_no)),
        ("word", Fill::Text(order.state())),
        ("state", Fill::Text(order.words())),
        ("respcd", Fill::Text(order.respcd())),
        ("amount", Fill::Text(&amount(request.txamt, &request.txcurrcd))),
        ("buttons", Fill::Html(buttons(&order, "order"))),
        ("page", Fill::Html(pay_page)),
        ("syssn", Fill::Text(&order.syssn)),
        ("mchid", Fill::Text(or_dash(request.mchid.as_deref()))),
        ("app", Fill::Text(&order.app.name)),
        ("pay_type", Fill::Text(&request.pay_type)),
        ("goods", Fill::Text(or_dash(request.goods_name.as_deref()))),
        ("txdtm", Fill::Text(&request.txdtm)),
        ("sysdtm", Fill::Text(&order.sysdtm)),
        ("paydtm", Fill::Text(or_dash(order.paydtm.as_deref()))),
        ("cancel", Fill::Text(order.cancel())),
        ("notified", Fill::Text(or_dash(order.notified.as_deref()))),
        ("notify_url", Fill::Text(or_dash(request.notify_url.as_deref()))),
        ("note", Fill::Text(or_dash(order.note.as_deref()))),
        ("refunds", Fill::Html(related)),
        ("story", Fill::Html(story)),
    ];
    let title = format!("Order {}", request.out_trade_no);
    let body = render(include_str!("../pages/console/order.html"), &fills);
    whole(StatusCode::OK, Lang::En, &title, body, &[])
}

/// The refunds of a payment, or the payment of a refund.
fn related(state: &State, order: &Order) -> Html {
    let belongs = |other: &&Order| {
        other.app.name == order.app.name
            && (other.origssn.as_deref() == Some(order.syssn.as_str())
                || order.origssn.as_deref() == Some(other.syssn.as_str()))
    };
    let link = |other: &Order| {
        let to = format!("/sandbox/orders/{}", other.number);
        let more = format!("{}, {}", amount(other.request.txamt, &other.request.txcurrcd), other.words());
        let fills = [
            ("to", Fill::Text(&to)),
            ("label", Fill::Text(&other.request.out_trade_no)),
            ("more", Fill::Text(&more)),
        ];
        render(include_str!("../pages/console/link.html"), &fills)
    };
    let items = Html::joined(state.orders.listed().filter(belongs).map(link));
    if items == Html::default() {
        return items;
    }
    let heading = if order.origssn.is_some() { "Refund of" } else { "Refunds" };
    let fills = [("heading", Fill::Text(heading)), ("items", Fill::Html(items))];
    render(include_str!("../pages/console/related.html"), &fills)
}

/// All that is remembered about it, in the order in which it happened.
fn story(state: &State, order: &Order) -> Html {
    let mut steps: Vec<(u64, Html)> = Vec::new();
    let step = |class, at, what| {
        let fills = [("class", Fill::Text(class)), ("at", Fill::Text(at)), ("what", Fill::Html(what))];
        render(include_str!("../pages/console/step.html"), &fills)
    };
    for received in state.received.newest_first() {
        let of_its_app = received.app.as_deref().is_none_or(|app| app == order.app.name);
        let names = received.named.names(&order.request.out_trade_no, &order.syssn) && of_its_app;
        if !names && !received.target.contains(&order.ticket) {
            continue;
        }
        let path = received.target.split('?').next().unwrap_or_default();
        let what = format!("{} {path}", received.method);
        let answered = format!("{}; {}", request::said(received), request::answered(received));
        let fills = [
            ("sequence", Fill::Text(&received.sequence.to_string())),
            ("what", Fill::Text(&what)),
            ("answered", Fill::Text(&answered)),
        ];
        let link = render("<a href=\"/sandbox/requests/{{sequence}}\">{{what}}</a> {{answered}}", &fills);
        steps.push((received.place, step(received.verdict.word(), &received.at, link)));
    }
    for event in &order.events {
        let what = render("{{what}}", &[("what", Fill::Text(&event.what))]);
        steps.push((event.place, step("event", &event.at, what)));
    }
    for notice in state.notices.newest_first().filter(|notice| notice.order == order.number) {
        let last = notice.attempts.len();
        for (count, Event { at, what: said, place }) in notice.attempts.iter().enumerate() {
            let next = if count + 1 == last { format!("; {}", notice.next.words()) } else { String::new() };
            let text = format!(
                "{} notification to {}, attempt {}: {said}{next}",
                notice.kind,
                notice.url,
                count + 1
            );
            let what = render("{{what}}", &[("what", Fill::Text(&text))]);
            let class = if said.starts_with("accepted") { "verified" } else { "failed" };
            steps.push((*place, step(class, at, what)));
        }
    }
    steps.sort_by_key(|(place, _)| *place);
    Html::joined(steps.into_iter().map(|(_, html)| html))
}
