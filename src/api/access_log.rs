//! What is remembered of a call for its line in the log and for the metrics: names and figures, no values.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::http::StatusCode;
use hyper::{Method, Request, Response};

use super::on_record::OnRecord;
use super::{Lasting, OwnStatus, Place, own_status, whole};
use crate::access::Caller;
use crate::caller::RequestId;
use crate::credentials::App;
use crate::endpoint::{Endpoint, Own};
use crate::error::{Code, Failure};
use crate::metrics::{self, Metrics};
use crate::orders::{Order, Passed};
use crate::respcd::Class;
use crate::server::User;
use crate::sign::Params;
use crate::upstream::{AnswerBody, Delivery};

/// One call, as it is told afterwards.
#[derive(Debug)]
pub(super) struct Record {
    request_id: RequestId,
    method: &'static str,
    started: Instant,
    waited: Duration,
    params: String,
    error: Option<Code>,
    detail: String,
    repeated: bool,
    /// No caller asked for it: the sidecar follows an order.
    is_own: bool,
    pub(super) endpoint: Option<&'static Endpoint>,
    pub(super) app: Option<Arc<App>>,
    pub(super) caller: Option<Arc<Caller>>,
    /// There are callers, and none of them calls.
    pub(super) is_strangers: bool,
    /// Whose process it came from, as far as the system says.
    pub(super) user: Option<User>,
    /// Its caller has no right to it, or is not known.
    pub(super) is_without_right: bool,
    pub(super) delivery: Delivery,
    pub(super) place: Option<Place>,
    pub(super) respcd: Class,
    /// It stands in the journal.
    pub(super) on_record: Option<OnRecord>,
    /// QFPay's `respcd` itself.
    pub(super) respcd_code: Option<u16>,
    /// The order that the call names.
    pub(super) order: Option<Order>,
    /// It came below the public prefix, from a customer's browser.
    pub(super) is_public: bool,
    /// Such a page, and a person will read its failure.
    pub(super) is_for_people: bool,
}

impl Record {
    pub(super) fn new<B>(request: &Request<B>, request_id: RequestId) -> Self {
        Self::of(known(request.method()), request_id)
    }

    /// A query that the sidecar makes by itself.
    pub(super) fn of_own(app: Arc<App>, endpoint: &'static Endpoint) -> Self {
        let record = Self::of("POST", RequestId::fresh());
        Self { is_own: true, endpoint: Some(endpoint), app: Some(app), ..record }
    }

    fn of(method: &'static str, request_id: RequestId) -> Self {
        Self {
            request_id,
            method,
            started: Instant::now(),
            waited: Duration::ZERO,
            params: String::new(),
            error: None,
            detail: String::new(),
            repeated: false,
            is_own: false,
            endpoint: None,
            app: None,
            caller: None,
            is_strangers: false,
            user: None,
            is_without_right: false,
            delivery: Delivery::NotSent,
            place: None,
            respcd: Class::None,
            on_record: None,
            respcd_code: None,
            order: None,
            is_public: false,
            is_for_people: false,
        }
    }

    pub(super) fn into_request_id(self) -> RequestId {
        self.request_id
    }

