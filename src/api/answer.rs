//! What a caller gets when nothing failed: QFPay's answer, or a URL for a browser.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use hyper::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use hyper::http::{HeaderValue, request};
use hyper::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Record;
use crate::browser::BrowserUrl;
use crate::error::{Code, Failure};
use crate::headers;
use crate::upstream::{Answer, AnswerBody, Body, Delivery};

/// QFPay's answer, for the caller. Its connection is good for further calls.
///
/// # Errors
/// [`Code::StreamsBusy`] when it is large, and as many callers as may are reading such answers.
pub(super) fn relay(
    answer: Answer,
    record: &mut Record,
    streams: &Arc<Semaphore>,
) -> Result<Response<AnswerBody>, Failure> {
    let answer = answer.accepted();
    let body = match answer.body {
        Body::Whole(bytes) => whole(bytes),
        Body::Streamed(stream) => {
            let place = streams.clone().try_acquire_owned().map_err(|_| {
                let detail = "the answer is large, and limits.streams is reached";
                Failure::on_the_way(Code::StreamsBusy, Delivery::Unknown, detail)
            })?;
            keeping(stream, place)
        }
    };
    record.delivery = Delivery::Answered;
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

/// A finished URL: as a redirect for browsers, as JSON for server code that asks for it.
pub(super) fn to_browser(url: &BrowserUrl, head: &request::Parts) -> Response<AnswerBody> {
    let mut response = if headers::prefers_json(&head.headers) {
        let json = serde_json::json!({ "url": url.as_str() }).to_string();
        let mut response = Response::new(whole(Bytes::from(json)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    } else {
        let location = HeaderValue::from_str(url.as_str()).expect("an encoded URL is visible ASCII");
        let mut response = Response::new(whole(Bytes::new()));
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(LOCATION, location);
        response
    };
    // The URL is signed for one customer.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a person reads the answer: browsers ask for HTML and never name JSON.
pub(super) fn is_for_people(head: &request::Parts) -> bool {
    headers::prefers_html(&head.headers)
}

/// A body that keeps its place until it has ended: what passes through takes memory as long as the caller reads.
fn keeping(stream: AnswerBody, place: OwnedSemaphorePermit) -> AnswerBody {
    Either::Right(UnsyncBoxBody::new(stream.map_frame(move |frame| {
        let _kept = &place;
        frame
    })))
}

pub(super) fn whole(bytes: Bytes) -> AnswerBody {
    Either::Left(Full::new(bytes))
}
