//! The listener that shops call: an unsigned request goes in, a signed one goes out.

mod access_log;
mod answer;
pub mod answer_checks;
mod inquiries;
mod lasting;
mod on_record;
mod order;
mod outcome;
mod own;
mod own_status;
mod page;
mod parameters;
mod places;
mod quota;
mod retry;
mod rights;
mod route;
mod routes;
mod slips;
mod verify;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::{Request, Response};
use time::OffsetDateTime;
use time::macros::{format_description, offset};

use crate::access::{Access, Purpose};
use crate::body;
use crate::browser::Pages;
use crate::caller::{REQUEST_ID_HEADER, RequestId};
use crate::credentials::{Keyring, KnownKeys, LocalKey};
use crate::decode::Charset;
use crate::endpoint::Own;
use crate::error::{Code, Failure};
use crate::gate::Hosts;
use crate::orders::{self, Order};
use crate::outbound::{Call, SignedRequest};
use crate::quota::Quota;
use crate::server::{Peer, RequestBody, Stage};
use crate::sign::{EmptyPolicy, Verifier};
use crate::upstream::{AnswerBody, Delivery, Upstream, VerifyResponses};
use access_log::Record;
use answer::{relay, whole};
use answer_checks::Asked;
pub use inquiries::pursue_all;
pub use lasting::Lasting;
pub use own_status::OwnStatus;
pub use places::Places;
use places::{Holder, Place};
pub use routes::{BadRoute, Routes};

/// Everything that a call needs: what the configuration says, which a reload replaces as a whole, beside what lives on.
#[derive(Debug)]
pub struct Api {
    /// What lives on.
    pub lasting: Arc<Lasting>,
    /// Who signs.
    pub keyring: Arc<Keyring>,
    /// Who verifies notifications on request.
    pub verifiers: Vec<Verifier>,
    /// What becomes of signatures on QFPay's answers.
    pub verify_responses: VerifyResponses,
    /// Bounds on notifications that are verified on request.
    pub notification_bodies: body::Bounds,
    /// Which paths are signed.
    pub routes: Routes,
    /// What happens to empty parameters.
    pub empty: EmptyPolicy,
    /// The charset of queries, and of forms that name none.
    pub charset: Charset,
    /// Every configured key: none of them may stand in a request.
    pub known_keys: KnownKeys,
    /// Bounds on the bodies of calls.
    pub bodies: body::Bounds,
    /// Under which status callers are told the sidecar's own failures.
    pub own_status: OwnStatus,
    /// URLs for the customer's browser.
    pub pages: Pages,
    /// How many calls may go.
    pub quota: Quota,
    /// What is done about orders in doubt.
    pub orders: orders::Settings,
    /// The way to QFPay.
    pub upstream: Upstream,
    /// A variable that names a proxy, which is not used: told where QFPay cannot be reached.
    pub unread_proxy: Option<String>,
    /// Calls at once.
    pub places: Places,
    /// Further hosts under which callers reach the API.
    pub hosts: Hosts,
    /// Whether calls may come through a web server.
    pub allow_forwarded: bool,
    /// With which the shop's server signs pages below `browser.public_prefix`, where there are no `[callers]`.
    pub local_keys: Arc<[LocalKey]>,
    /// Who may call, and what he may do.
    pub access: Arc<Access>,
}

