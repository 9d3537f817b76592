//! Requests that came through a web server: one slash too many in `proxy_pass`, and the whole internet has payments signed.

use hyper::http::HeaderMap;

use super::{Stranger, shown};

/// What web servers, proxies and content networks add to what they pass on, beside everything that begins with
/// `X-Forwarded`.
const ADDED: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "cdn-loop",
];

/// Refuses requests that say that somebody passed them on.
///
/// # Errors
/// [`Stranger::Forwarded`] names the header.
pub(super) fn refuse_forwarded(headers: &HeaderMap) -> Result<(), Stranger> {
    let forwarded = |name: &&str| {
        // Spelt X_REAL_IP it means the same to PHP, and to whoever configured it so.
        let name = name.replace('_', "-");
        name.starts_with("x-forwarded") || ADDED.contains(&name.as_str())
    };
    match headers.keys().map(|name| name.as_str()).find(forwarded) {
        Some(name) => Err(Stranger::Forwarded(shown(name.as_bytes()))),
        None => Ok(()),
    }
}
