//! `X-QF-SIGN` on QFPay's answers: checked over the raw bytes, which are never touched.
//!
//! The rule is MD5 (or what `X-QF-SIGNTYPE` names) over body and key, which a published sample proves; a newer page of
//! QFPay's describes another rule that does not reproduce it. Whether today's hosts sign answers at all is not known,
//! so an answer without a signature is never refused.

use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use crate::api::Api;
use crate::credentials::{App, SignType};
use crate::error::{Code, Failure};
use crate::headers;
use crate::outbound::{SIGN_HEADER, SIGN_TYPE_HEADER};
use crate::sign::{BadSignature, Verifier};
use crate::upstream::{Answer, Body, Delivery, VerifyResponses};

const HEADER: HeaderName = HeaderName::from_static("x-sidecar-response-signature");

/// What is known about the signature of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It is the app's.
    Valid,
    /// It is not, or it is malformed, repeated, or of an unknown type.
    Invalid,
    /// There is none.
    Absent,
    /// There is one, but the answer is larger than `limits.answer_whole_bytes` and streams: it ends after its head.
    Unchecked,
}

impl Finding {
    fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Absent => "absent",
            Self::Unchecked => "unchecked",
        }
    }
}

impl Api {
    /// Looks at an answer's signature, as `upstream.verify_responses` says.
    pub(super) fn check_signature(&self, mut answer: Answer, app: &App) -> Result<Answer, Failure> {
        if self.verify_responses == VerifyResponses::Off {
            return Ok(answer);
        }
        let verifier = self.verifiers.iter().find(|verifier| verifier.app() == app.name);
        let found = verifier.map_or(Finding::Invalid, |verifier| find(verifier, &answer));
        self.lasting.metrics.saw_response_signature(&app.name, found.as_str());
        if found == Finding::Invalid && self.verify_responses == VerifyResponses::Enforce {
            let detail = "X-QF-SIGN of the answer is not the signature of its bytes";
            return Err(Failure::on_the_way(Code::ResponseSignatureWrong, Delivery::Answered, detail));
        }
        // It has been looked at, and callers have no key. Passed on it would be good for more than this answer: by QFPay's
        // one rule it also signs the same bytes as a notification.
        answer.headers.remove(SIGN_HEADER);
        answer.headers.remove(SIGN_TYPE_HEADER);
        answer.headers.insert(HEADER, HeaderValue::from_static(found.as_str()));
        Ok(answer)
    }
}

fn find(verifier: &Verifier, answer: &Answer) -> Finding {
    let sign_type = sign_type(&answer.headers);
    match (headers::signature(&answer.headers, sign_type.unwrap_or_default()), &answer.body) {
        (Err(BadSignature::Missing), _) => Finding::Absent,
        _ if sign_type.is_none() => Finding::Invalid,
        (Err(_), _) => Finding::Invalid,
        (Ok(_), Body::Streamed(_)) => Finding::Unchecked,
        (Ok(received), Body::Whole(body)) if verifier.verifies(body, &received) => Finding::Valid,
        (Ok(_), Body::Whole(_)) => Finding::Invalid,
    }
}

/// The hash that an answer names; MD5 when it names none, nothing when it names one that does not exist.
fn sign_type(headers: &HeaderMap) -> Option<SignType> {
    let named = |sign_type: &SignType| {
        let mut values = headers.get_all(SIGN_TYPE_HEADER).iter();
        values.all(|value| value.as_bytes().eq_ignore_ascii_case(sign_type.as_str().as_bytes()))
    };
    [SignType::Md5, SignType::Sha256].into_iter().find(named)
}
