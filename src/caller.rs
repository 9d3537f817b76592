//! Who calls: the id of the request, and which app it wants to sign.

use std::fmt;
use std::sync::Arc;

use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use crate::credentials::{App, Keyring};
use crate::endpoint::Endpoint;
use crate::outbound::APP_CODE_HEADER;
use crate::sign::Params;

/// Carries a caller's own request id in.
const REQUEST_ID_IN: &str = "x-request-id";
/// Carries the request id back.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-sidecar-request-id");

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
    /// There is no such app.
    #[error("no configured app has the app_code that the request names")]
    UnknownApp,
    /// Header and parameter, or two parameters, disagree.
    #[error("X-QF-APPCODE, app_code and appcode do not name the same app")]
    AppConflict,
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
