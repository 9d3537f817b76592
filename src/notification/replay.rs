//! Posting again what is on record and was never acknowledged: the same bytes, by the routes of today.

use hyper::http::header::CONTENT_TYPE;
use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use super::paths::{Path, Route};
use super::{DUPLICATE_HEADER, RouteSettings, VERIFIED_HEADER};
use crate::caller::{REQUEST_ID_HEADER, RequestId};
use crate::credentials::Keyring;
use crate::receiver::{ReceiverError, Receivers};
use crate::sign::VerifiedNotification;

/// Tells the receiver that this was kept, and does not come from QFPay right now.
const REPLAY_HEADER: HeaderName = HeaderName::from_static("x-sidecar-replay");

/// The routes and the way to receivers, without a listener.
#[derive(Debug)]
pub struct Replay {
    paths: Vec<Path>,
    receivers: Receivers,
}

/// The route that a notification takes.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'r>(&'r Route);

impl Taken<'_> {
    /// What it is called in logs and metrics.
    pub fn label(&self) -> &str {
        &self.0.label
    }
}

impl Replay {
    /// Prepares the routes.
    pub fn new(routes: &[RouteSettings], keyring: &Keyring, receivers: Receivers) -> Self {
        Self { paths: Path::all(routes, keyring), receivers }
    }

    /// The route of what came to this path, if one takes it today.
    pub fn route(&self, path: &str, notification: &VerifiedNotification) -> Option<Taken<'_>> {
        let path = self.paths.iter().find(|known| known.path == path)?;
        path.route(notification).ok().map(Taken)
    }

    /// Posts it to the receiver once.
    ///
    /// # Errors
    /// [`ReceiverError`] for everything but an acknowledgement.
    pub async fn post(
        &self,
        to: Taken<'_>,
        notification: &VerifiedNotification,
        request_id: &RequestId,
        acknowledged: bool,
    ) -> Result<(), ReceiverError> {
        let yes = HeaderValue::from_static("true");
        let app = HeaderValue::from_str(notification.app());
        let mut headers = HeaderMap::with_capacity(5);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(VERIFIED_HEADER, app.expect("it was an app's name when it was put on record"));
        headers.insert(REQUEST_ID_HEADER, request_id.clone().into_header());
        headers.insert(REPLAY_HEADER, yes.clone());
        if acknowledged {
            headers.insert(DUPLICATE_HEADER, yes);
        }
        let config = &to.0.config;
        self.receivers.deliver(&config.receiver_url, notification, headers, config.acknowledge).await
    }
}
