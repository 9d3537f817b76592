//! The Host header: what is let in must be this machine, or an allowed name, for a browser too.

use hyper::http::header::{HOST, HeaderMap, HeaderValue};
use qfpay_sidecar::caller;
use url::{Host, Url};

/// Each line is a Host header.
pub fn check(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|&b| b == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(HOST, value);
    }
    if caller::refuse_foreign_hosts(&headers, &["sidecar.test".to_owned()]).is_err() {
        return;
    }
    assert_eq!(headers.len(), 1, "more than one");
    let host = headers[HOST].to_str().expect("it was read");
    // A port that no browser knows leaves the host as it is.
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return };
    assert!(url.username().is_empty() && url.password().is_none(), "a user name");
    match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => {}
        Some(Host::Domain(name)) => assert!(matches!(name, "localhost" | "sidecar.test"), "{name}"),
        None => panic!("no host"),
    }
}
