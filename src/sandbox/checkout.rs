//! The hosted checkout: `/checkstand/#/?...`, signed in the URL fragment (protocol sheet, section 3.9).

use std::sync::Arc;

use hyper::StatusCode;

use super::answer::{Refusal, refusal};
use super::call::Call;
use super::html::{Fill, Html, amount, render};
use super::lang::{Lang, Word};
use super::layout::{message, page, see_other};
use super::orders::{OrderStatus, Ordered};
use super::received::Verdict;
use super::request::{Arrived, Pair, pairs, value};
use super::verify::{self, Check};
use super::{Inner, Outcome, url};
use crate::credentials::{App, SignType};

/// The parameters that QFPay's table requires. `mchntid` is optional here, and `mchid` unknown.
const NEEDED: [&str; 11] = [
    "appcode",
    "sign_type",
    "sign",
    "paysource",
    "txamt",
    "txcurrcd",
    "out_trade_no",
    "txdtm",
    "return_url",
    "failed_url",
    "notify_url",
];

/// What the page offers, with the pay type that the order gets.
const WALLETS: [(&str, [&str; 3]); 5] = [
    ("801514", ["Alipay", "支付寶", "支付宝"]),
    ("800201", ["WeChat Pay", "微信支付", "微信支付"]),
    ("800714", ["UnionPay", "銀聯", "银联"]),
    ("805814", ["PayMe", "PayMe", "PayMe"]),
    ("802801", ["Card", "信用卡", "信用卡"]),
];

/// The wallets to choose from, if the signature is right.
pub(super) fn open(inner: &Inner, arrived: &Arrived) -> Outcome {
    with_checkout(inner, arrived, |call, fragment| {
        let txamt = call.txamt()?;
        let lang = Lang::of(call.maybe("lang"), arrived);
        let buttons = WALLETS.map(|(pay_type, names)| {
            let fills = [("pay_type", Fill::Text(pay_type)), ("name", Fill::Text(lang.one_of(names)))];
            render(include_str!("pages/wallet.html"), &fills)
        });
        let amount = amount(txamt, call.txcurrcd()?);
        let fills = [
            ("goods", Fill::Text(call.maybe("goods_name").unwrap_or_default())),
            ("amount", Fill::Text(&amount)),
            ("fragment", Fill::Text(fragment)),
            ("wallets", Fill::Html(Html::joined(buttons))),
            ("checkout", Fill::Text(lang.say(Word::Checkout))),
            ("cancel", Fill::Text(lang.say(Word::Cancel))),
            ("order", Fill::Text(lang.say(Word::Order))),
            ("out_trade_no", Fill::Text(call.need("out_trade_no")?)),
        ];
        let body = render(include_str!("pages/wallets.html"), &fills);
        let leads_to = ["return_url", "failed_url", "cancel_url"]
            .map(|name| browser_url(call, name).unwrap_or_default());
        let leads_to = leads_to.each_ref().map(String::as_str);
        Ok(Outcome::page(page(StatusCode::OK, lang, lang.say(Word::Checkout), body, &leads_to)))
    })
}

/// A choice: a wallet makes the paid order and leads to `return_url`, Cancel leads to `cancel_url` or `failed_url`.
pub(super) fn pay(inner: &Inner, arrived: &Arrived) -> Outcome {
    let chosen = pairs(&arrived.body).ok().and_then(|form| value(&form, "pay_type").map(str::to_owned));
    with_checkout(inner, arrived, |call, _| {
        let pay_type = WALLETS.iter().find(|(pay_type, _)| chosen.as_deref() == Some(*pay_type));
        let Some((pay_type, _)) = pay_type else {
            let back = browser_url(call, "cancel_url").or_else(|| browser_url(call, "failed_url"));
            return Ok(Outcome::page(see_other(&back.unwrap_or_default())));
        };
        let mut state = inner.state();
        // Asked again under the lock: two clicks are one order.
        call.fresh_out_trade_no(&mut state.orders)?;
        let request = Ordered {
            pay_type: (*pay_type).to_owned(),
            out_trade_no: call.need("out_trade_no")?.to_owned(),
            txamt: call.txamt()?,
            txcurrcd: call.txcurrcd()?.to_owned(),
            txdtm: call.txdtm()?.to_owned(),
            mchid: call.owned("mchntid"),
            goods_name: call.owned("goods_name"),
            notify_url: call.owned("notify_url"),
            return_url: call.owned("return_url"),
        };
        let order = state.orders.add(call.app, request, None, OrderStatus::Pending, &call.now);
        order.settle(&call.now, "paid on the checkout page");
        let number = order.number;
        let notifications = inner.notifications(&mut state, &[number]);
        let response = see_other(&browser_url(call, "return_url").unwrap_or_default());
        Ok(Outcome { notifications, ..Outcome::page(response) })
    })
}

