//! What an answer of QFPay's is worth, before its caller sees any of it: is it whole, is it QFPay's, is it this call's, and
//! is its signature right? Nothing here changes a byte of it.

mod asked;
mod reading;
mod signature;

use hyper::StatusCode;

use super::{Api, Record};
use crate::credentials::App;
use crate::endpoint::Effect;
use crate::error::{Code, Failure};
use crate::respcd;
use crate::upstream::{Answer, Body, Delivery, End};

pub use asked::{Asked, Doubt, Judged, Verdict};

impl Api {
    /// Lets an answer pass that is the call's own and says what became of it. The connection of any other is closed with it.
    ///
    /// # Errors
    /// A failure after which the call may have been processed: of unknown delivery, but for a wrong signature.
    pub(super) fn check(
        &self,
        answer: Answer,
        asked: &Asked,
        app: &App,
        record: &mut Record,
    ) -> Result<Answer, Failure> {
        let answer = self.check_signature(answer, app)?;
        let refused = |code, detail| Err(Failure::on_the_way(code, Delivery::Unknown, detail));
        let host = self.upstream.base();
        if answer.end == End::Coded {
            let what = "a Transfer-Encoding other than chunked";
            return refused(Code::AnswerUnclear, unclear(host, answer.status, what));
        }
        let Body::Whole(body) = &answer.body else {
            return match large(asked, answer.status) {
                None => Ok(answer),
                Some(what) => refused(Code::AnswerUnclear, unclear(host, answer.status, what)),
            };
        };
        if answer.end == End::Connection && reading::is_cut_short(body) {
            let detail = format!("the answer of {host} broke off: it ended in the middle");
            return refused(Code::UpstreamTruncated, detail);
        }
        let judged = asked.judge(answer.status, body);
        let respcd = judged.respcd.as_deref();
        match judged.verdict {
            Verdict::Unclear(doubt) => {
                return refused(Code::AnswerUnclear, unclear(host, answer.status, doubt.as_str()));
            }
            Verdict::OrderMismatch => {
                let detail = format!("the answer of {host} names other orders than the call");
                return refused(Code::OrderMismatch, detail);
            }
            Verdict::Unnamed => {
                if asked.endpoint.effect == Effect::MovesMoney && respcd == Some(respcd::SUCCESS) {
                    record.cannot_be_told_whose(&self.lasting.metrics);
                }
            }
            Verdict::Clear => {}
        }
        record.respcd = respcd::class(respcd);
        if let Some(call) = &mut record.on_record {
            call.answered(&judged);
        }
        record.respcd_code = respcd.filter(|code| code.len() == 4).and_then(|code| code.parse().ok());
        if let (Some(order), Some(syssn)) = (&record.order, judged.syssn.as_deref()) {
            record.order = Some(order.answered_by(syssn));
        }
        Ok(answer)
    }
}

/// What is wrong with an answer that is too large to be read whole, if anything is. Half of one may look like a success, so
/// what moves money needs all of it.
fn large(asked: &Asked, status: StatusCode) -> Option<&'static str> {
    if status.is_redirection() {
        return Some(Doubt::Redirect.as_str());
    }
    (asked.endpoint.effect == Effect::MovesMoney)
        .then_some("more bytes than limits.answer_whole_bytes or limits.answer_memory_bytes let it hold")
}

fn unclear(host: impl std::fmt::Display, status: StatusCode, what: &str) -> String {
    format!("the answer of {host} has status {} and {what}", status.as_u16())
}
