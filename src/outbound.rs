//! The one thing that can be sent to QFPay: a signed request.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HOST};
use hyper::http::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};

use crate::base_url::UpstreamUrl;
use crate::credentials::{App, SignType};
use crate::decode::Place;
use crate::endpoint::Endpoint;
use crate::headers;
use crate::sign::{Params, Signer};

pub use crate::headers::{SIGN_HEADER, SIGN_TYPE_HEADER};

/// QFPay's header for the `app_code`.
pub const APP_CODE_HEADER: HeaderName = HeaderName::from_static("x-qf-appcode");

/// A call of a caller's, ready to be signed.
#[derive(Debug)]
pub struct Call {
    /// Who signs.
    pub app: Arc<App>,
    /// What is called.
    pub endpoint: &'static Endpoint,
    /// The raw path, already matched.
    pub path: String,
    /// The caller's method.
    pub method: Method,
    /// Where its parameters stood.
    pub place: Place,
    /// The parameters, after [`complete`].
    pub params: Params,
    /// The caller's headers; their map becomes the request's.
    pub headers: HeaderMap,
}

/// A request whose signature covers exactly the parameters that it carries. There is no other way to make one, and nothing
/// else can be sent:
///
/// ```
/// # use qfpay_sidecar::{outbound::SignedRequest, upstream::Upstream};
/// async fn send(upstream: &Upstream, request: SignedRequest) {
///     let _ = upstream.send(request, upstream.deadline()).await;
/// }
/// ```
///
/// ```compile_fail
/// # use qfpay_sidecar::{outbound::SignedRequest, upstream::Upstream};
/// async fn send(upstream: &Upstream, request: hyper::Request<http_body_util::Full<bytes::Bytes>>) {
///     let _ = upstream.send(request, upstream.deadline()).await;
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// In a box, since it is handed on through every step of a call.
    request: Box<Request<Full<Bytes>>>,
}

/// The parameters do not fit into a URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the parameters are too long for a URL")]
pub struct TooLongForUrl;

/// Adds the merchant by QFPay's rule: always when one was issued and the endpoint takes one, unless the caller sent it.
/// `merchant` is the caller's, else the app's.
pub fn complete(mut params: Params, merchant: Option<&str>, endpoint: &Endpoint) -> Params {
    if let (Some(merchant), Some(name)) = (merchant, endpoint.merchant_parameter())
        && params.get(name).is_none()
    {
        params.set(name, merchant);
    }
    params
}

impl SignedRequest {
    /// Signs a call. One [`Params`] feeds both the hash and the wire.
    ///
    /// # Errors
    /// [`TooLongForUrl`] when the parameters stand in the query and exceed what a URL can hold.
    pub fn new(call: Call, base: &UpstreamUrl) -> Result<Self, TooLongForUrl> {
        let app = &call.app;
        let signer = Signer { key: &app.client_key, sign_type: app.sign_type };
        let signature = signer.sign_params(&call.params).to_hex(app.hex_case);
        let encoded = call.params.to_form();

        let mut headers = headers::to_upstream(call.headers);
        headers.insert(HOST, base.host_header());
        headers.insert(APP_CODE_HEADER, secret(app.app_code.as_str().to_owned()));
        headers.insert(SIGN_HEADER, secret(signature));
        if app.sign_type == SignType::Sha256 {
            headers.insert(SIGN_TYPE_HEADER, secret(app.sign_type.as_str().to_owned()));
        }
        // Answers come back byte for byte, so none may be compressed on the way.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));

        let (target, body) = match call.place {
            Place::Query if encoded.is_empty() => (call.path, Bytes::new()),
            Place::Query => ([&call.path, "?", &encoded].concat(), Bytes::new()),
            Place::Form => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
                (call.path, Bytes::from(encoded))
            }
        };
        let mut request = Box::new(Request::new(Full::new(body)));
        *request.method_mut() = call.method;
        *request.uri_mut() = Uri::try_from(target).map_err(|_| TooLongForUrl)?;
        *request.headers_mut() = headers;
        Ok(Self { request })
    }

    /// The request, for the only module that sends.
    pub(crate) fn into_request(self) -> Box<Request<Full<Bytes>>> {
        self.request
    }
}

/// A header value from text of our own making.
fn secret(value: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(value).expect("app codes and hex digits are visible ASCII");
    value.set_sensitive(true);
    value
}
