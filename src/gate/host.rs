//! The names of a listener: what may stand in `Host`.
//!
//! An address that is ours cannot come from DNS rebinding: the browser then names what the page was loaded from. A name
//! can, so names are taken only if the configuration has them. Spellings that some reader takes for an address (`127.1`,
//! `0x7f000001`, `localhost.`) are names here, and never a listener's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use hyper::http::header::HOST;
use hyper::http::request::Parts;

use super::{Denied, shown};

/// The port of a `Host` without one: no listener speaks TLS.
const HTTP_PORT: u16 = 80;

/// Further hosts by which a listener may be called, beside its own addresses and `localhost`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Arc<[Authority]>);

/// A text that is no host for [`Hosts`].
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error(
    "write NAME or NAME:PORT (sidecar, shop.example.com, 127.0.0.1:9000, [::1]:9000), without scheme or path"
)]
pub struct BadHost;

/// A host, canonical, with the port if one was written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// IPv6 in any spelling is the same address; IPv4 has one spelling.
    Address(IpAddr),
    /// In lower case.
    Name(String),
}

impl Hosts {
    /// Reads `NAME` or `NAME:PORT` each, where a name may be an address.
    ///
    /// # Errors
    /// The first text that is none.
    pub fn parse(texts: &[String]) -> Result<Self, (Option<String>, BadHost)> {
        let host = |text: &String| Authority::of_config(text).ok_or_else(|| (Some(text.clone()), BadHost));
        texts.iter().map(host).collect::<Result<_, _>>().map(Self)
    }

    /// Refuses a request for a host that is not this listener. On a unix socket any one host passes, or none: browsers
    /// cannot reach it.
    pub(super) fn refuse_others(&self, head: &Parts, local: Option<SocketAddr>) -> Result<(), Denied> {
        let host = only(head)?;
        let Some(local) = local else { return Ok(()) };
        let authority = host.and_then(Authority::parse);
        if authority.is_some_and(|authority| self.know(&authority, local)) {
            return Ok(());
        }
        let seen = match host {
            Some(host) => format!("the Host header is {}", shown(host)),
            None => "there is no Host header".to_owned(),
        };
        let taken = format!(
            "taken are 127.0.0.1, localhost and [::1], alone or with port {port}, the address that was connected to with \
             port {port}, and the names in listen.allowed_hosts",
            port = local.port()
        );
        Err(Denied::Host { seen, taken })
    }

    fn know(&self, seen: &Authority, local: SocketAddr) -> bool {
        let port = seen.port.unwrap_or(HTTP_PORT);
        let this_machine = match &seen.host {
            Host::Address(ip) => loopback(ip),
            Host::Name(name) => name == "localhost",
        };
        // No foreign name can be one of these, so they pass without a port: some clients leave it out.
        let by_name = this_machine && seen.port.is_none_or(|port| port == local.port());
        // A socket for both families writes 127.0.0.1 as ::ffff:127.0.0.1.
        let address = seen.host == Host::Address(local.ip().to_canonical());
        if by_name || address && port == local.port() {
            return true;
        }
        self.0.iter().any(|known| {
            let same_port = match known.port {
                Some(known) => known == port,
                // A web server in front may pass its own name on without a port.
                None => seen.port.is_none() || local.port() == port,
            };
            known.host == seen.host && same_port
        })
    }
}

/// The one `Host` of a request; none if it has none.
pub(super) fn only(head: &Parts) -> Result<Option<&[u8]>, Denied> {
    if head.uri.authority().is_some() || head.uri.scheme().is_some() {
        return Err(Denied::Target);
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    let first = hosts.next().map(|host| host.as_bytes());
    match hosts.count() {
        0 => Ok(first),
        more => {
            let seen = format!("there are {} Host headers", more + 1);
            Err(Denied::Host { seen, taken: "exactly one is taken".to_owned() })
        }
    }
}

/// The two that browsers and callers write; not all of 127.0.0.0/8.
fn loopback(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST))
}

impl Authority {
    /// Reads `host` or `host:port` and nothing more: no user name, no empty port, no zone of an address.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (inside, port) = rest.split_once(']')?;
                (Host::Address(IpAddr::V6(inside.parse().ok()?)), port)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                (Host::parse(&text[..end])?, &text[end..])
            }
        };
        let port = match port {
            "" => None,
            port => Some(digits(port.strip_prefix(':')?)?),
        };
        Some(Self { host, port })
    }

    /// The same, without names that some reader takes for an address, and that no caller could ever send as ours.
    fn of_config(text: &str) -> Option<Self> {
        let authority = Self::parse(text.as_bytes())?;
        let Host::Name(name) = &authority.host else { return Some(authority) };
        let last = name.rsplit('.').next().unwrap_or_default();
        // What ends in a number is an address to browsers, or an error (WHATWG URL, "ends in a number").
        let number = last.starts_with(|c: char| c.is_ascii_digit())
            && (last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x"));
        (name.split('.').all(|label| !label.is_empty()) && !number).then_some(authority)
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        // Compose calls services what their authors like: underscores are usual.
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let name = (1..=253).contains(&text.len()) && text.bytes().all(legal);
        name.then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

/// A port as browsers write it: no sign, no zero in front.
fn digits(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}
