//! What tests ask of the sandbox itself, in JSON: to turn its clock, to forget what was.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};

use super::answer::{Fields, Json, dumps, text};
use super::clock::FARTHEST;
use super::request::{pairs, value};
use super::{Inner, layout};

/// `/sandbox/clock`: GET tells the time, POST with `advance=SECONDS` turns the clock forward and tells it then.
pub(super) fn clock(inner: &Inner, body: Option<&Bytes>) -> Response<Full<Bytes>> {
    if let Some(body) = body {
        let form = pairs(body).unwrap_or_default();
        let seconds = value(&form, "advance").and_then(|text| text.parse().ok());
        if !seconds.is_some_and(|seconds| inner.clock.turn(Duration::from_secs(seconds))) {
            let most = FARTHEST.as_secs();
            return refused(&format!(
                "advance is a whole number of seconds; the clock goes at most {most} s ahead in all"
            ));
        }
    }
    json(
        StatusCode::OK,
        &vec![text("now", inner.clock.now()), ("ahead_s", Json::Number(inner.clock.ahead().as_secs()))],
    )
}

/// `POST /sandbox/reset`: orders, notifications, requests, codes and counts are forgotten, and the clock is set back.
///
/// Numbers go on: a `syssn` is never given twice. Notifications that are pending end.
pub(super) fn reset(inner: &Inner) -> Response<Full<Bytes>> {
    inner.state().forget();
    inner.alive.send_replace(());
    inner.clock.set_back();
    json(StatusCode::OK, &vec![text("now", inner.clock.now())])
}

fn refused(why: &str) -> Response<Full<Bytes>> {
    json(StatusCode::BAD_REQUEST, &vec![text("error", why)])
}

fn json(status: StatusCode, fields: &Fields) -> Response<Full<Bytes>> {
    let mut response = layout::file("application/json; charset=utf-8", (dumps(fields) + "\n").into());
    *response.status_mut() = status;
    response
}
