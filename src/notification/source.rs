//! Where a notification comes from: the socket, or what trusted proxies say about it.

use std::net::{IpAddr, SocketAddr};

use hyper::http::{HeaderMap, HeaderValue};

use super::Networks;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that a notification came from; `None` when that cannot be told.
///
/// `X-Forwarded-For` is read only when the peer is a trusted proxy, and from its end: each proxy appends whom it saw,
/// so everything before the last untrusted hop is unproven. A unix socket has no address; its peers count as proxies
/// once any is trusted.
pub(super) fn address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &Networks) -> Option<IpAddr> {
    let peer = peer.map(|peer| peer.to_canonical());
    let is_proxy = peer.map_or(!trusted.is_empty(), |peer| trusted.contain(peer));
    if !is_proxy {
        return peer;
    }
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    let hops = values.iter().rev().flat_map(|value| value.rsplit(|&b| b == b','));
    let mut nearest = peer;
    for hop in hops {
        // A hop that cannot be read hides who is behind it.
        let hop = parse(hop.trim_ascii())?;
        nearest = Some(hop);
        if !trusted.contain(hop) {
            break;
        }
    }
    nearest
}

/// An address, with a port if the proxy writes one.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: Option<&str>, forwarded: &[&'static str], trusted: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let trusted: Vec<_> = trusted.iter().map(|&network| network.to_owned()).collect();
        let trusted = Networks::parse(&trusted, false).unwrap();
        let peer = peer.map(|peer| peer.parse().unwrap());
        address(peer, &headers, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let qfpay = "18.138.115.47";
        assert_eq!(seen(Some("203.0.113.9"), &[qfpay], &[]).unwrap(), "203.0.113.9");
        assert_eq!(seen(Some("203.0.113.9"), &[qfpay], &["127.0.0.1"]).unwrap(), "203.0.113.9");
        assert_eq!(seen(Some("127.0.0.1"), &[qfpay], &["127.0.0.1"]).unwrap(), qfpay);
        assert_eq!(seen(Some("::ffff:127.0.0.1"), &[qfpay], &["127.0.0.1"]).unwrap(), qfpay);
    }

    #[test]
    fn the_last_untrusted_hop_counts() {
        let trusted = &["127.0.0.1", "10.0.0.0/8"];
        let forged = "18.138.115.47, 203.0.113.9";
        assert_eq!(seen(Some("127.0.0.1"), &[forged], trusted).unwrap(), "203.0.113.9");
        assert_eq!(
            seen(Some("127.0.0.1"), &["1.1.1.1, 203.0.113.9 ,10.0.0.2"], trusted).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(
            seen(Some("127.0.0.1"), &["18.138.115.47", "203.0.113.9"], trusted).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(seen(Some("127.0.0.1"), &["203.0.113.9:4711"], trusted).unwrap(), "203.0.113.9");
        assert_eq!(seen(Some("127.0.0.1"), &["[2001:db8::1]:4711"], trusted).unwrap(), "2001:db8::1");
        assert_eq!(seen(Some("127.0.0.1"), &["10.0.0.3"], trusted).unwrap(), "10.0.0.3");
        assert_eq!(seen(Some("127.0.0.1"), &[], trusted).unwrap(), "127.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_is_nobody() {
        for odd in ["", "unknown", "18.138.115.47,", "_hidden", "18.138.115.47 18.138.115.47"] {
            assert_eq!(seen(Some("127.0.0.1"), &[odd], &["127.0.0.1"]), None, "{odd}");
        }
        assert_eq!(seen(None, &["203.0.113.9"], &[]), None);
        assert_eq!(seen(None, &["203.0.113.9"], &["127.0.0.1"]).unwrap(), "203.0.113.9");
    }
}
