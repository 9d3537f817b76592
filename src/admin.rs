//! The listener for operators: is it alive, is it ready, what has it done; and reading the configuration again.

mod reload;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::HeaderValue;
use hyper::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY};
use hyper::{Method, Request, Response, StatusCode};

use crate::error::Failure;
use crate::gate::{self, Hosts};
use crate::metrics::Metrics;
use crate::server::{Peer, Shutdown, Stage};
pub use reload::{Asked, Outcome, Reload};

/// What the probes look at.
#[derive(Clone, Debug)]
pub struct Admin {
    /// What `/metrics` prints.
    pub metrics: Arc<Metrics>,
    /// As soon as it begins `/readyz` fails, so that no new calls are sent here.
    pub shutdown: Shutdown,
    /// Reads the configuration again, where there is one to read.
    pub reload: Option<Reload>,
}

impl Admin {
    /// Answers `/livez`, `/readyz`, `/metrics` and `/reload`, without reading a body. `hosts` are further ones under which
    /// probes and scrapers reach it.
    pub async fn handle<B>(&self, request: Request<B>, peer: &Peer, hosts: &Hosts) -> Response<Full<Bytes>> {
        let (head, _) = request.into_parts();
        if let Err(stranger) = gate::admit(&head, peer, hosts) {
            let failure = Failure::from(stranger);
            tracing::warn!(detail = failure.detail(), "a request to the admin listener was refused");
            return failure.into_plain_text().map(Full::new);
        }
        match (&self.reload, head.uri.path()) {
            (Some(reload), "/reload") => return reload::respond(reload, &head, peer).await,
            (None, "/reload") => {
                return answer(StatusCode::NOT_FOUND, "this process does not reload: only `run` does\n");
            }
            _ => {}
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match head.uri.path() {
            "/livez" => answer(StatusCode::OK, "alive\n"),
            "/readyz" if self.shutdown.has_reached(Stage::Draining) => {
                answer(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
            }
            "/readyz" => answer(StatusCode::OK, "ready\n"),
            "/metrics" => {
                let accept: Vec<_> =
                    head.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
                let (kind, text) = self.metrics.answer(&accept.join(","));
                let mut response = answer(StatusCode::OK, text);
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                headers.insert(VARY, HeaderValue::from_static("Accept"));
                response
            }
            _ => answer(StatusCode::NOT_FOUND, "there are /livez, /readyz, /metrics and POST /reload\n"),
        }
    }
}

fn answer(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