impl Api {
    /// Answers one request, whatever it is, and writes its line in the log.
    ///
    /// A panic becomes an answer. Once the body was read this has to be polled to its end: `server` sees to it, also when
    /// the caller hangs up, because QFPay may already be doing what the call asked for.
    pub async fn handle(&self, request: Box<Request<RequestBody>>, peer: &Peer) -> Response<AnswerBody> {
        let own_id = RequestId::of(request.headers());
        let own_id = own_id.filter(|id| !self.known_keys.include(id.as_str().as_bytes()));
        let request_id = own_id.unwrap_or_else(RequestId::fresh);
        let mut record = Record::new(&request, request_id);
        let answered = {
            // Pinned where it is made: moved into an adapter, all of it would be copied.
            let mut answer = pin!(self.answer(request, peer, &mut record));
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
                Ok(polled) => polled.map(Some),
                Err(_panic) => Poll::Ready(None),
            })
            .await
        };
        // A panic leaves the record usable: each field is set whole.
        let answered = answered.unwrap_or_else(|| {
            let detail = "the call ended in a defect of the sidecar";
            Err(Failure::on_the_way(Code::Internal, record.delivery, detail))
        });
        let mut response = answered.unwrap_or_else(|failure| record.failure(failure));
        self.end_on_record(&mut record);
        record.write(&self.lasting, response.status());
        record.tell(self.own_status, &mut response);
        response.headers_mut().insert(REQUEST_ID_HEADER, record.into_request_id().into_header());
        response
    }

    /// The life of a call, in order. Whatever is refused here was never sent.
    async fn answer(
        &self,
        request: Box<Request<RequestBody>>,
        peer: &Peer,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let (mut head, body) = request.into_parts();
        let path = self.admitted(&head, peer, record)?;
        let presented = self.presented(&head, peer, record)?;
        self.refuse_keys_in_head(&head)?;
        if let Some(own) = Own::at(path) {
            // What few calls need is boxed, here and below: the future of every call would be larger for it.
            return Box::pin(self.own(own, &head, body, presented, record)).await;
        }
        let endpoint = self.route(path, &head, record)?;
        let (decoded, _memory) = self.parameters(&head, body, record).await?;
        if let Some(page) = endpoint.browser_page() {
            return self.page(page, endpoint, decoded, &head, presented, record);
        }

        let caller = self.caller(presented, &decoded, Purpose::Call, record)?;
        let app = self.choose_app(caller.as_deref(), endpoint, &head.headers, &decoded, record)?;
        record.place = Some(self.place(Holder::of(app, endpoint))?);
        let params = decoded.params.apply(self.empty)?;
        slips::refuse_silence(endpoint, &params)?;
        let params = self.permitted(caller.as_deref(), (endpoint, path), app, params, record)?;
        slips::refuse_other_names(&head, app, &params)?;

        record.order = Order::of(app, &params);
        let mut flight = self.depart(endpoint, record).await?;
        let pass = self.within_quota(app, endpoint, record).await?;
        if let Some(on_record) = self.put_on_record(app, endpoint, path, &params, record) {
            record.on_record = Some(on_record.await?);
        }
        let asked = Asked::of(endpoint, &params);
        let signed_by = app.clone();
        let call = Call {
            app: app.clone(),
            endpoint,
            path: path.to_owned(),
            method: head.method.clone(),
            place: decoded.place,
            params,
            headers: std::mem::take(&mut head.headers),
        };
        let signed = SignedRequest::new(call, self.upstream.base())?;
        let waiting = record.waiting();
        record.delivery = Delivery::Unknown;
        if let Some(flight) = &mut flight {
            flight.is_on_record(record.ticket());
            flight.leaves();
        }
        let sent = tokio::select! {
            biased; // an answer that is here is not given up
            sent = self.send(signed, &signed_by, &asked, pass, record) => sent,
            () = self.lasting.shutdown.reached(Stage::CutOff) => {
                let detail = "the call was still in flight at limits.shutdown_timeout_ms";
                Err(Failure::on_the_way(Code::CutOff, Delivery::Unknown, detail))
            }
        };
        record.waited(waiting);
        self.land(flight, endpoint, record, &sent);
        let relayed = sent.and_then(|answer| relay(answer, record, &self.lasting.streams));
        relayed.map_err(|failure| {
            let failure = failure.about(endpoint.effect, asked.out_trade_no());
            failure.beside_proxy(self.unread_proxy.as_deref())
        })
    }

    /// Says once that callers leave something empty that is none of the default's: harmless, but seldom meant.
    fn tell_empty(&self, name: &str) {
        self.lasting.told_empty.call_once(|| {
            tracing::warn!(
                parameter = name,
                "a caller names this and leaves it empty; it counts as not sent"
            );
        });
    }

    /// A place among the calls in flight.
    fn place(&self, holder: Holder) -> Result<Place, Failure> {
        if self.lasting.shutdown.has_reached(Stage::Draining) {
            return Err(Failure::refused(Code::ShuttingDown, "no new calls are taken"));
        }
        self.places.take(holder)
    }
}

/// The time in QFPay's format for `txdtm`, at UTC+8: its samples print local time without a zone.
fn hong_kong_time() -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let now = OffsetDateTime::now_utc().to_offset(offset!(+8));
    now.format(format).expect("the format asks for what every time has")
}
