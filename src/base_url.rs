//! Where QFPay is: base URLs that are https by construction.

mod hosts;

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use hyper::http::HeaderValue;
use hyper::http::uri::{Authority, Scheme};

pub use hosts::{API_HOSTS, PAGE_HOSTS};

/// The base URL of a QFPay host. Always https; plain http only to this machine (the sandbox, a test).
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamUrl {
    scheme: Scheme,
    authority: Authority,
    host_header: HeaderValue,
}

/// Why a text is no base URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadUpstreamUrl {
    /// Not `scheme://host[:port]`.
    #[error("it is not a URL of the form https://host[:port]")]
    NotAUrl,
    /// A path, a query or a user name: none may change where a payment goes.
    #[error("a base URL is scheme and host only, without path, query, user name or password")]
    MoreThanAHost,
    /// Plain http to another machine would show signatures to the network.
    #[error("plain http is for loopback addresses only; use https")]
    PlainHttp,
}

impl UpstreamUrl {
    /// Reads `https://host[:port]`, or `http://` with a loopback address or `localhost`.
    ///
    /// # Errors
    /// [`BadUpstreamUrl`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadUpstreamUrl> {
        let parts = text.parse::<Uri>().map_err(|_| BadUpstreamUrl::NotAUrl)?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(BadUpstreamUrl::NotAUrl);
        };
        let host = authority.host();
        let port = &authority.as_str()[authority.as_str().rfind(host).unwrap_or(0) + host.len()..];
        // A port that is none would silently be the usual one; a final dot hides a host from every comparison.
        if host.ends_with('.') || (!port.is_empty() && authority.port_u16().is_none()) {
            return Err(BadUpstreamUrl::NotAUrl);
        }
        let bare = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        if !bare || authority.as_str().contains('@') {
            return Err(BadUpstreamUrl::MoreThanAHost);
        }
        let usual = if scheme == Scheme::HTTPS { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port == usual => host,
            _ => authority.as_str(),
        };
        let host_header = HeaderValue::from_str(host).map_err(|_| BadUpstreamUrl::NotAUrl)?;
        let url = Self { scheme, authority, host_header };
        match url.scheme.as_str() {
            "https" => Ok(url),
            "http" if url.is_loopback() => Ok(url),
            "http" => Err(BadUpstreamUrl::PlainHttp),
            _ => Err(BadUpstreamUrl::NotAUrl),
        }
    }

    /// Where to connect.
    pub fn uri(&self) -> Uri {
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        uri.path_and_query("/").build().expect("each part was checked")
    }

    /// The value of `Host`: the port is left out where it is the usual one.
    pub fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }

    /// The host name, without port, in lower case.
    pub fn host(&self) -> String {
        self.authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
    }

    /// Whether TLS is spoken there.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether it points at this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether it is a host of QFPay's where real money moves: any name under `qfapi.com` or `qfpay.com` that has no
    /// `test`, `int` or `qa` in it, as QFPay's lists of environments name them.
    pub fn is_production(&self) -> bool {
        let host = self.host();
        let Some(name) = host.strip_suffix(".qfapi.com").or_else(|| host.strip_suffix(".qfpay.com")) else {
            return false;
        };
        !name.split(['-', '.']).any(|part| matches!(part, "test" | "int" | "qa"))
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Debug for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_loopback_only() {
        for good in
            ["https://openapi-hk.qfapi.com", "http://127.0.0.1:8790", "http://[::1]:1", "http://localhost/"]
        {
            UpstreamUrl::parse(good).unwrap();
        }
        assert_eq!(UpstreamUrl::parse("http://openapi-hk.qfapi.com"), Err(BadUpstreamUrl::PlainHttp));
        assert_eq!(UpstreamUrl::parse("http://127.0.0.1.evil.test"), Err(BadUpstreamUrl::PlainHttp));
        assert_eq!(UpstreamUrl::parse("https:openapi-hk.qfapi.com"), Err(BadUpstreamUrl::NotAUrl));
        for odd in [
            "openapi-hk.qfapi.com",
            "https://openapi-hk.qfapi.com.",
            "http://127.0.0.1:99999",
            "https://a.test:",
        ] {
            assert_eq!(UpstreamUrl::parse(odd), Err(BadUpstreamUrl::NotAUrl), "{odd}");
        }
        assert_eq!(UpstreamUrl::parse("https://a.test/base"), Err(BadUpstreamUrl::MoreThanAHost));
        assert_eq!(UpstreamUrl::parse("https://user@a.test"), Err(BadUpstreamUrl::MoreThanAHost));
        assert_eq!(UpstreamUrl::parse("https://a.test/?x=1"), Err(BadUpstreamUrl::MoreThanAHost));
    }

    #[test]
    fn the_usual_port_is_left_out_of_host() {
        for (url, host) in [
            ("https://a.test:443", "a.test"),
            ("https://a.test:8443", "a.test:8443"),
            ("http://[::1]:443", "[::1]:443"),
            ("http://localhost:80", "localhost"),
        ] {
            assert_eq!(UpstreamUrl::parse(url).unwrap().host_header(), host);
        }
    }

    #[test]
    fn production_hosts_are_known_by_their_names() {
        for live in ["https://openapi-hk.qfapi.com", "https://openapi.qfpay.com", "https://o2-hk.qfapi.com"] {
            assert!(UpstreamUrl::parse(live).unwrap().is_production(), "{live}");
        }
        for other in [
            "https://test-openapi-hk.qfapi.com",
            "https://openapi-test.qfpay.com",
            "https://openapi-int.qfapi.com",
            "https://evilqfapi.com",
            "http://127.0.0.1:1",
        ] {
            assert!(!UpstreamUrl::parse(other).unwrap().is_production(), "{other}");
        }
    }
}
