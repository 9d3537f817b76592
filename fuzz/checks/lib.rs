//! What must hold for any input at all. The fuzz targets make inputs up; `tests/offline/corpora.rs` runs the kept ones.
//!
//! Each check takes raw bytes and panics when the product is wrong. What is expected comes from elsewhere: from other
//! people's parsers (`url`, `serde_json`), from the hash crates, or from a few lines that are written from the rule.

// A failed unwrap is a finding.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use qfpay_sidecar::decode::{self, Charset, DecodeError, Decoded};
use qfpay_sidecar::sign::{Canonical, Params};

pub mod answer;
pub mod browser_url;
pub mod config;
pub mod content_type;
pub mod form;
pub mod host;
pub mod json;
pub mod multipart;
pub mod params;
pub mod signature;

/// Takes an input, and panics when something does not hold.
pub type Check = fn(&[u8]);

/// Every check, by the name of its fuzz target and of its corpus.
pub const CHECKS: [(&str, Check); 10] = [
    ("answer", answer::check),
    ("browser_url", browser_url::check),
    ("config", config::check),
    ("content_type", content_type::check),
    ("form", form::check),
    ("host", host::check),
    ("json", json::check),
    ("multipart", multipart::check),
    ("params", params::check),
    ("signature", signature::check),
];

/// Decodes a body of one content type; none is a form. Whatever comes out of it holds what every list must.
fn decode_as(content_type: Option<&str>, body: &[u8]) -> Result<Params, DecodeError> {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    decode(None, &headers, body).map(|decoded| decoded.params)
}

/// Decodes a POST. The body is there as a whole, so decoding has nothing to wait for.
fn decode(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Decoded, DecodeError> {
    let body = Bytes::copy_from_slice(body);
    let decoded =
        decode::decode(false, query, headers, body, Charset::UTF_8).now_or_never().expect("decoding waits");
    match &decoded {
        Ok(decoded) => holds(&decoded.params),
        Err(error) => is_for_people(&error.to_string()),
    }
    decoded
}

/// A list of parameters: sorted, each name once and legal, without the caller's own signature.
fn holds(params: &Params) {
    let names: Vec<_> = params.names().map(str::as_bytes).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "not sorted, or repeated");
    assert!(names.iter().all(|name| is_legal(name) && !is_signature(name)), "a name that cannot be");
}

/// A message: one short line of ASCII, so that no value of any length can be in it.
fn is_for_people(message: &str) {
    let plain = message.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    assert!(plain && (1..300).contains(&message.len()), "{message:?}");
}

/// The names of parameters, from the rule: 1 to 64 of `A-Z a-z 0-9 _ . -`.
fn is_legal(name: &[u8]) -> bool {
    const LEGAL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    (1..=64).contains(&name.len()) && name.iter().all(|b| LEGAL.contains(b))
}

/// Whether a caller's own parameter of that name is left out.
fn is_signature(name: &[u8]) -> bool {
    name == b"sign" || name == b"sign_type"
}

/// The canonical string from QFPay's rule: sorted by name as bytes, `name=value`, joined by `&`.
fn canonical<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Lists are equal, and so is what would be signed for them. Values are not shown: a corpus may hold anything.
#[track_caller]
fn same(seen: &Params, expected: &Params) {
    assert!(seen == expected, "seen {seen:?}, expected {expected:?}");
    assert!(Canonical::of(seen) == Canonical::of(expected));
}

/// The inputs of a fuzzer as a list of texts; 0xff stands in no UTF-8.
fn pieces(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|&b| b == 0xff)
}
