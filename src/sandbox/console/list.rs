//! The first page: orders, notifications and requests, the newest first, as far as the filter asks for them.

use std::collections::HashSet;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::super::Inner;
use super::super::html::{Fill, Html, render};
use super::super::lang::Lang;
use super::super::layout::page;
use super::super::notify::Notice;
use super::super::orders::STATES;
use super::super::request::Arrived;
use super::filter::{Filter, merchant_of, options};
use super::{order, request, version_of};

/// How many orders and notifications the page shows.
const SHOWN: usize = 200;

/// `/sandbox/`
pub(in super::super) fn list(inner: &Inner, arrived: &Arrived) -> Response<Full<Bytes>> {
    let filter = Filter::of(&arrived.query);
    let query = filter.query();
    let state = inner.state();
    let version = version_of(inner);
    let (mut merchants, mut rows) = (Vec::new(), Vec::new());
    let (mut taken, mut count) = (HashSet::new(), 0_usize);
    for each in state.orders.listed() {
        count += 1;
        merchants.push(merchant_of(each));
        if !filter.takes(each) {
            continue;
        }
        if rows.len() < SHOWN {
            rows.push(order::row(each, &query));
        }
        taken.insert(each.number);
    }
    let notices =
        state.notices.newest_first().filter(|notice| query.is_empty() || taken.contains(&notice.order));
    let notices: Vec<Html> = notices.take(SHOWN).map(notice_row).collect();
    let requests: Vec<Html> = filter.requests(&state).into_iter().map(request::row).collect();
    let (orders_shown, requests_shown) =
        (told(rows.len(), taken.len(), count), format!("{} of the last 200.", requests.len()));
    let fills = [
        ("version", Fill::Text(&version)),
        ("query", Fill::Text(&query)),
        ("q", Fill::Text(&filter.text)),
        ("mchids", Fill::Html(options(&filter.mchid, merchants))),
        ("apps", Fill::Html(options(&filter.app, inner.apps().iter().map(|app| app.name.clone())))),
        ("states", Fill::Html(options(&filter.state, STATES.map(str::to_owned)))),
        ("orders_shown", Fill::Text(&orders_shown)),
        ("orders", Fill::Html(table(include_str!("../pages/console/orders.html"), rows))),
        ("notices", Fill::Html(table(include_str!("../pages/console/notices.html"), notices))),
        ("requests_shown", Fill::Text(&requests_shown)),
        ("requests", Fill::Html(Html::joined(requests))),
    ];
    let body = render(include_str!("../pages/console/list.html"), &fills);
    page(StatusCode::OK, Lang::En, "Sandbox console 控制台", body, &[])
}

/// How much of what there is the page shows.
fn told(shown: usize, taken: usize, all: usize) -> String {
    match (shown < taken, taken < all) {
        (true, _) => format!("The newest {shown} of {taken}."),
        (false, true) => format!("{taken} of {all}."),
        (false, false) => format!("{all} in all."),
    }
}

/// A table, or a word where it would be empty.
fn table(template: &'static str, rows: Vec<Html>) -> Html {
    if rows.is_empty() {
        return render("<p>None yet, or none that the filter takes.</p>", &[]);
    }
    render(template, &[("rows", Fill::Html(Html::joined(rows)))])
}

fn notice_row(notice: &Notice) -> Html {
    let attempts: Vec<String> =
        notice.attempts.iter().map(|attempt| format!("{} {}", attempt.at, attempt.what)).collect();
    let fills = [
        ("number", Fill::Text(&notice.order.to_string())),
        ("out_trade_no", Fill::Text(&notice.out_trade_no)),
        ("kind", Fill::Text(notice.kind)),
        ("url", Fill::Text(&notice.url)),
        ("attempts", Fill::Text(&attempts.join("\n"))),
        ("next", Fill::Text(&notice.next.words())),
    ];
    render(include_str!("../pages/console/notice-row.html"), &fills)
}
