//! The listener for QFPay's notifications: verified over their raw bytes, handed to the shop's receiver, and
//! acknowledged only when the receiver has acknowledged.
//!
//! Nothing in here can sign: a route holds verifiers. What is kept in the journal is not delivered by itself: whatever goes wrong is
//! told to QFPay as a failure, and QFPay's own schedule sends the notification again.

mod access_log;
mod lasting;
mod memory;
mod networks;
mod on_record;
mod paths;
mod replay;
mod settings;
mod source;
mod under_way;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use hyper::http::{HeaderMap, HeaderName, HeaderValue, request};
use hyper::{Method, Request, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::body;
use crate::caller::{REQUEST_ID_HEADER, RequestId};
use crate::credentials::{Keyring, SignType};
use crate::error::{Code, Failure};
use crate::gate::{self, Hosts};
use crate::headers;
use crate::receiver::Receivers;
use crate::server::{Peer, RequestBody, Stage};
use crate::sign::VerifiedNotification;
use crate::upstream::Delivery;
use access_log::Record;
pub use lasting::Lasting;
use memory::{Fingerprint, fingerprint};
pub use networks::{BadNetwork, Networks};
use paths::{Path, Route};
pub use replay::{Replay, Taken};
pub use settings::{Duplicates, RouteSettings, Settings};

/// Tells the receiver which app's key verified the notification.
const VERIFIED_HEADER: HeaderName = HeaderName::from_static("x-sidecar-verified");
/// Tells the receiver that it acknowledged these bytes before.
const DUPLICATE_HEADER: HeaderName = HeaderName::from_static("x-sidecar-duplicate");

/// Everything that a notification needs: what the configuration says, which a reload replaces as a whole, beside what lives
/// on.
#[derive(Debug)]
pub struct Notifications {
    paths: Vec<Path>,
    bodies: body::Bounds,
    hosts: Hosts,
    trusted_proxies: Networks,
    receivers: Receivers,
    lasting: Arc<Lasting>,
}

impl Notifications {
    /// Prepares the routes. From the keyring it takes what verifies, and keeps nothing that signs. `hosts` are further ones
    /// under which the listener is reached.
    pub fn new(
        routes: &[RouteSettings],
        settings: &Settings,
        keyring: &Keyring,
        receivers: Receivers,
        bodies: body::Bounds,
        hosts: Hosts,
        lasting: Arc<Lasting>,
    ) -> Self {
        Self {
            paths: Path::all(routes, keyring),
            bodies,
            hosts,
            trusted_proxies: settings.trusted_proxies.clone(),
            receivers,
            lasting,
        }
    }

    /// Answers one request, whatever it is, and writes its line in the log.
    ///
    /// A panic becomes an answer. As with calls, a sender that hangs up does not cancel what the receiver is already doing.
    pub async fn handle(&self, request: Request<RequestBody>, peer: &Peer) -> Response<Full<Bytes>> {
        // A fresh id: outsiders reach this listener, and do not choose what stands in the log.
        let request_id = RequestId::fresh();
        let mut record = Record::new(request_id.clone());
        let answered = AssertUnwindSafe(self.answer(request, peer, &mut record)).catch_unwind().await;
        let answered = answered.unwrap_or_else(|_panic| {
            let detail = "the notification ended in a defect of the sidecar";
            Err(Failure::on_the_way(Code::Internal, Delivery::Unknown, detail))
        });
        record.write(&self.lasting.metrics, answered.as_ref().err());
        let mut response = match answered {
            Ok(()) => success(),
            // The connection of a refused sender is not kept; QFPay opens a new one for its next notification anyway.
            Err(failure) => {
                let mut response = failure.into_response(&request_id).map(Full::new);
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        response.headers_mut().insert(REQUEST_ID_HEADER, request_id.into_header());
        response
    }

    /// The life of a notification, in order. `Ok` is the acknowledgement, and the receiver's answer is the only way
    /// there, now or at an earlier time.
    async fn answer(
        &self,
        request: Request<RequestBody>,
        peer: &Peer,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let (head, body) = request.into_parts();
        record.signed = head.headers.contains_key(headers::SIGN_HEADER);
        gate::admit(&head, peer, &self.hosts)?;
        let path = self.path(&head)?;
        record.route = path.path.clone();
        record.source = source::address(peer.address, &head.headers, &self.trusted_proxies);
        path.check_source(record.source)?;
        let received = headers::signature(&head.headers, SignType::Md5)?;
        body::has_length(&head)?;
        let body::Whole { bytes: body, memory: _memory } = body::read(body, &self.bodies).await?;
        if body.is_empty() {
            return Err(Failure::refused(Code::BodyEmpty, "the notification has no body"));
        }
        if !VerifiedNotification::may_be(&body) {
            return Err(Failure::refused(Code::NotificationNotJson, "the body does not begin with '{'"));
        }
        let notification = path.verified(body, &received)?;
        record.app = notification.app().to_owned();
        let routed = path.route(&notification);
        if let Ok(route) = &routed {
            record.route = route.label.clone();
            route.check_source(record.source)?;
        }
        let fingerprint = fingerprint(&path.path, notification.app(), notification.body());
        let ticket = self.lasting.put_on_record(&notification, &path.path, fingerprint, record).await?;
        let delivered = match routed {
            Ok(route) => self.deliver(route, &notification, fingerprint, record).await,
            Err(unrouted) => Err(unrouted),
        };
        if !record.absorbed {
            self.lasting.attempted(ticket.as_ref(), record, delivered.as_ref().copied()).await;
        }
        delivered
    }

    /// Hands a notification to the receiver of its route, unless that has acknowledged it before.
    async fn deliver(
        &self,
        route: &Route,
        notification: &VerifiedNotification,
        fingerprint: Fingerprint,
        record: &mut Record,
    ) -> Result<(), Failure> {
        if self.absorbs(route, &fingerprint, record) {
            return Ok(());
        }
        // Only now: an unsigned notification takes up no place, and copies of one notification take one.
        let Some(copy) = self.lasting.under_way.join(fingerprint) else {
            return Err(Failure::refused(
                Code::Busy,
                "copies of this notification are waiting for their delivery",
            ));
        };
        let _turn = tokio::select! {
            turn = copy.turn() => turn,
            () = self.lasting.shutdown.reached(Stage::CutOff) => {
                let detail = "another copy was still with the receiver at limits.shutdown_timeout_ms";
                return Err(Failure::refused(Code::ShuttingDown, detail));
            }
        };
        if self.absorbs(route, &fingerprint, record) {
            return Ok(());
        }
        let _permit = self.permit()?;
        let headers = to_receiver(notification, record);
        let (to, acknowledge) = (&route.config.receiver_url, route.config.acknowledge);
        tokio::select! {
            delivered = self.receivers.deliver(to, notification, headers, acknowledge) => delivered?,
            () = self.lasting.shutdown.reached(Stage::CutOff) => {
                let detail = "the receiver had not answered at limits.shutdown_timeout_ms";
                return Err(Failure::on_the_way(Code::CutOff, Delivery::Unknown, detail));
            }
        }
        self.lasting.memory.remember(fingerprint);
        Ok(())
    }

    /// Whether it was acknowledged before, and that is the end of it.
    fn absorbs(&self, route: &Route, fingerprint: &Fingerprint, record: &mut Record) -> bool {
        record.duplicate = self.lasting.memory.knows(fingerprint);
        record.absorbed = record.duplicate && route.config.duplicates == Duplicates::Absorb;
        record.absorbed
    }

    /// The path of a request. The query plays no part: it is not signed.
    fn path(&self, head: &request::Parts) -> Result<&Path, Failure> {
        let path = self.paths.iter().find(|path| path.path == head.uri.path());
        let unknown = || Failure::refused(Code::NotificationPathUnknown, "no route has this path");
        let path = path.ok_or_else(unknown)?;
        match head.method == Method::POST {
            true => Ok(path),
            false => Err(Failure::method_not_allowed("POST")),
        }
    }

    /// A place among the deliveries.
    fn permit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        if self.lasting.shutdown.has_reached(Stage::Draining) {
            return Err(Failure::refused(Code::ShuttingDown, "no new notifications are taken"));
        }
        let permit = self.lasting.in_flight.clone().try_acquire_owned();
        permit.map_err(|_| Failure::refused(Code::Busy, "limits.in_flight is reached"))
    }
}

/// The receiver's headers, all made here. Nothing of the sender's passes, since no header is signed: whatever spelling of
/// `X-Sidecar-Verified` a stranger sends, the receiver sees ours alone; and with a form's Content-Type a value such as
/// `goods_name` would be read as other fields.
fn to_receiver(notification: &VerifiedNotification, record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let app = HeaderValue::from_str(notification.app());
    headers.insert(VERIFIED_HEADER, app.expect("names of apps are lower-case letters, digits, '_' and '-'"));
    headers.insert(REQUEST_ID_HEADER, record.request_id.clone().into_header());
    if record.duplicate {
        headers.insert(DUPLICATE_HEADER, HeaderValue::from_static("true"));
    }
    headers
}

/// What QFPay wants to hear (CAM, asynchronous notifications).
fn success() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"SUCCESS")));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
