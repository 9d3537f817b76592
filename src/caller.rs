//! Who calls: the id of the request, whether it comes from a web page, and which app it wants to sign.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::http::header::{HOST, HeaderName, ORIGIN, REFERER};
use hyper::http::uri::Authority;
use hyper::http::{HeaderMap, HeaderValue};

use crate::credentials::{App, Keyring};
use crate::endpoint::Endpoint;
use crate::outbound::APP_CODE_HEADER;
use crate::sign::Params;

/// Carries a caller's own request id in.
const REQUEST_ID_IN: &str = "x-request-id";
/// Carries the request id back.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-sidecar-request-id");
/// What browsers say about the page that made a request.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// By which a request is found again in logs and answers.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's `X-Request-Id` where it is 1 to 64 letters, digits, `_ . -`; otherwise a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        match headers.get(REQUEST_ID_IN) {
            Some(id) if (1..=64).contains(&id.len()) && id.as_bytes().iter().all(legal) => Self(id.clone()),
            _ => Self::fresh(),
        }
    }

    /// A new one, for senders that are not asked.
    pub fn fresh() -> Self {
        let made = uuid::Uuid::new_v4().simple().to_string();
        Self(HeaderValue::from_str(&made).expect("hex digits are visible ASCII"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id for [`REQUEST_ID_HEADER`].
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a caller is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallerError {
    /// Localhost is no trust boundary: any web page that someone on this machine opens can send forms to it.
    #[error("the request carries a {0} header, which only browsers send")]
    Browser(&'static str),
    /// A name of somebody else's that points at this machine: DNS rebinding.
    #[error(
        "the Host header must be there once and be an IP address, localhost or a name in listen.allowed_hosts"
    )]
    Host,
    /// There is no such app.
    #[error("no configured app has the app_code that the request names")]
    UnknownApp,
    /// Header and parameter, or two parameters, disagree.
    #[error("X-QF-APPCODE, app_code and appcode do not name the same app")]
    AppConflict,
}

/// Refuses requests that a web page made. Not for URLs that customers open: those hold no more than the shop gave out.
///
/// # Errors
/// [`CallerError::Browser`] names the header that gave it away.
pub fn refuse_web_pages(headers: &HeaderMap) -> Result<(), CallerError> {
    if headers.contains_key(ORIGIN) {
        return Err(CallerError::Browser("Origin"));
    }
    // What an image on a page sends, where the browser does not say Sec-Fetch-Site.
    if headers.contains_key(REFERER) {
        return Err(CallerError::Browser("Referer"));
    }
    // "none" is a person who typed the address.
    if headers.get_all(SEC_FETCH_SITE).iter().any(|site| site != "none") {
        return Err(CallerError::Browser("Sec-Fetch-Site"));
    }
    Ok(())
}

/// Refuses requests for a host that is not this sidecar: a web page can point a name of its own at 127.0.0.1, and its
/// requests are then of one origin, without `Origin` or `Sec-Fetch-Site`. It cannot make the browser send an IP address.
///
/// # Errors
/// [`CallerError::Host`] unless there is exactly one `Host` with an address, `localhost` or an allowed name.
pub fn refuse_foreign_hosts(headers: &HeaderMap, allowed: &[String]) -> Result<(), CallerError> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(CallerError::Host) };
    let authority =
        host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()).ok_or(CallerError::Host)?;
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let known = address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
    if known && !authority.as_str().contains('@') { Ok(()) } else { Err(CallerError::Host) }
}

/// The app that the caller names by its `app_code`, in the header or as a parameter; else the default app.
///
/// # Errors
/// [`CallerError`] when no app has that code, or when the places disagree.
pub fn choose_app<'k>(
    keyring: &'k Keyring,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    params: &Params,
) -> Result<&'k Arc<App>, CallerError> {
    let mut named = None;
    // Spelt X_QF_APPCODE it means the same to PHP, whose shops may have sent it that way for years.
    let alike =
        headers.iter().filter(|(name, _)| name.as_str().replace('_', "-") == APP_CODE_HEADER.as_str());
    let in_headers = alike.map(|(_, value)| value.as_bytes());
    let in_params =
        endpoint.app_code_parameters().iter().filter_map(|name| params.get(name)).map(str::as_bytes);
    for code in in_headers.chain(in_params).filter(|code| !code.is_empty()) {
        match named {
            Some(other) if other != code => return Err(CallerError::AppConflict),
            _ => named = Some(code),
        }
    }
    match named {
        None => Ok(keyring.default_app()),
        Some(code) => std::str::from_utf8(code)
            .ok()
            .and_then(|code| keyring.by_code(code))
            .ok_or(CallerError::UnknownApp),
    }
}
