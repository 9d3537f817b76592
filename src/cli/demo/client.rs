//! A caller as a shop would be one: plain HTTP, no key, no signature.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::HeaderMap;
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::cli::Stop;

/// Calls the sidecar, and the pages to which it redirects.
pub(super) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    api: String,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Reply {
    /// A header as text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A text member of the JSON body.
    pub(super) fn member(&self, name: &str) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        Some(json.get(name)?.as_str()?.to_owned())
    }
}

impl Client {
    pub(super) fn new(api: String) -> Self {
        Self { http: HttpClient::builder(TokioExecutor::new()).build_http(), api }
    }

    /// GET of a path on the sidecar, or of a whole URL.
    pub(super) async fn get(&self, target: &str) -> Result<Reply, Stop> {
        self.send(Method::GET, target, None).await
    }

    /// POST of a form to a path on the sidecar.
    pub(super) async fn post(&self, target: &str, form: &str) -> Result<Reply, Stop> {
        self.send(Method::POST, target, Some(form)).await
    }

    async fn send(&self, method: Method, target: &str, form: Option<&str>) -> Result<Reply, Stop> {
        let url = if target.starts_with('/') { format!("{}{target}", self.api) } else { target.to_owned() };
        let failed = |what: &dyn std::fmt::Display| Stop::Failed(format!("{method} {url}: {what}"));
        let mut request = Request::builder().method(&method).uri(&url);
        if form.is_some() {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            request = request.header(CONTENT_TYPE, kind);
        }
        let body = Full::new(Bytes::from(form.unwrap_or("").to_owned()));
        let request = request.body(body).map_err(|error| failed(&error))?;
        let (head, body) = self.http.request(request).await.map_err(|error| failed(&error))?.into_parts();
        #[expect(clippy::disallowed_methods, reason = "it is the product's own answer, bounded by it")]
        let body = body.collect().await.map_err(|error| failed(&error))?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}
