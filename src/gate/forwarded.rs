//! Requests that came through a web server: one slash too many in `proxy_pass`, and the whole internet has payments signed.

use std::borrow::Cow;

use hyper::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::http::{HeaderMap, HeaderName};

use super::{Denied, shown};

/// What nearly every call has, and no proxy adds; so little else has to be looked at.
const USUAL: [HeaderName; 5] = [HOST, CONTENT_TYPE, CONTENT_LENGTH, ACCEPT, USER_AGENT];

/// What web servers, proxies and content networks add to what they pass on, beside all that speaks of forwarding.
const ADDED: [&str; 10] = [
    "via",
    "cdn-loop",
    "front-end-https",
    "surrogate-capability",
    "x-amz-cf-id",
    "x-azure-fdid",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
    "x-varnish",
];

/// How the names begin of what one product adds.
const ADDED_PREFIXES: [&str; 4] = ["cf-", "x-arr-", "x-envoy-", "x-original-"];

/// How the names end under which each product tells whose request it passes on: `X-Real-IP`, `CF-Connecting-IP`.
const CLIENTS: [&str; 8] =
    ["client-ip", "clientip", "connecting-ip", "real-ip", "real-port", "remote-addr", "remote-ip", "user-ip"];

/// Refuses requests with a header that a proxy adds.
///
/// # Errors
/// [`Denied::Forwarded`] names the header.
pub(super) fn refuse_forwarded(headers: &HeaderMap) -> Result<(), Denied> {
    let forwarded = |name: &&str| {
        // PHP and servers that pass underscores on read X_REAL_IP as the same header.
        let name = match name.contains('_') {
            true => Cow::Owned(name.replace('_', "-")),
            false => Cow::Borrowed(*name),
        };
        name.contains("forwarded")
            || ADDED.contains(&&*name)
            || ADDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || CLIENTS.iter().any(|end| name.ends_with(end))
    };
    let unusual = headers.keys().filter(|name| !USUAL.contains(name));
    match unusual.map(|name| name.as_str()).find(forwarded) {
        Some(name) => Err(Denied::Forwarded(shown(name.as_bytes()))),
        None => Ok(()),
    }
}
