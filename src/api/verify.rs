//! `POST /sidecar/v1/verify`: for shops that receive notifications themselves and hold no key.

use hyper::Response;
use hyper::http::request;

use super::own::own_json;
use super::{Api, Holder, Record};
use crate::access::Presented;
use crate::body;
use crate::credentials::SignType;
use crate::error::{Code, Failure};
use crate::headers;
use crate::server::RequestBody;
use crate::sign::{VerifiedNotification, Verifier};
use crate::upstream::AnswerBody;

impl Api {
    /// Says whose key signed these raw bytes. Every key of the caller's apps is tried: one that could choose would gain nothing.
    pub(super) async fn verify(
        &self,
        head: &request::Parts,
        body: RequestBody,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let caller = self.caller_by_head(presented, record)?;
        body::has_length(head)?;
        let received = headers::signature(&head.headers, SignType::Md5)?;
        let waiting = record.waiting();
        let read = body::read(body, &self.notification_bodies).await;
        record.waited(waiting);
        let body::Whole { bytes: body, memory: _memory } = read?;
        record.place = Some(self.place(Holder::AnsweredHere)?);
        if body.is_empty() {
            let detail = "the body is empty; a framework may have read it already (PHP: php://input)";
            return Err(Failure::refused(Code::BodyEmpty, detail));
        }
        if !VerifiedNotification::may_be(&body) {
            return Err(Failure::refused(Code::NotificationNotJson, "the body does not begin with '{'"));
        }
        let is_own =
            |verifier: &&Verifier| caller.as_ref().is_none_or(|caller| caller.has_app(verifier.app()));
        let own = self.verifiers.iter().filter(is_own);
        let verified = VerifiedNotification::new(own, body, &received).ok_or_else(|| {
            let detail = "no key of any app of the caller's made this signature over these bytes";
            Failure::refused(Code::SignatureWrong, detail)
        })?;
        record.app = self.keyring.by_name(verified.app()).cloned();
        Ok(own_json(&serde_json::json!({ "valid": true, "app": verified.app() })))
    }
}
