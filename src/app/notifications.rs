//! Serving QFPay's notifications.

use hyper::Request;

use super::refusals;
use super::services::Current;
use crate::server::{CloseConnection, Limits, Listener, Peer, RequestBody, Server, Shutdown};

/// Serves notifications like calls: what was handed to a receiver is finished, and nothing new is taken.
pub(super) async fn serve(
    listener: Option<Listener>,
    services: Current,
    limits: Limits,
    shutdown: Shutdown,
) -> bool {
    let Some(listener) = listener else { return true };
    let handler = move |request: Box<Request<RequestBody>>, peer: Peer| {
        let services = services.get();
        async move {
            match &services.notifications {
                Some(notifications) => Ok(notifications.handle(*request, &peer).await),
                // Whether there is a listener is of the start, and so are its routes.
                None => Err(CloseConnection),
            }
        }
    };
    // QFPay opens a connection when it has something to say: one that idles is a denied's.
    let limits = Limits { idle_timeout: limits.header_timeout, ..limits };
    let refuse = |refusal| refusals::tell("notifications", refusal);
    Server::new(handler, refuse, limits, shutdown).serve(listener).await
}
