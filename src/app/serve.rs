//! Serving, and the order of the end: new calls are refused, those in flight finish or are told, then all else stops.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hyper::body::Body;
use hyper::{Request, Response};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::sandbox::serve_sandbox;
use super::{Sidecar, notifications, refusals};
use crate::admin::Admin;
use crate::api;
use crate::runtime;
use crate::server::{
    CloseConnection, Limits, Listener, Peer, Refusal, RequestBody, Server, SharedSocket, Shutdown, Stage,
};
use crate::systemd::Manager;

impl Sidecar {
    /// Serves until `stop` completes, then finishes what is in flight.
    ///
    /// Returns whether everything was finished within `limits.shutdown_timeout_ms`.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> bool {
        // Before anything is accepted, and before there is another worker: a number in doubt must not go a second time.
        self.services.get().api.take_up_doubts();
        // What runs beside the listeners holds the services, and ends with this future.
        let mut beside = JoinSet::new();
        beside.spawn(self.manager.beat());
        // Probes and the sandbox are served until the last call has ended. No payment depends on a request that comes then.
        let last = Shutdown::new();
        let at_once = Limits { grace_period: Duration::ZERO, ..self.limits };
        if let Some((listener, sandbox)) = self.sandbox {
            let services = self.services.clone();
            let hosts = move || services.get().hosts.clone();
            let serving = serve_sandbox(listener, sandbox, hosts, at_once, last.clone());
            beside.spawn(async move {
                serving.await;
            });
        }
        let admin = self.admin_listener.map(|listener| {
            let admin = Admin {
                metrics: self.lasting.api.metrics.clone(),
                shutdown: self.lasting.api.shutdown.clone(),
                reload: self.reload,
            };
            let services = self.services.clone();
            let handler = move |request: Box<Request<RequestBody>>, peer: Peer| {
                let (admin, hosts) = (admin.clone(), services.get().hosts.clone());
                async move { Ok(admin.handle(*request, &peer, &hosts).await) }
            };
            let refuse = |refusal| refusals::tell("admin", refusal);
            let server = Server::new(handler, refuse, at_once, last.clone());
            tokio::spawn(async move { server.serve(listener).await })
        });

        if let Some(reloader) = self.reloader {
            beside.spawn(reloader.run(self.manager.clone()));
        }
        let services = self.services.clone();
        beside.spawn(api::pursue_all(self.lasting.api.clone(), move || services.get()));
        let services = self.services.clone();
        let handler = move |request: Box<Request<RequestBody>>, peer: Peer| {
            let services = services.get();
            async move { Ok(services.api.handle(request, &peer).await) }
        };
        let metrics = self.lasting.api.metrics.clone();
        let refuse = move |refusal| refusals::count(&metrics, refusal);
        let shutdown = self.lasting.api.shutdown.clone();
        let last_services = self.services.clone();
        let stopped = async {
            stop.await;
            // First, so that the status told with STOPPING is that of the end: an idle process is gone a moment later.
            shutdown.begin(last_services.get().shutdown_timeout);
            self.manager.stopping();
        };
        let server = Server::new(handler, refuse, self.limits, shutdown.clone());
        let others = further_workers(self.workers, &server, &self.api_listeners, &self.manager);
        let calls = async {
            let mut finished = serve_all(&server, self.api_listeners).await;
            for other in others {
                finished &= other.await.unwrap_or(false);
            }
            finished
        };
        let notifications =
            notifications::serve(self.notification_listener, self.services, self.limits, shutdown.clone());
        let (calls, notifications, ()) = tokio::join!(calls, notifications, stopped);
        last.begin(Duration::ZERO);
        if let Some(admin) = admin {
            // Its socket file is removed once it has ended.
            let _ = admin.await;
        }
        if let Some(journal) = &self.lasting.api.journal {
            journal.finish().await;
        }
        calls && notifications && !shutdown.has_reached(Stage::CutOff)
    }
}

/// Serves several listening sockets in one runtime, with one limit of connections.
async fn serve_all<H, R, F, B>(server: &Server<H, R>, listeners: Vec<Listener>) -> bool
where
    H: Fn(Box<Request<RequestBody>>, Peer) -> F + Send + Sync + 'static,
    R: Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let finished = join_all(listeners.into_iter().map(|listener| server.serve(listener))).await;
    finished.into_iter().all(|finished| finished)
}

/// Starts all workers but the first. A start that fails, or a defect in one, leaves its share of the callers to the others.
fn further_workers<H, R, F, B>(
    workers: usize,
    server: &Server<H, R>,
    listeners: &[Listener],
    manager: &Manager,
) -> Vec<oneshot::Receiver<bool>>
where
    H: Fn(Box<Request<RequestBody>>, Peer) -> F + Send + Sync + 'static,
    R: Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let start = |number| {
        let server = server.clone();
        let sockets = listeners.iter().map(Listener::share).collect::<io::Result<Vec<_>>>()?;
        let beat = manager.beat();
        runtime::worker(number, move || async move {
            tokio::spawn(beat);
            match sockets.into_iter().map(SharedSocket::listen).collect() {
                Ok(listeners) => serve_all(&server, listeners).await,
                Err(error) => {
                    tracing::error!(%error, worker = number, "a worker cannot listen");
                    true
                }
            }
        })
    };
    let started = (1..workers).map(|number| {
        start(number).inspect_err(|error| tracing::error!(%error, worker = number, "a worker did not start"))
    });
    started.flatten().collect()
}