fn browser_url(call: &Call<'_>, name: &str) -> Option<String> {
    call.maybe(name).and_then(url::for_browsers)
}

/// Reads and checks the fragment that the page posted, at each step anew: nothing is kept in between.
fn with_checkout(
    inner: &Inner,
    arrived: &Arrived,
    step: impl FnOnce(&Call<'_>, &str) -> Result<Outcome, Refusal>,
) -> Outcome {
    let form = pairs(&arrived.body).unwrap_or_default();
    let fragment = value(&form, "fragment").unwrap_or_default();
    let mut check =
        Check { app: None, pairs: Vec::new(), canonical: None, verdict: Verdict::Unsigned, refusal: None };
    let outcome = judge(inner, fragment, &mut check).and_then(|app| {
        let call = Call {
            path: "/checkstand/",
            app: &app,
            params: &check.pairs,
            base: &inner.options.base,
            now: inner.clock.now(),
            instant: inner.clock.instant(),
        };
        complete(inner, &call).and_then(|()| step(&call, fragment))
    });
    let outcome = outcome.unwrap_or_else(|refusal| {
        let signed = value(&check.pairs, "sign").is_some();
        if signed && !matches!(check.verdict, Verdict::Verified { .. }) {
            check.verdict = Verdict::Failed { reason: refusal.respmsg.clone() };
        }
        // The word that QFPay's own page shows.
        let lang = Lang::of(value(&check.pairs, "lang"), arrived);
        let heading = if refusal.respcd == "1108" { "QFSign_Error" } else { lang.say(Word::Refused) };
        let mut outcome = Outcome::page(message(StatusCode::OK, lang, heading, &refusal.respmsg));
        outcome.respcd = Some(refusal.respcd.to_owned());
        outcome
    });
    let Outcome { response, notifications, respcd, .. } = outcome;
    Outcome { notifications, respcd, ..Outcome::checked(response, check) }
}

fn judge(inner: &Inner, fragment: &str, check: &mut Check) -> Result<Arc<App>, Refusal> {
    let query = fragment.trim_start_matches(['#', '/', '?']);
    check.pairs = pairs(query.as_bytes())?;
    let params: &[Pair] = &check.pairs;
    let canonical = verify::canonical(params, &["sign"]);
    check.canonical = Some(canonical.clone());
    let missing: Vec<&str> =
        NEEDED.into_iter().filter(|name| value(params, name).is_none_or(str::is_empty)).collect();
    if !missing.is_empty() {
        return Err(refusal("1104", format!("parameters are missing: {}", missing.join(", "))));
    }
    let text = |name| value(params, name).unwrap_or_default();
    let app = inner.apps().iter().find(|app| app.app_code.as_str() == text("appcode")).cloned();
    let app = app.ok_or_else(|| refusal("1108", "the appcode is unknown to this sandbox"))?;
    check.app = Some(app.clone());
    let sign_type = match text("sign_type").to_ascii_uppercase().as_str() {
        "MD5" => SignType::Md5,
        "SHA256" => SignType::Sha256,
        _ => return Err(refusal("1108", "sign_type is neither MD5 nor SHA256")),
    };
    let without_lang = verify::canonical(params, &["sign", "lang"]);
    if verify::prints(text("sign"), &verify::digest(sign_type, &without_lang, &app.client_key)) {
        check.canonical = Some(without_lang);
        check.verdict = Verdict::Verified { sign_type };
        return Ok(app);
    }
    check.verdict = verify::compare(text("sign"), sign_type, &canonical, params, &app, &inner.apps())?;
    Ok(app)
}

fn complete(inner: &Inner, call: &Call<'_>) -> Result<(), Refusal> {
    call.txamt()?;
    call.txcurrcd()?;
    call.txdtm()?;
    if !call.need("paysource")?.ends_with("_checkout") {
        return Err(refusal("1104", "paysource does not end in _checkout"));
    }
    for name in ["return_url", "failed_url", "cancel_url"] {
        if call.maybe(name).is_some() && browser_url(call, name).is_none() {
            return Err(refusal("1104", format!("{name} is not an http or https URL")));
        }
    }
    call.fresh_out_trade_no(&mut inner.state().orders).map(|_| ())
}
