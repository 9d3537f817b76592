//! What callers really send -> [`Params`]: one decoder per content type, one rule for where parameters stand.
//!
//! Strict where a lenient decoder would sign something else than the caller meant: repeated names, broken escapes and
//! bytes that their charset does not have are refused, never repaired.

mod charset;
mod error;
pub(crate) mod form;
mod json;
mod media_type;
mod mislabelled;
mod multipart;
mod unsupported;

use std::borrow::Cow;

use bytes::Bytes;
use hyper::http::HeaderMap;

use crate::sign::{OwnSignature, Params, Sent};
use media_type::MediaType;

pub use charset::Charset;
pub use error::DecodeError;
pub use mislabelled::Look;
pub use unsupported::UnsupportedBody;

/// Where the parameters of a call travel. QFPay documents both; the caller's choice is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the query string, whatever the method.
    Query,
    /// In a form body. JSON and multipart text fields become one.
    Form,
}

/// What a caller sent, decoded.
#[derive(Debug)]
pub struct Decoded {
    /// The parameters, without a caller's own signature.
    pub params: Params,
    /// That signature.
    pub own_signature: OwnSignature,
    /// Where they stood, and where they will be sent.
    pub place: Place,
    /// The names that JSON gives as `null`: absent, yet named.
    pub nulls: Vec<String>,
}

impl Decoded {
    fn new(sent: Sent, place: Place) -> Self {
        let Sent { params, own, nulls } = sent;
        Self { params, own_signature: own, place, nulls }
    }

    /// Whether each value is the text that its bytes are in this charset, whatever the request says that they are in.
    pub fn is_text_in(&self, charset: Charset) -> bool {
        self.params.iter().all(|(name, text)| {
            let received = self.own_signature.received(name, text);
            charset.to_utf8(received).is_some_and(|read| *read == *text.as_bytes())
        })
    }
}

/// A byte order mark of UTF-8, or of UTF-16 in either order.
fn has_mark(bytes: &[u8]) -> bool {
    [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| bytes.starts_with(mark))
}

/// Decodes the parameters of a request from its query and its whole body. `unlabelled` is the charset of queries, and of
/// forms that name none.
///
/// # Errors
/// [`DecodeError`] says which parameter or which byte is at fault.
pub async fn decode(
    is_get: bool,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Bytes,
    unlabelled: Charset,
) -> Result<Decoded, DecodeError> {
    let query = query.unwrap_or("");
    // Some libraries write JSON wherever they write nothing.
    let no_body = body.is_empty() || !query.is_empty() && json::is_empty(headers, &body);
    if no_body {
        let place = if is_get || !query.is_empty() { Place::Query } else { Place::Form };
        return Ok(Decoded::new(form::decode(query.as_bytes(), unlabelled)?, place));
    }
    if !query.is_empty() {
        return Err(DecodeError::QueryAndBody);
    }
    if is_get {
        return Err(DecodeError::BodyOnGet);
    }
    let sent = match MediaType::of(headers)? {
        MediaType::Form { charset } => form::decode(&body, charset.unwrap_or(unlabelled))?,
        MediaType::Json => json::decode(&body)?,
        MediaType::Multipart { boundary, charset } => {
            Box::pin(multipart::decode(body, boundary, charset.unwrap_or(unlabelled))).await?
        }
    };
    Ok(Decoded::new(sent, Place::Form))
}

/// Adds a parameter whose value is in this charset.
fn push(sent: &mut Sent, name: &[u8], value: &[u8], charset: Charset) -> Result<(), DecodeError> {
    // Whichever of the two is read, the other may be meant.
    if charset.is_mistaken_for_utf8() && !value.is_ascii() && std::str::from_utf8(value).is_ok() {
        return Err(DecodeError::AlsoUtf8 { name: named(sent, name)?, charset: charset.name() });
    }
    match charset.to_utf8(value) {
        Some(Cow::Borrowed(text)) => Ok(sent.push(name, text)?),
        Some(Cow::Owned(text)) => Ok(sent.push_as(name, value, &text)?),
        None => {
            Err(DecodeError::Charset { name: named(sent, name)?, charset: charset.name(), in_part: false })
        }
    }
}

/// A name that can be shown: it is checked first, since a "name" may be a whole body under the wrong Content-Type.
fn named(sent: &mut Sent, name: &[u8]) -> Result<String, DecodeError> {
    sent.push(name, b"")?;
    Ok(name.escape_ascii().to_string())
}
