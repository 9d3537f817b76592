//! The wiring of the notification listener.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hyper::Request;
use hyper::body::Incoming;

use super::serve::all_free;
use super::{StartError, refusals, with_roots};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::notification::{self, Notifications};
use crate::receiver::Receivers;
use crate::server::{self, CutOff, Limits, Listener};

/// Prepares the service: from the keyring it takes what verifies, and nothing that signs.
pub(super) fn prepare(
    config: &Config,
    metrics: &Arc<Metrics>,
    draining: &Arc<AtomicBool>,
    cut_off: CutOff,
) -> Result<Notifications, StartError> {
    let settings = &config.notifications;
    let receivers = with_roots("notifications.ca_file", settings.ca_file.as_deref(), |roots| {
        Receivers::new(settings.receiver_timeout, roots)
    })?;
    let limits = notification::Limits {
        body_bytes: settings.body_bytes,
        body_timeout: config.limits.body_timeout,
        in_flight: config.limits.in_flight,
        remember: settings.remember,
    };
    let (metrics, draining) = (metrics.clone(), draining.clone());
    Ok(Notifications::new(config, limits, receivers, metrics, draining, cut_off))
}

/// Serves notifications like calls: what was handed to a receiver is finished, and nothing new is taken.
pub(super) async fn serve(
    notifications: Option<(Listener, Arc<Notifications>)>,
    places: u32,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let Some((listener, notifications)) = notifications else { return true };
    let in_flight = notifications.in_flight.clone();
    let handler = move |request: Request<Incoming>| {
        let notifications = notifications.clone();
        async move { Ok(notifications.handle(request).await) }
    };
    // QFPay opens a connection when it has something to say: one that idles is a stranger's.
    let limits = Limits { idle_timeout: limits.header_timeout, ..limits };
    let refuse = |refusal| refusals::tell("notifications", refusal);
    server::serve(listener, handler, refuse, limits, shutdown).await
        && all_free(&in_flight, places, limits).await
}
