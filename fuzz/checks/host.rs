//! The Host header: what is let in must be this machine at the listener's port, or an allowed name, for a browser too.

use std::net::{Ipv4Addr, SocketAddr};

use hyper::Request;
use hyper::http::header::{HOST, HeaderValue};
use qfpay_sidecar::gate::{self, Hosts};
use qfpay_sidecar::server::{NoUser, Peer, User};
use url::{Host, Url};

/// Where the caller connected to.
const LOCAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 8787);

/// Each line is a Host header.
pub fn check(input: &[u8]) {
    let mut request = Request::new(());
    for line in input.split(|&b| b == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        request.headers_mut().append(HOST, value);
    }
    let local = SocketAddr::from(LOCAL);
    let peer = Peer { address: Some(local.ip()), local: Some(local), user: User::Unknown(NoUser::NotAsked) };
    let hosts = Hosts::parse(&["sidecar.test".to_owned()]).expect("a name");
    let (head, ()) = request.into_parts();
    if gate::refuse_other_hosts(&head, &peer, &hosts).is_err() {
        return;
    }
    assert_eq!(head.headers.len(), 1, "more than one");
    let host = head.headers[HOST].to_str().expect("it was read");
    let url = Url::parse(&format!("http://{host}/")).expect("a browser reads what is let in");
    assert!(url.username().is_empty() && url.password().is_none(), "a user name");
    let ours = url.port() == Some(local.port());
    let portless = !host.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with(':');
    match url.host() {
        // Without a port too. A browser leaves out ":80", which no caller of this listener writes.
        Some(Host::Ipv4(ip)) => assert!((ours || portless) && ip.is_loopback(), "{ip}"),
        Some(Host::Ipv6(ip)) => assert!((ours || portless) && ip.is_loopback(), "{ip}"),
        Some(Host::Domain("localhost")) => assert!(ours || portless, "another port"),
        Some(Host::Domain("sidecar.test")) => assert!(ours || url.port().is_none(), "another port"),
        Some(Host::Domain(name)) => panic!("{name}"),
        None => panic!("no host"),
    }
}
