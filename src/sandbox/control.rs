//! What tests ask of the sandbox itself, in JSON: to turn its clock.

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

fn refused(why: &str) -> Response<Full<Bytes>> {
    json(StatusCode::BAD_REQUEST, &vec![text("error", why)])
}

fn json(status: StatusCode, fields: &Fields) -> Response<Full<Bytes>> {
    let mut response = layout::file("application/json; charset=utf-8", (dumps(fields) + "\n").into());
    *response.status_mut() = status;
    response
}
