//! Who calls: the id of the request, and which app it wants to sign.

mod named;

use std::fmt;

use hyper::http::{HeaderMap, HeaderName, HeaderValue};

pub use named::{Named, empty_merchant, named_app};

/// Carries a caller's own request id in.
const REQUEST_ID_IN: HeaderName = HeaderName::from_static("x-request-id");
/// Carries the request id back.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-sidecar-request-id");

/// By which a request is found again in logs and answers.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's `X-Request-Id` where it is 1 to 64 letters, digits, `_ . -`.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let id = headers.get(REQUEST_ID_IN)?;
        ((1..=64).contains(&id.len()) && id.as_bytes().iter().all(legal)).then(|| Self(id.clone()))
    }

    /// A new one, where a sender has none or is not asked.
    pub fn fresh() -> Self {
        // It tells requests apart and is no secret, so it need not come from the system.
        let mut digits = [0; 32];
        hex::encode_to_slice(fastrand::u128(..).to_be_bytes(), &mut digits).expect("16 bytes are 32 digits");
        Self(HeaderValue::from_bytes(&digits).expect("hex digits are visible ASCII"))
    }

    /// One that was on record; a new one where that cannot be one.
    pub fn kept(id: &str) -> Self {
        HeaderValue::from_str(id).ok().filter(|id| !id.is_empty()).map_or_else(Self::fresh, Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id for [`REQUEST_ID_HEADER`].
    pub fn into_header(self) -> HeaderValue {
        self.0
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
    /// It says that an app or a merchant is meant, and not which; the default would be taken.
    #[error("{0} is empty, and the default would be taken in its place; send its value, or leave it out")]
    Empty(&'static str),
    /// Two spellings of one thing.
    #[error("{0} and {1} mean the same; send one of them")]
    Twice(&'static str, &'static str),
}
