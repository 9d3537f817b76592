//! The payment page: `/q/direct` as WeChat's browser opens it, and the target of `pay_url` and `qrcode`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::html::{Fill, Html, amount, render};
use super::layout::{message, page, see_other};
use super::orders::Order;
use super::request::{Arrived, pairs, value};
use super::{Inner, Outcome, url};

/// What `/q/direct` cannot do without. `currency` is left out by older flows.
const NEEDED: [&str; 9] =
    ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign", "mchntnm", "txamt", "redirect_url"];

/// `/q/direct`: unsigned by design, found by its `prepay_id`.
pub(super) fn direct(inner: &Inner, arrived: &Arrived) -> Response<Full<Bytes>> {
    let params = match pairs(arrived.query.as_bytes()) {
        Ok(params) => params,
        Err(refusal) => return message(StatusCode::BAD_REQUEST, "Bad address 網址有誤", &refusal.respmsg),
    };
    let given = |name: &str| value(&params, name).filter(|value| !value.is_empty());
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| given(name).is_none()).collect();
    if !missing.is_empty() {
        let said = format!("Parameters are missing: {}", missing.join(", "));
        return message(StatusCode::BAD_REQUEST, "Bad address 網址有誤", &said);
    }
    let Some(next) = url::for_browsers(given("redirect_url").unwrap_or_default()) else {
        return message(
            StatusCode::BAD_REQUEST,
            "Bad address 網址有誤",
            "redirect_url is not an http or https URL",
        );
    };
    let ticket =
        given("package").and_then(|package| package.strip_prefix("prepay_id=wx")).unwrap_or_default();
    let mut state = inner.state();
    let Some(order) = state.orders.by_ticket(ticket) else { return unknown() };
    let differs = given("txamt") != Some(order.request.txamt.to_string().as_str())
        || given("currency").is_some_and(|currency| currency != order.request.txcurrcd);
    let warning =
        if differs { "The address names another amount than the order. 金額與訂單不符" } else { "" };
    let goods = given("goods_name").map(str::to_owned).or_else(|| order.request.goods_name.clone());
    let merchant = given("mchntnm").unwrap_or_default();
    form(order, merchant, &goods.unwrap_or_default(), warning, &next)
}

/// The page behind `pay_url` and `qrcode`.
pub(super) fn show(inner: &Inner, ticket: &str) -> Response<Full<Bytes>> {
    let mut state = inner.state();
    let Some(order) = state.orders.by_ticket(ticket) else { return unknown() };
    let next = order.request.return_url.as_deref().and_then(url::for_browsers).unwrap_or_default();
    let (merchant, goods) = (order.app.name.clone(), order.request.goods_name.clone().unwrap_or_default());
    form(order, &merchant, &goods, "", &next)
}

/// A button on the payment page: the payer pays, or goes back with the order still unpaid, as WeChat does it.
pub(super) fn press(inner: &Inner, arrived: &Arrived, ticket: &str) -> Option<Outcome> {
    let Ok(params) = pairs(&arrived.body) else {
        return Some(Outcome::page(message(
            StatusCode::BAD_REQUEST,
            "Bad form 表單有誤",
            "The form cannot be read.",
        )));
    };
    let mut state = inner.state();
    let Some(order) = state.orders.by_ticket(ticket) else { return Some(Outcome::page(unknown())) };
    let mut paid = Vec::new();
    if value(&params, "action") == Some("pay") && order.is_open() {
        order.settle(&inner.clock.now());
        paid.push(order.number);
    }
    let words = order.words();
    let notifications = inner.notifications(&mut state, &paid);
    let response = match value(&params, "next").and_then(url::for_browsers) {
        Some(next) => see_other(&next),
        None => message(StatusCode::OK, words, "You can close this page. 可以關閉此頁"),
    };
    Some(Outcome { notifications, ..Outcome::page(response) })
}

fn form(order: &Order, merchant: &str, goods: &str, warning: &str, next: &str) -> Response<Full<Bytes>> {
    let warning = match warning {
        "" => Html::default(),
        text => render("<p class=\"warning\">{{text}}</p>", &[("text", Fill::Text(text))]),
    };
    let amount = amount(order.request.txamt, &order.request.txcurrcd);
    let fills = [
        ("merchant", Fill::Text(merchant)),
        ("goods", Fill::Text(goods)),
        ("amount", Fill::Text(&amount)),
        ("state", Fill::Text(order.words())),
        ("warning", Fill::Html(warning)),
        ("ticket", Fill::Text(&order.ticket)),
        ("next", Fill::Text(next)),
        ("out_trade_no", Fill::Text(&order.request.out_trade_no)),
    ];
    page(StatusCode::OK, merchant, render(include_str!("pages/pay.html"), &fills), &[next])
}

fn unknown() -> Response<Full<Bytes>> {
    let said = "The sandbox has no such order. It forgets its orders when it ends.";
    message(StatusCode::NOT_FOUND, "No such order 訂單不存在", said)
}