    /// The id of the request.
    pub(super) fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// The code of the failure that its caller is told, if it is one.
    pub(super) fn failure_code(&self) -> Option<&'static str> {
        self.error.map(|code| code.row().name)
    }

    /// Begins a wait for the caller or QFPay, which is not counted as the sidecar's own time.
    pub(super) fn waiting(&self) -> Instant {
        Instant::now()
    }

    pub(super) fn waited(&mut self, since: Instant) {
        self.waited_until(Instant::now(), since);
    }

    /// The same for a wait that ended earlier.
    pub(super) fn waited_until(&mut self, end: Instant, since: Instant) {
        self.waited += end.saturating_duration_since(since);
    }

    /// Keeps the names of the parameters, and counts values that would sign like a further one.
    pub(super) fn saw(&mut self, params: &Params, metrics: &Metrics) {
        if tracing::enabled!(tracing::Level::INFO) {
            self.params.reserve(params.names().map(|name| name.len() + 1).sum());
            for name in params.names() {
                if !self.params.is_empty() {
                    self.params.push(',');
                }
                self.params.push_str(name);
            }
        }
        let ambiguous: Vec<_> = params.ambiguous().collect();
        if !ambiguous.is_empty() {
            metrics.saw_ambiguous(ambiguous.len() as u64);
            let names = ambiguous.join(",");
            tracing::warn!(request_id = %self.request_id, parameters = names, "a value signs like another parameter");
        }
    }

    /// QFPay reports a success in an answer that cannot be compared with the call.
    pub(super) fn cannot_be_told_whose(&self, metrics: &Metrics) {
        let endpoint = self.endpoint.map_or("none", Endpoint::label);
        metrics.saw_unnamed_success(endpoint);
        tracing::warn!(
            request_id = %self.request_id,
            endpoint,
            "a success names no order of the call's: query before relying on it"
        );
    }

    /// Tells which documented parameters a page is made without.
    pub(super) fn lacks(&self, missing: &[&'static str]) {
        if !missing.is_empty() {
            let names = missing.join(",");
            tracing::warn!(
                request_id = %self.request_id,
                parameters = names,
                "a page lacks parameters that QFPay documents as mandatory; it is made without them"
            );
        }
    }

    /// The path is none of QFPay's, but nearly one. It is signed and sent: new endpoints appear often.
    pub(super) fn seems_misspelt(&self, meant: &'static str) {
        tracing::warn!(request_id = %self.request_id, meant, "a path that QFPay does not document, one letter away from one");
    }

    /// The call passes although `access.mode = "enforce"` would refuse it.
    pub(super) fn would_be_refused(&self, failure: &Failure) {
        tracing::warn!(
            request_id = %self.request_id,
            caller = self.caller(),
            error = failure.code.row().name,
            detail = failure.detail(),
            "access.mode = enforce would refuse this call"
        );
    }

    /// Who called, where there are callers.
    pub(super) fn caller(&self) -> Option<&str> {
        let known = self.caller.as_ref().map(|caller| caller.name.as_str());
        known.or_else(|| self.is_strangers.then_some("unknown"))
    }

    /// The call goes out a second time.
    pub(super) fn repeats(&mut self, metrics: &Metrics) {
        self.repeated = true;
        metrics.repeats.inc();
    }

    /// Turns a failure into the answer.
    pub(super) fn failure(&mut self, failure: Failure) -> Response<AnswerBody> {
        self.error = Some(failure.code);
        self.delivery = failure.delivery;
        self.detail = failure.detail().to_owned();
        match self.is_for_people {
            true => failure.into_page(&self.request_id).map(whole),
            false => failure.into_response(&self.request_id).map(whole),
        }
    }

    /// Gives a failure the status under which its caller reads it. Log and metrics keep the other.
    pub(super) fn tell(&self, setting: OwnStatus, response: &mut Response<AnswerBody>) {
        if let Some(code) = self.error {
            own_status::apply(setting, self.endpoint, code, response);
        }
    }

    /// Whether the line is a warning: a payment may have happened of which its caller does not know, or a notification is
    /// not what it says.
    fn is_in_doubt(&self) -> bool {
        let refused_notification = self.endpoint == Some(Own::Verify.endpoint());
        match self.error {
            None => false,
            Some(Code::CutOff | Code::Internal | Code::ResponseSignatureWrong) => true,
            Some(Code::SignatureWrong) => refused_notification,
            Some(_) => self.delivery == Delivery::Unknown,
        }
    }

    /// Writes the line, counts the call, and remembers it if it names an order.
    pub(super) fn write(&mut self, lasting: &Lasting, status: StatusCode) {
        let error = self.error.map_or("", |code| code.row().name);
        let endpoint = self.endpoint.map_or("none", Endpoint::label);
        let app = self.app.as_ref().map_or("", |app| app.name.as_str());
        let total = self.started.elapsed();
        let own = total.saturating_sub(self.waited);
        // The level of an event is a constant.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    method = self.method,
                    endpoint,
                    app = some(app),
                    caller = self.caller(),
                    status = status.as_u16(),
                    delivery = self.delivery.as_str(),
                    respcd = self.respcd.as_str(),
                    error = some(error),
                    detail = some(&self.detail),
                    total_ms = millis(total),
                    own_ms = millis(own),
                    repeated = self.repeated.then_some(true),
                    by_sidecar = self.is_own.then_some(true),
                    parameters = some(&self.params),
                    request_id = %self.request_id,
                    "request"
                )
            };
        }
        match self.is_in_doubt() {
            true => line!(warn),
            false => line!(info),
        }
        let request = metrics::Request {
            endpoint,
            app,
            status: status.as_u16(),
            delivery: self.delivery.as_str(),
            respcd: self.respcd.as_str(),
            error,
        };
        lasting.metrics.answered(&request, total, own);
        if let Some(order) = self.order.take() {
            lasting.orders.remember(Passed {
                at: SystemTime::now(),
                request_id: self.request_id.clone(),
                by_sidecar: self.is_own,
                endpoint,
                order,
                status: status.as_u16(),
                delivery: self.delivery.as_str(),
                respcd: self.respcd_code,
                error,
                took: total,
            });
        }
    }
}

/// Milliseconds with three places.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A text for the log; none is left out of the line.
fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The usual methods by name; any other is what a caller made up.
fn known(method: &Method) -> &'static str {
    const USUAL: [&str; 8] = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];
    USUAL.into_iter().find(|usual| *usual == method.as_str()).unwrap_or("other")
}
