//! QFPay's API: check the signature, count, dispatch, answer.

use std::sync::MutexGuard;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use super::answer::{Refusal, dumps, json, refusal};
use super::call::{Call, Done};
use super::magic::Answer;
use super::request::Arrived;
use super::verify::{self, Check};
use super::{Inner, Outcome, State};
use super::{cancel, clock, paths, payment, query, refund, weixin};
use crate::credentials::App;

/// A statement as QFPay packs it: a zip with one CSV file, printed by Python's zipfile and never parsed here.
const TRADE_BILL: &[u8] = include_bytes!("pages/trade_bill.zip");

/// QFPay's families whose signature is checked although the sandbox does not simulate them.
const NOT_SIMULATED: [&str; 11] = [
    "/trade/v1/",
    "/tool/v1/",
    "/payment_element/v1/",
    "/customer/v1/",
    "/product/v1/",
    "/subscription/",
    "/token/v1/",
    "/custom/v1/",
    "/download/v1/",
    "/settlement/v1/",
    "/mch/v1/",
];

/// What an endpoint answers with.
enum Reply {
    Done(Done),
    Zip,
    Redirect(String),
}

type Endpoint = fn(&Call<'_>, &mut State) -> Result<Reply, Refusal>;

const GET: &str = "GET";
const POST: &str = "POST";
const EITHER: &str = "GET, POST";

/// The endpoints that are simulated, with the methods that QFPay's sources name for them.
fn endpoint(path: &str) -> Option<(&'static str, Endpoint)> {
    Some(match path {
        "/trade/v1/payment" => {
            (POST, |call, state| payment::pay(call, &mut state.orders, &mut state.weixin).map(Reply::Done))
        }
        "/trade/v1/query" => (EITHER, |call, state| query::query(call, &mut state.orders).map(Reply::Done)),
        "/trade/v1/refund" => (POST, |call, state| refund::refund(call, &mut state.orders).map(Reply::Done)),
        "/trade/v1/reversal" => {
            (POST, |call, state| cancel::reverse(call, &mut state.orders).map(Reply::Done))
        }
        "/trade/v1/close" => (EITHER, |call, state| cancel::close(call, &mut state.orders).map(Reply::Done)),
        "/trade/v1/authtrade" => {
            (POST, |call, state| cancel::capture(call, &mut state.orders).map(Reply::Done))
        }
        "/trade/v1/unfreeze" => {
            (POST, |call, state| cancel::release(call, &mut state.orders).map(Reply::Done))
        }
        "/trade/v1/add_note" => (POST, |call, state| cancel::note(call, &mut state.orders).map(Reply::Done)),
        "/tool/v1/get_weixin_openid" => (EITHER, |call, state| {
            let fields = weixin::openid(&mut state.weixin, call.params, call.app, call.instant)?;
            Ok(Reply::Done(Done::plain(fields)))
        }),
        OAUTH_CODE => (GET, |call, state| {
            weixin::oauth(&mut state.weixin, call.params, call.app, call.instant).map(Reply::Redirect)
        }),
        "/download/v1/trade_bill" => (EITHER, |call, _| {
            let date = call.need("trade_date")?;
            if clock::is_date(&format!("{date} 00:00:00")) {
                return Ok(Reply::Zip);
            }
            Err(refusal("1104", "trade_date is not a date of the form YYYY-MM-DD"))
        }),
        known if NOT_SIMULATED.iter().any(|family| known.starts_with(family)) => (EITHER, |call, _| {
            let what = match paths::meant(call.path) {
                Some(meant) => format!("QFPay documents no such endpoint; did you mean {meant}?"),
                None => "the sandbox does not simulate this endpoint".to_owned(),
            };
            Err(refusal("1100", format!("the signature is right, but {what}")))
        }),
        _ => return None,
    })
}

/// The one call whose signature is in the query: a browser makes it.
pub(super) const OAUTH_CODE: &str = "/tool/v1/get_weixin_oauth_code";

/// Answers an API call; none if the path is not one of QFPay's.
pub(super) fn answer(inner: &Inner, arrived: &Arrived) -> Option<Outcome> {
    let (methods, endpoint) = endpoint(&arrived.path)?;
    let check = match arrived.path.as_str() {
        OAUTH_CODE => weixin::check_oauth(arrived, &inner.apps()),
        _ => verify::headers(arrived, &inner.apps()),
    };
    let app = check.app.clone();
    let app = app.as_deref();
    let mut state = inner.state();
    let allowed = methods.split(", ").any(|method| method == arrived.method.as_str());
    let over = app.is_some_and(|app| {
        let options = &inner.options;
        !state.quota.admits(
            &app.name,
            options.quota_per_second,
            options.quota_per_minute,
            inner.clock.instant(),
        )
    });
    if over {
        let busy = refusal("1297", "too many requests: QFPay documents 100 per second and 400 per minute");
        return Some(refused(StatusCode::TOO_MANY_REQUESTS, &busy, check));
    }
    if !allowed {
        let mut outcome = refused(
            StatusCode::METHOD_NOT_ALLOWED,
            &refusal("1103", format!("this endpoint takes {methods}")),
            check,
        );
        outcome.response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        return Some(outcome);
    }
    if let Some(refusal) = check.refusal.clone() {
        return Some(refused(StatusCode::OK, &refusal, check));
    }
    // Without a refusal there is an app: only its key can have verified the signature.
    let verified = check.app.clone()?;
    let call = Call {
        app: &verified,
        params: &check.pairs,
        path: &arrived.path,
        base: &inner.options.base,
        now: inner.clock.now(),
        instant: inner.clock.instant(),
    };
    match endpoint(&call, &mut state) {
        Err(refusal) => Some(refused(StatusCode::OK, &refusal, check)),
        Ok(reply) => Some(reply_with(inner, state, reply, app, check)),
    }
}

fn refused(status: StatusCode, refusal: &Refusal, check: Check) -> Outcome {
    let body = dumps(&refusal.fields());
    let response = json(status, body.clone(), check.app.as_deref());
    Outcome { respcd: Some(refusal.respcd.to_owned()), said: Some(body), ..Outcome::checked(response, check) }
}

fn reply_with(
    inner: &Inner,
    mut state: MutexGuard<'_, State>,
    reply: Reply,
    app: Option<&App>,
    check: Check,
) -> Outcome {
    let done = match reply {
        Reply::Redirect(location) => return Outcome::checked(redirect(&location), check),
        Reply::Zip => {
            let mut response = Response::new(Full::new(Bytes::from_static(TRADE_BILL)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
            return Outcome::checked(response, check);
        }
        Reply::Done(done) => done,
    };
    let mut body = dumps(&done.fields);
    if done.magic == Some(Answer::NotJson) {
        body = body.replace("\"respcd\": \"0000\"", "\"respcd\": 0000");
    }
    let response = match done.magic.and_then(Answer::instead) {
        Some(instead) => instead,
        None => json(StatusCode::OK, body.clone(), app),
    };
    let respcd = done.fields.iter().find_map(|(name, value)| match value {
        super::answer::Json::Text(text) if *name == "respcd" => Some(text.clone()),
        _ => None,
    });
    let respcd = respcd.filter(|_| done.magic.is_none_or(|magic| magic.tells_respcd()));
    let notifications = inner.notifications(&mut state, &done.notify);
    let said = done.magic.is_none_or(Answer::tells_json).then_some(body);
    Outcome {
        respcd,
        said,
        magic: done.magic,
        notifications,
        later: done.later,
        ..Outcome::checked(response, check)
    }
}

/// A redirect for a browser. `location` holds only characters that may stand in a header.
pub(super) fn redirect(location: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    match HeaderValue::from_str(location) {
        Ok(value) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, value);
        }
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}
