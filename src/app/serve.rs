//! Serving, and the order of the end: new calls are refused, those in flight finish or are told, then all else stops.

use std::time::Duration;

use hyper::Request;

use super::stand_in::serve_sandbox;
use super::{Sidecar, notifications, refusals};
use crate::server::{self, Limits, Peer, RequestBody, Shutdown, Stage};

impl Sidecar {
    /// Serves until `stop` completes, then finishes what is in flight.
    ///
    /// Returns whether everything was finished within `limits.shutdown_timeout_ms`.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> bool {
        // Probes and the sandbox are served until the last call has ended. No payment depends on a request that comes then.
        let last = Shutdown::new();
        let at_once = Limits { grace_period: Duration::ZERO, ..self.limits };
        if let Some((listener, sandbox)) = self.sandbox {
            let hosts = self.admin.hosts.clone();
            tokio::spawn(serve_sandbox(listener, sandbox, hosts, at_once, last.clone()));
        }
        let admin = self.admin_listener.map(|listener| {
            let admin = self.admin;
            let handler = move |request: Request<RequestBody>, peer: Peer| {
                let response = admin.handle(&request.into_parts().0, &peer);
                async move { Ok(response) }
            };
            let refuse = |refusal| refusals::tell("admin", refusal);
            tokio::spawn(server::serve(listener, handler, refuse, at_once, last.clone()))
        });

        let api = self.api.clone();
        let handler = move |request: Request<RequestBody>, peer: Peer| {
            let api = api.clone();
            async move { Ok(api.handle(request, &peer).await) }
        };
        let metrics = self.api.metrics.clone();
        let refuse = move |refusal| refusals::count(&metrics, refusal);
        let shutdown = self.shutdown;
        let stopped = async {
            stop.await;
            shutdown.begin(self.shutdown_timeout);
        };
        let calls = server::serve(self.api_listener, handler, refuse, self.limits, shutdown.clone());
        let notifications = notifications::serve(self.notifications, self.limits, shutdown.clone());
        let (calls, notifications, ()) = tokio::join!(calls, notifications, stopped);
        last.begin(Duration::ZERO);
        if let Some(admin) = admin {
            // Its socket file is removed once it has ended.
            let _ = admin.await;
        }
        calls && notifications && !shutdown.has_reached(Stage::CutOff)
    }
}
