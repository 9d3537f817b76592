//! The status under which a caller is told the sidecar's own failures.
//!
//! QFPay answers its own failures with HTTP 200, so many shops read no body below any other status: Java's `getInputStream`
//! throws, PHP's `file_get_contents` gives `false`. A payment whose delivery is unknown then looks failed. With
//! `answers.own_status = "200"` such shops get the body, with its `respcd`.

use hyper::http::HeaderValue;
use hyper::{Response, StatusCode};

use crate::endpoint::{Endpoint, Own};
use crate::error::{Code, STATUS_HEADER};

/// The status of failures that the sidecar answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnStatus {
    /// What HTTP has for it, such as 502.
    Http,
    /// 200, as QFPay's own failures have, where the call was matched to an endpoint.
    Ok,
}

/// Whether a failure of a call to this endpoint is told as HTTP 200. Not before the call is matched, so that strangers, other
/// programs and probes are told by HTTP's own means, and so is a body whose end is not known; nor where a yes or no is the
/// status itself.
fn is_told_as_ok(endpoint: Option<&Endpoint>, code: Code) -> bool {
    let is_call = endpoint
        .is_some_and(|endpoint| endpoint != Own::Verify.endpoint() && endpoint.browser_page().is_none());
    is_call
        && !matches!(code.row().status, 401 | 403)
        && !matches!(code, Code::BodyIncomplete | Code::LengthRequired | Code::LengthMismatch)
}

/// Puts 200 in the place of a failure's status, which then stands in [`STATUS_HEADER`].
pub(super) fn apply<B>(
    setting: OwnStatus,
    endpoint: Option<&Endpoint>,
    code: Code,
    response: &mut Response<B>,
) {
    if setting == OwnStatus::Ok && is_told_as_ok(endpoint, code) {
        let status = response.status().as_u16();
        response.headers_mut().insert(STATUS_HEADER, HeaderValue::from(status));
        *response.status_mut() = StatusCode::OK;
    }
}
