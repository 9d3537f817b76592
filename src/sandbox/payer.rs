//! The payment page: `/q/direct` as WeChat's browser opens it, and the target of `pay_url` and `qrcode`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::html::{Fill, Html, amount, render};
use super::lang::{Lang, Word};
use super::layout::{message, page, see_other};
use super::orders::Order;
use super::request::{Arrived, pairs, value};
use super::{Inner, Outcome, url};

/// What `/q/direct` cannot do without. `currency` is left out by older flows.
const NEEDED: [&str; 9] =
    ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign", "mchntnm", "txamt", "redirect_url"];

/// `/q/direct`: unsigned by design, found by its `prepay_id`.
pub(super) fn direct(inner: &Inner, arrived: &Arrived) -> Response<Full<Bytes>> {
    let bad =
        |lang: Lang, said: &str| message(StatusCode::BAD_REQUEST, lang, lang.say(Word::BadAddress), said);
    let params = match pairs(arrived.query.as_bytes()) {
        Ok(params) => params,
        Err(refusal) => return bad(Lang::of(None, arrived), &refusal.respmsg),
    };
    let given = |name: &str| value(&params, name).filter(|value| !value.is_empty());
    let lang = Lang::of(given("lang"), arrived);
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| given(name).is_none()).collect();
    if !missing.is_empty() {
        return bad(lang, &format!("Parameters are missing: {}", missing.join(", ")));
    }
    let Some(next) = url::for_browsers(given("redirect_url").unwrap_or_default()) else {
        return bad(lang, "redirect_url is not an http or https URL");
    };
    let ticket =
        given("package").and_then(|package| package.strip_prefix("prepay_id=wx")).unwrap_or_default();
    let mut state = inner.state();
    let Some(order) = state.orders.by_ticket(ticket) else { return unknown(lang) };
    let differs = given("txamt") != Some(order.request.txamt.to_string().as_str())
        || given("currency").is_some_and(|currency| currency != order.request.txcurrcd);
    let goods = given("goods_name").map(str::to_owned).or_else(|| order.request.goods_name.clone());
    let merchant = given("mchntnm").unwrap_or_default();
    form(order, lang, merchant, &goods.unwrap_or_default(), differs, &next)
}

/// The page behind `pay_url` and `qrcode`.
pub(super) fn show(inner: &Inner, arrived: &Arrived, ticket: &str) -> Response<Full<Bytes>> {
    let params = pairs(arrived.query.as_bytes()).unwrap_or_default();
    let lang = Lang::of(value(&params, "lang"), arrived);
    let mut state = inner.state();
    let Some(order) = state.orders.by_ticket(ticket) else { return unknown(lang) };
    let next = order.request.return_url.as_deref().and_then(url::for_browsers).unwrap_or_default();
    let (merchant, goods) = (order.app.name.clone(), order.request.goods_name.clone().unwrap_or_default());
    form(order, lang, &merchant, &goods, false, &next)
}

/// A button on the payment page: the payer pays, or goes back with the order as it is, as WeChat does it.
pub(super) fn press(inner: &Inner, arrived: &Arrived, ticket: &str) -> Option<Outcome> {
    let Ok(params) = pairs(&arrived.body) else {
        let lang = Lang::of(None, arrived);
        let said = "The form cannot be read.";
        return Some(Outcome::page(message(StatusCode::BAD_REQUEST, lang, lang.say(Word::BadForm), said)));
    };
    let lang = Lang::of(value(&params, "lang"), arrived);
    let mut state = inner.state();
    let Some(order) = state.orders.by_ticket(ticket) else { return Some(Outcome::page(unknown(lang))) };
    let mut paid = Vec::new();
    if value(&params, "action") == Some("pay") && order.is_open() {
        order.settle(&inner.clock.now(), "paid on the payment page");
        paid.push(order.number);
    }
    let heading = lang.state(order);
    let notifications = inner.notifications(&mut state, &paid);
    let response = match value(&params, "next").and_then(url::for_browsers) {
        Some(next) => see_other(&next),
        None => message(StatusCode::OK, lang, heading, lang.say(Word::CloseThisPage)),
    };
    Some(Outcome { notifications, ..Outcome::page(response) })
}

/// The page of an order. Once it cannot be paid any more, it offers the way back only.
fn form(
    order: &Order,
    lang: Lang,
    merchant: &str,
    goods: &str,
    differs: bool,
    next: &str,
) -> Response<Full<Bytes>> {
    let warning = if differs {
        render("<p class=\"warning\">{{text}}</p>", &[("text", Fill::Text(lang.say(Word::OtherAmount)))])
    } else {
        Html::default()
    };
    let button = |class, action, word| {
        let fills = [
            ("class", Fill::Text(class)),
            ("action", Fill::Text(action)),
            ("label", Fill::Text(lang.say(word))),
        ];
        render(include_str!("pages/pay-button.html"), &fills)
    };
    let buttons = match (order.is_open(), next) {
        (true, _) => Html::joined([button("main", "pay", Word::Pay), button("", "cancel", Word::Cancel)]),
        (false, "") => Html::default(),
        (false, _) => button("", "back", Word::BackToTheShop),
    };
    let amount = amount(order.request.txamt, &order.request.txcurrcd);
    let fills = [
        ("merchant", Fill::Text(merchant)),
        ("goods", Fill::Text(goods)),
        ("amount", Fill::Text(&amount)),
        ("state", Fill::Text(lang.state(order))),
        ("warning", Fill::Html(warning)),
        ("buttons", Fill::Html(buttons)),
        ("ticket", Fill::Text(&order.ticket)),
        ("next", Fill::Text(next)),
        ("lang", Fill::Text(lang.code())),
        ("order", Fill::Text(lang.say(Word::Order))),
        ("out_trade_no", Fill::Text(&order.request.out_trade_no)),
    ];
    page(StatusCode::OK, lang, merchant, render(include_str!("pages/pay.html"), &fills), &[next])
}

fn unknown(lang: Lang) -> Response<Full<Bytes>> {
    let said = "The sandbox has no such order. It forgets its orders when it ends.";
    message(StatusCode::NOT_FOUND, lang, lang.say(Word::NoSuchOrder), said)
}
