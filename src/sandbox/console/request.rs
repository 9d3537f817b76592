//! A request: its row in the list, and its page with the answer and the command that makes it again.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::super::Inner;
use super::super::html::{Fill, Html, render};
use super::super::lang::Lang;
use super::super::layout::{message, page as whole};
use super::super::orders::Order;
use super::super::received::{Received, Verdict};
use super::{curl, or_dash};

/// How many bytes of a body the list shows.
const BODY_SHOWN: usize = 4096;

/// For the list: everything but the answer, folded.
pub(super) fn row(received: &Received) -> Html {
    let answered = answered(received);
    let fills = [
        ("word", Fill::Text(received.verdict.word())),
        ("said", Fill::Text(said(received))),
        ("sequence", Fill::Text(&received.sequence.to_string())),
        ("at", Fill::Text(&received.at)),
        ("method", Fill::Text(&received.method)),
        ("target", Fill::Text(&received.target)),
        ("answered", Fill::Text(&answered)),
        ("facts", Fill::Html(facts(received, BODY_SHOWN))),
    ];
    render(include_str!("../pages/console/request-row.html"), &fills)
}

/// `/sandbox/requests/N`
pub(in super::super) fn page(inner: &Inner, sequence: u64) -> Response<Full<Bytes>> {
    let state = inner.state();
    let Some(received) = state.received.by_sequence(sequence).cloned() else {
        let said = "The sandbox remembers the last 200 requests only, and none from before it was reset.";
        return message(StatusCode::NOT_FOUND, Lang::En, "No such request", said);
    };
    let about = |order: &&Order| {
        received.named.names(&order.request.out_trade_no, &order.syssn)
            || received.target.contains(&order.ticket)
    };
    let links = state.orders.listed().filter(about).take(20).map(|order| {
        let to = format!("/sandbox/orders/{}", order.number);
        let label = format!("Order {}", order.request.out_trade_no);
        let fills =
            [("to", Fill::Text(&to)), ("label", Fill::Text(&label)), ("more", Fill::Text(order.words()))];
        render(include_str!("../pages/console/link.html"), &fills)
    });
    let links = Html::joined(links);
    let orders = match links == Html::default() {
        true => links,
        false => render("<ul>{{links}}</ul>", &[("links", Fill::Html(links))]),
    };
    let path = received.target.split('?').next().unwrap_or_default();
    let answered = answered(&received);
    let answer = received.answer.as_deref().unwrap_or("Nothing, or none of QFPay's JSON.");
    let title = format!("Request {sequence}");
    let fills = [
        ("sequence", Fill::Text(&received.sequence.to_string())),
        ("method", Fill::Text(&received.method)),
        ("path", Fill::Text(path)),
        ("word", Fill::Text(received.verdict.word())),
        ("said", Fill::Text(said(&received))),
        ("at", Fill::Text(&received.at)),
        ("answered", Fill::Text(&answered)),
        ("orders", Fill::Html(orders)),
        ("facts", Fill::Html(facts(&received, usize::MAX))),
        ("answer", Fill::Text(answer)),
        ("curl", Fill::Text(&curl::command(&received, &inner.options.base))),
    ];
    let body = render(include_str!("../pages/console/request.html"), &fills);
    whole(StatusCode::OK, Lang::En, &title, body, &[])
}

/// What was found out about the signature. A page needs none.
pub(super) fn said(received: &Received) -> &'static str {
    match &received.verdict {
        Verdict::Verified { .. } => "signature verified",
        Verdict::Failed { .. } => "signature wrong",
        Verdict::Unsigned => "unsigned",
    }
}

/// What the caller got.
pub(super) fn answered(received: &Received) -> String {
    match (received.status, &received.respcd) {
        (None, _) => "no answer".to_owned(),
        (Some(status), None) => format!("HTTP {status}"),
        (Some(status), Some(respcd)) => format!("HTTP {status}, respcd {respcd}"),
    }
}

fn facts(received: &Received, body_shown: usize) -> Html {
    let verdict = match &received.verdict {
        Verdict::Verified { sign_type } => format!("verified, {}", sign_type.as_str()),
        Verdict::Failed { reason } => reason.clone(),
        Verdict::Unsigned => "none".to_owned(),
    };
    let headers: String = received.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body = &received.body[..received.body.len().min(body_shown)];
    let fills = [
        ("app", Fill::Text(or_dash(received.app.as_deref()))),
        ("verdict", Fill::Text(&verdict)),
        ("canonical", Fill::Text(or_dash(received.canonical.as_deref()))),
        ("headers", Fill::Text(&headers)),
        ("body", Fill::Text(&String::from_utf8_lossy(body))),
    ];
    render(include_str!("../pages/console/request-facts.html"), &fills)
}
