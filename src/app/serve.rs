//! Serving, and the order of the end: new calls are refused, those in flight finish or are told, then all else stops.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};

use super::stand_in::serve_sandbox;
use super::{Sidecar, notifications, refusals};
use crate::server::{self, Limits};

/// For answers to callers whose calls are given up at the end.
const TIME_TO_TELL: Duration = Duration::from_secs(1);

impl Sidecar {
    /// Serves until `shutdown` completes, then finishes what is in flight.
    ///
    /// Returns whether everything was finished within `limits.shutdown_timeout_ms`.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> bool {
        // Dropped at the end, when calls in flight need neither probes nor the sandbox any more.
        let (alive, ended) = watch::channel(());
        let end = || gone(ended.clone());
        // Nobody's money hangs on an answer of these two.
        let at_once = Limits { farewell: Duration::ZERO, ..self.limits };
        if let Some((listener, sandbox)) = self.sandbox {
            let hosts = self.admin.hosts.clone();
            tokio::spawn(serve_sandbox(listener, sandbox, hosts, at_once, end()));
        }
        let draining = self.admin.draining.clone();
        let admin = self.admin_listener.map(|listener| {
            let admin = self.admin;
            let handler = move |request: Request<Incoming>| {
                let response = admin.handle(&request.into_parts().0);
                async move { Ok(response) }
            };
            let refuse = |refusal| refusals::tell("admin", refusal);
            tokio::spawn(server::serve(listener, handler, refuse, at_once, end()))
        });

        let api = self.api.clone();
        let handler = move |request: Request<Incoming>| {
            let api = api.clone();
            async move { Ok(api.handle(request).await) }
        };
        let metrics = self.api.metrics.clone();
        let refuse = move |refusal| refusals::count(&metrics, refusal);
        let (open, closed) = watch::channel(());
        let shutdown = async move {
            shutdown.await;
            draining.store(true, Ordering::Relaxed);
            drop(open);
            // At the deadline calls are given up, and a moment is left in which their callers are told.
            tokio::spawn(async move {
                tokio::time::sleep(self.limits.drain).await;
                self.cut_off.send_replace(true);
            });
        };
        let until_told = Limits { drain: self.limits.drain + TIME_TO_TELL, ..self.limits };
        let calls = async {
            let drained = server::serve(self.api_listener, handler, refuse, until_told, shutdown).await;
            // Calls whose caller hung up have no connection any more, but their outcome is still awaited: at the latest
            // the deadline ends them.
            let _all = self.api.in_flight.acquire_many(self.in_flight).await;
            drained
        };
        let notifications =
            notifications::serve(self.notifications, self.in_flight, until_told, gone(closed));
        let (calls, notifications) = tokio::join!(calls, notifications);
        drop(alive);
        if let Some(admin) = admin {
            // Its socket file is removed once it has ended; a probe that hangs may not hold that up.
            let _ = tokio::time::timeout(TIME_TO_TELL, admin).await;
        }
        calls && notifications && !self.api.cut_off.is_reached()
    }
}

/// Completes when the sender is gone, which is the signal.
async fn gone(mut sender: watch::Receiver<()>) {
    // The error is what was waited for: nothing is ever sent.
    let _ = sender.changed().await;
}

/// Whether every place is free again in time.
pub(super) async fn all_free(places: &Semaphore, all: u32, limits: Limits) -> bool {
    tokio::time::timeout(limits.drain, places.acquire_many(all)).await.is_ok()
}
