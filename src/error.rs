//! The edge: every failure -> status, code, delivery, response.
//!
//! Modules below have small errors of their own, without status codes. Here each becomes a [`Failure`], and
//! [`Code`]'s table is the only place that knows what a failure looks like to a caller (docs/errors.md shows it).

mod code;
mod from;

use bytes::Bytes;
use hyper::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::http::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::caller::RequestId;
use crate::endpoint::Effect;
use crate::respcd;
use crate::upstream::Delivery;

pub use code::Code;

/// On answers that the sidecar made itself: the failure's code.
pub const ERROR_HEADER: HeaderName = HeaderName::from_static("x-sidecar-error");
/// On answers that the sidecar made itself: whether the call reached QFPay.
pub const DELIVERY_HEADER: HeaderName = HeaderName::from_static("x-sidecar-delivery");

/// On failures that are told as HTTP 200 (`answers.own_status`): the status that they have otherwise.
pub const STATUS_HEADER: HeaderName = HeaderName::from_static("x-sidecar-status");

/// A request that gets no answer from QFPay, and what its caller is told.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub code: Code,
    /// Whether the call reached QFPay.
    pub delivery: Delivery,
    /// What exactly went wrong: names and figures, never a value.
    detail: Box<str>,
    /// What the caller alone is told instead: it may show the `Host` or the `Origin` that was refused.
    told: Option<Box<str>>,
    /// What to do about it, where that is more than the table's text.
    hint: Option<Box<str>>,
    /// For a method that is not allowed: those that are.
    allow: Option<&'static str>,
    /// For a call that came too early: after how many seconds it may be sent again.
    retry_after: Option<u64>,
    /// What a repeat of the call would do, where it was on its way.
    effect: Option<Effect>,
    /// For an unknown delivery: the caller's own order number, with which it can query.
    out_trade_no: Option<Box<str>>,
}

impl Failure {
    /// A refusal of the sidecar's own: nothing was sent.
    pub fn refused(code: Code, detail: impl Into<Box<str>>) -> Self {
        Self {
            code,
            delivery: Delivery::NotSent,
            detail: detail.into(),
            told: None,
            hint: None,
            allow: None,
            retry_after: None,
            effect: None,
            out_trade_no: None,
        }
    }

    /// A failure on the way to QFPay or back.
    pub fn on_the_way(code: Code, delivery: Delivery, detail: impl Into<Box<str>>) -> Self {
        Self { delivery, ..Self::refused(code, detail) }
    }

    /// A method that the endpoint does not take.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this path takes {allow} only");
        Self { allow: Some(allow), ..Self::refused(Code::MethodNotAllowed, detail) }
    }

    /// Adds what was called, and the order number that the caller sent, for answers after which it must query.
    pub fn about(self, effect: Effect, out_trade_no: Option<&str>) -> Self {
        Self { effect: Some(effect), out_trade_no: out_trade_no.map(Into::into), ..self }
    }

    /// Adds that a proxy is configured which the sidecar does not use, where that may be why nothing is reached.
    pub fn beside_proxy(self, variable: Option<&str>) -> Self {
        let unreached = matches!(self.code, Code::UpstreamUnreachable | Code::UpstreamConnectTimeout);
        match variable.filter(|_| unreached && self.hint.is_none()) {
            None => self,
            Some(variable) => Self {
                hint: Some(format!(
                    "Nothing was sent: it is safe to try again. {variable} is set, and the sidecar does not read it: \
                     name the proxy in upstream.proxy, or the firewall must let the sidecar connect to QFPay itself."
                ).into()),
                ..self
            },
        }
    }

    /// The status of the answer.
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.row().status).expect("the table holds valid status codes")
    }

    /// The `respcd` of the answer: QFPay's own "may have been paid" when that may be, otherwise `9` and the HTTP
    /// status, which QFPay never uses.
    fn respcd(&self) -> String {
        match self.may_have_been_paid() {
            true => respcd::MAY_HAVE_BEEN_PAID.to_owned(),
            false => format!("9{}", self.code.row().status),
        }
    }

    /// Whether QFPay may have done what was asked, although the caller gets no answer of QFPay's.
    pub fn may_have_been_paid(&self) -> bool {
        self.delivery == Delivery::Unknown || self.code == Code::ResponseSignatureWrong
    }

    /// What exactly went wrong, for the log.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The same for the caller.
    fn told(&self) -> &str {
        self.told.as_deref().unwrap_or(&self.detail)
    }

    fn hint(&self) -> &str {
        if let Some(hint) = &self.hint {
            return hint;
        }
        match (self.may_have_been_paid(), self.effect, &self.out_trade_no) {
            (true, Some(Effect::Reads), _) => "This call only reads: send it again.",
            (true, Some(_), Some(_)) => {
                "It may have been processed. Do not send it again: POST /trade/v1/query with this out_trade_no until \
                 it has a final state."
            }
            (false, Some(_), _) if self.delivery == Delivery::NotSent => {
                "Nothing was sent: it is safe to try again."
            }
            _ => self.code.row().hint,
        }
    }

    /// The answer in plain text, for listeners that probes and people read.
    pub fn into_plain_text(self) -> Response<Bytes> {
        let row = self.code.row();
        let text = format!("{}\n{}\n{}\n", row.meaning, self.told(), row.hint);
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR_HEADER, HeaderValue::from_static(row.name));
        response
    }

    /// The answer for a customer whose browser shows it: what happened in general, and nothing of what was sent.
    pub fn into_page(self, request_id: &RequestId) -> Response<Bytes> {
        let row = self.code.row();
        let id = request_id.as_str();
        let html = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>This page cannot be opened</title>\
             <h1>This page cannot be opened 無法開啟此頁</h1><p>{}</p>\
             <p>Please go back to the shop and start again. 請返回商店重新開始。</p><p><small>{} {id}</small></p>\n",
            row.meaning, row.name
        );
        let mut response = Response::new(Bytes::from(html));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR_HEADER, HeaderValue::from_static(row.name));
        headers.insert(DELIVERY_HEADER, HeaderValue::from_static(self.delivery.as_str()));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }

    /// The answer: one shape for every failure, which a shop that only reads `respcd` sees as a failure too.
    pub fn into_response(self, request_id: &RequestId) -> Response<Bytes> {
        let row = self.code.row();
        let body = Body {
            respcd: self.respcd(),
            resperr: row.meaning,
            respmsg: self.told(),
            out_trade_no: self.out_trade_no.as_deref().filter(|_| self.may_have_been_paid()),
            error: Details {
                code: row.name,
                delivery: self.delivery.as_str(),
                request_id: request_id.as_str(),
                hint: self.hint(),
            },
        };
        let json = serde_json::to_vec(&body).expect("a struct of texts is JSON");
        let mut response = Response::new(Bytes::from(json));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR_HEADER, HeaderValue::from_static(row.name));
        headers.insert(DELIVERY_HEADER, HeaderValue::from_static(self.delivery.as_str()));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.code == Code::CallerUnknown {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[derive(Serialize)]
struct Body<'a> {
    respcd: String,
    resperr: &'a str,
    respmsg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a str>,
    error: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    code: &'a str,
    delivery: &'a str,
    request_id: &'a str,
    hint: &'a str,
}
