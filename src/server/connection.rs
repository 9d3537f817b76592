//! One connection: its requests go to the handler one by one, and however it ends, it is seen off.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::Either;
use hyper::body::{Body, Incoming};
use hyper::http::header::CONNECTION;
use hyper::http::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;

use super::budget::Budget;
use super::crowd::Crowd;
use super::entrance::Arrival;
use super::head::Seen;
use super::listener::Peer;
use super::parting::see_off;
use super::progress::{Progress, Times};
use super::unsent::Unsent;
use super::watch::{Watched, WatchedBody};
use super::{CloseConnection, HiddenTarget, Limits, Refusal, Shutdown, Stage};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What the connections of a listener have in common.
pub(super) struct Service<H, R> {
    handler: Arc<H>,
    refuse: Arc<R>,
    limits: Limits,
    /// Who is connected.
    pub(super) crowd: Arc<Crowd>,
    shutdown: Shutdown,
    large_requests: Arc<Budget>,
    graceful: GracefulShutdown,
}

impl<H, R, F, B> Service<H, R>
where
    H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    R: Fn(Refusal) -> Response<Bytes> + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(handler: H, refuse: R, limits: Limits, shutdown: Shutdown) -> Self {
        Self {
            handler: Arc::new(handler),
            refuse: Arc::new(refuse),
            limits,
            crowd: Crowd::new(limits.connections),
            shutdown,
            large_requests: Budget::new(limits.large_requests_bytes),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Serves a connection in a task of its own.
    pub(super) fn open(&self, Arrival { connection, peer, place }: Arrival) {
        let times = Times { head: self.limits.header_timeout, idle: self.limits.idle_timeout };
        let progress = Progress::new(&self.large_requests);
        let member = self.crowd.join(progress.clone(), place);
        let unsent = Unsent::default();
        let (connection, brings_back) = Watched::new(connection, times, progress.clone(), unsent.clone());
        let requests = Requests {
            handler: self.handler.clone(),
            peer,
            progress: progress.clone(),
            unsent,
            crowd: self.crowd.clone(),
            shutdown: self.shutdown.clone(),
            keep_alive: self.limits.keep_alive(),
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None) // `Watched` tells a slow head from an idle connection
            .max_headers(self.limits.headers)
            .max_buf_size(self.limits.head_bytes)
            .half_close(true) // a caller that has sent everything may still wait for its answer
            .serve_connection(connection, service_fn(move |request| requests.answer(request)));
        // What comes during the grace period is closed by its first answer. To hyper's own end it would be a connection that
        // has not said anything, which is closed without looking whether a request has come meanwhile.
        let connection = match self.shutdown.has_reached(Stage::Draining) {
            false => Either::Left(self.graceful.watch(connection)),
            true => Either::Right(connection),
        };
        let (refuse, shutdown) = (self.refuse.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                biased; // a connection that is let go must not read on
                () = progress.is_let_go() => None,
                ended = connection => Some(ended),
            };
            if let Some(Err(error)) = &ended {
                tracing::debug!(%error, "connection ended early");
            }
            see_off(ended, shutdown.has_reached(Stage::Draining), brings_back, &progress, member, &*refuse)
                .await;
        });
    }

    /// Closes idle connections, and completes when nobody is left.
    pub(super) async fn end(self) {
        self.graceful.shutdown().await;
        self.crowd.has_gone().await;
    }
}

/// The requests of one connection, between hyper and the handler.
struct Requests<H> {
    handler: Arc<H>,
    peer: Peer,
    progress: Progress,
    unsent: Unsent,
    crowd: Arc<Crowd>,
    shutdown: Shutdown,
    keep_alive: Option<HeaderValue>,
}

impl<H> Requests<H> {
    /// Tells the handler what hyper does not, and the caller how long the connection is kept.
    fn answer<F, B>(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<WatchedBody<B>>, CloseConnection>> + use<H, F, B>
    where
        H: Fn(Request<Incoming>) -> F,
        F: Future<Output = Result<Response<B>, CloseConnection>>,
    {
        request.extensions_mut().insert(self.peer);
        let seen = self.progress.begins(&request);
        let hidden = match seen {
            Some(Seen::Fragment) => Some(HiddenTarget::Fragment),
            Some(Seen::NotWhole) => Some(HiddenTarget::Pipelined),
            Some(Seen::Whole | Seen::Ambiguous) | None => None,
        };
        if let Some(hidden) = hidden {
            request.extensions_mut().insert(hidden);
        }
        let (handler, progress, unsent) = (self.handler.clone(), self.progress.clone(), self.unsent.clone());
        let (crowd, shutdown, keep_alive) =
            (self.crowd.clone(), self.shutdown.clone(), self.keep_alive.clone());
        async move {
            if matches!(seen, None | Some(Seen::Ambiguous)) {
                return Err(CloseConnection);
            }
            progress.is_first().await;
            let answered = handler(request).await?;
            if !progress.answered() {
                return Err(CloseConnection);
            }
            let last = crowd.is_short();
            if last {
                progress.is_last();
            }
            let mut response = answered.map(|body| WatchedBody::new(body, progress, unsent));
            let headers = response.headers_mut();
            if last || shutdown.has_reached(Stage::Draining) {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            } else {
                headers.extend(keep_alive.map(|hint| (KEEP_ALIVE, hint)));
            }
            Ok(response)
        }
    }
}
