//! The wiring of the notification listener.

use std::sync::Arc;

use hyper::Request;

use super::{StartError, bodies, refusals, with_roots};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::notification::{self, Notifications};
use crate::receiver::Receivers;
use crate::server::{Limits, Listener, Peer, RequestBody, Server, Shutdown};

/// Prepares the service: from the keyring it takes what verifies, and nothing that signs.
pub(super) fn prepare(
    config: &Config,
    metrics: &Arc<Metrics>,
    shutdown: &Shutdown,
) -> Result<Notifications, StartError> {
    let settings = &config.notifications;
    let receivers = with_roots("notifications.ca_file", settings.ca_file.as_deref(), |roots| {
        Receivers::new(settings.receiver_timeout, roots)
    })?;
    let listener = notification::Listener {
        bodies: bodies(config, settings.body_bytes),
        in_flight: config.limits.in_flight,
        hosts: config.listen.allowed_hosts.clone(),
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
    };
    Ok(Notifications::new(&config.notification_routes, settings, &config.keyring, receivers, listener))
}

/// Serves notifications like calls: what was handed to a receiver is finished, and nothing new is taken.
pub(super) async fn serve(
    notifications: Option<(Listener, Arc<Notifications>)>,
    limits: Limits,
    shutdown: Shutdown,
) -> bool {
    let Some((listener, notifications)) = notifications else { return true };
    let handler = move |request: Request<RequestBody>, peer: Peer| {
        let notifications = notifications.clone();
        async move { Ok(notifications.handle(request, &peer).await) }
    };
    // QFPay opens a connection when it has something to say: one that idles is a denied's.
    let limits = Limits { idle_timeout: limits.header_timeout, ..limits };
    let refuse = |refusal| refusals::tell("notifications", refusal);
    Server::new(handler, refuse, limits, shutdown).serve(listener).await
}
