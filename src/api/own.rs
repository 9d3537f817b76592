//! The sidecar's own endpoints: answered here, and never forwarded.

use bytes::Bytes;
use hyper::Response;
use hyper::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::http::{HeaderValue, request};
use serde::Serialize;

use super::{Api, Record, whole};
use crate::access::Presented;
use crate::endpoint::{self, Own};
use crate::error::{Code, Failure};
use crate::server::RequestBody;
use crate::upstream::AnswerBody;

impl Api {
    /// Answers at one of them.
    pub(super) async fn own(
        &self,
        own: Own,
        head: &request::Parts,
        body: RequestBody,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let endpoint = own.endpoint();
        record.endpoint = Some(endpoint);
        if !endpoint.methods.include(head.method.as_str()) {
            return Err(Failure::method_not_allowed(endpoint.methods.as_str()));
        }
        if own != Own::Verify && !self.routes.allows(endpoint::QUERY) {
            let detail =
                "orders are told of to those who may query them, and routes.allow has no /trade/v1/query";
            return Err(Failure::refused(Code::PathNotAllowed, detail));
        }
        match own {
            Own::Verify => self.verify(head, body, presented, record).await,
            Own::Outcome => self.outcome(head, body, presented, record).await,
            Own::Order => self.order(head, body, presented, record).await,
        }
    }
}

/// An answer of the sidecar's own.
pub(super) fn own_json(told: &impl Serialize) -> Response<AnswerBody> {
    let json = serde_json::to_vec(told).expect("a struct of texts and JSON is JSON");
    let mut response = Response::new(whole(Bytes::from(json)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
