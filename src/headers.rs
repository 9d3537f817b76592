//! Which headers pass, in both directions.
//!
//! Towards QFPay an allow-list: nothing of the caller's reaches it by accident, above all nothing that is read like
//! `X-QF-*` (some servers take `X_QF_SIGN` for the same header). Towards the caller a deny-list: QFPay's answer is its
//! own, but for what belongs to one connection or speaks to browsers.

mod accept;

use hyper::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, HeaderName, USER_AGENT};
use hyper::http::{HeaderMap, HeaderValue};

use crate::credentials::SignType;
use crate::sign::{BadSignature, ReceivedSignature};

pub use accept::{prefers_html, prefers_json};

/// QFPay's header for the signature.
pub const SIGN_HEADER: HeaderName = HeaderName::from_static("x-qf-sign");
/// QFPay's header for the hash; absent means MD5.
pub const SIGN_TYPE_HEADER: HeaderName = HeaderName::from_static("x-qf-signtype");

/// What of a caller's request goes to QFPay. The sidecar adds its own headers afterwards.
const TO_UPSTREAM: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

/// Headers that belong to one connection (RFC 9110 section 7.6.1, and the old names).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of QFPay's host that would speak about the sidecar's address: cookies, "always use https here", other ports.
const ABOUT_THE_HOST: [&str; 3] = ["set-cookie", "strict-transport-security", "alt-svc"];

/// Headers that send callers elsewhere: their libraries would repeat a payment there.
const LEADS_ELSEWHERE: [&str; 2] = ["location", "refresh"];

/// Headers that would let web pages read the sidecar's answers: what QFPay allows pages is not the sidecar's to allow.
const FOR_WEB_PAGES: [&str; 2] = ["access-control-", "timing-allow-origin"];

/// Headers that only the sidecar sets.
const OWN_PREFIX: &str = "x-sidecar-";

/// The part of a caller's headers that goes to QFPay.
///
/// Headers that the caller's `Connection` names are dropped first, so that it cannot remove what is added later.
pub fn to_upstream(from_caller: HeaderMap) -> HeaderMap {
    // The first of a repeated header: each of these has one value.
    let kept = TO_UPSTREAM.map(|name| {
        let value = from_caller.get(&name).filter(|_| !is_named_by_connection(&from_caller, name.as_str()));
        (name, value.cloned())
    });
    // The same map, so that none has to be allocated.
    let mut headers = from_caller;
    headers.clear();
    for (name, value) in kept {
        headers.extend(value.map(|value| (name, value)));
    }
    headers
}

/// The signature that came with bytes of QFPay's.
///
/// Spelt `X_QF_SIGN` it is another header, but one that some servers read as this one: beside the right one it counts
/// as a second, since a later reader might take it.
///
/// # Errors
/// [`BadSignature`] unless there is exactly one.
pub fn signature(received: &HeaderMap, sign_type: SignType) -> Result<ReceivedSignature, BadSignature> {
    let alike = received.iter().filter(|(name, _)| is_alike(name, &SIGN_HEADER));
    let values = alike.map(|(_, value)| value.as_bytes());
    match received.contains_key(SIGN_HEADER) {
        true => ReceivedSignature::read(values, sign_type),
        false => Err(BadSignature::Missing),
    }
}

/// The part of QFPay's headers that goes to the caller. `Content-Length` is not: it is set from the body that is sent.
pub fn to_caller(from_upstream: HeaderMap) -> HeaderMap {
    let is_dropped = |name: &HeaderName| {
        let text = name.as_str();
        HOP_BY_HOP.contains(&text)
            || ABOUT_THE_HOST.contains(&text)
            || LEADS_ELSEWHERE.contains(&text)
            || FOR_WEB_PAGES.iter().any(|prefix| text.starts_with(prefix))
            || name == CONTENT_LENGTH
            || begins_alike(text, OWN_PREFIX)
            || is_named_by_connection(&from_upstream, text)
    };
    // Few are dropped, so the others stay where they are.
    let dropped: Vec<_> = from_upstream.keys().filter(|name| is_dropped(name)).cloned().collect();
    let mut kept = from_upstream;
    for name in dropped {
        kept.remove(name);
    }
    kept
}

/// Whether a name is read as this one where `_` and `-` are the same, as in PHP and CGI.
pub fn is_alike(name: &HeaderName, known: &HeaderName) -> bool {
    name.as_str().len() == known.as_str().len() && begins_alike(name.as_str(), known.as_str())
}

fn begins_alike(name: &str, prefix: &str) -> bool {
    let same = |(a, b)| a == b || (a, b) == (b'_', b'-');
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(same)
}

/// Whether any `Connection` header, of which there may be several, names this one.
fn is_named_by_connection(headers: &HeaderMap, name: &str) -> bool {
    let named = |value: &HeaderValue| {
        value
            .as_bytes()
            .split(|&b| b == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    headers.get_all(CONNECTION).iter().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn only_the_listed_headers_reach_qfpay() {
        let sent = headers(&[
            ("user-agent", "shop/1"),
            ("accept", "*/*"),
            ("cookie", "a=b"),
            ("expect", "100-continue"),
            ("x-qf-sign", "X"),
            ("x_qf_sign", "X"),
            ("x-forwarded-for", "1.2.3.4"),
            ("authorization", "Basic x"),
            ("connection", "close, Accept"),
        ]);
        let kept = to_upstream(sent);
        assert_eq!(kept.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["user-agent"]);
    }

    #[test]
    fn answers_lose_what_belongs_to_one_connection() {
        let answer = headers(&[
            ("content-type", "application/json"),
            ("x-qf-sign", "X"),
            ("connection", "x-one"),
            ("connection", "x-two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "a=b"),
            ("access-control-allow-origin", "*"),
            ("access-control-allow-private-network", "true"),
            ("timing-allow-origin", "*"),
            ("x-sidecar-error", "forged"),
            ("x_sidecar_delivery", "forged"),
            ("location", "https://elsewhere.test/"),
            ("refresh", "0; url=https://elsewhere.test/"),
        ]);
        let kept = to_caller(answer);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "x-qf-sign"]);
    }
}
