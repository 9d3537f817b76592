//! Requests that no service sees get the answer that every failure has, on every listener.

use bytes::Bytes;
use hyper::Response;

use crate::caller::{REQUEST_ID_HEADER, RequestId};
use crate::error::Failure;
use crate::metrics::{self, Metrics};
use crate::server::Refusal;

/// Makes the answer, and its line in the log.
pub(super) fn tell(listener: &'static str, refusal: Refusal) -> Response<Bytes> {
    let request_id = RequestId::fresh();
    let failure = Failure::from(refusal);
    let row = failure.code.row();
    let (status, error, delivery) = (row.status, row.name, failure.delivery.as_str());
    tracing::info!(listener, status, delivery, error, detail = failure.detail(), %request_id, "request refused");
    let mut response = failure.into_response(&request_id);
    response.headers_mut().insert(REQUEST_ID_HEADER, request_id.into_header());
    response
}

/// The same on the listener for callers, whose requests are counted.
pub(super) fn count(metrics: &Metrics, refusal: Refusal) -> Response<Bytes> {
    let failure = Failure::from(refusal);
    let row = failure.code.row();
    metrics.refused(&metrics::Request {
        endpoint: "none",
        app: "",
        status: row.status,
        delivery: failure.delivery.as_str(),
        respcd: "none",
        error: row.name,
    });
    tell("api", refusal)
}
