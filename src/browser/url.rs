//! Encoding for browser URLs, and the check of URLs that customers are sent back to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{BrowserUrlError, Pages};
use crate::sign::Params;

/// Everything but RFC 3986's unreserved characters. A space is `%20`: QFPay's checkout page does not read `+`.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `name=value&name=value`, each value encoded once.
pub(super) fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.extend(utf8_percent_encode(value, VALUE));
    }
    out
}

impl Pages {
    /// Checks a URL that a customer is sent to, or that QFPay posts to, if the parameter is there.
    pub(super) fn check_redirect(&self, params: &Params, name: &'static str) -> Result<(), BrowserUrlError> {
        let Some(url) = params.get(name).filter(|url| !url.is_empty()) else { return Ok(()) };
        let host = host_of(url).ok_or(BrowserUrlError::NotAUrl(name))?;
        let allowed = &self.settings.allowed_redirect_hosts;
        if allowed.is_empty() || allowed.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            Ok(())
        } else {
            Err(BrowserUrlError::HostNotAllowed(name))
        }
    }
}

/// The host of an http(s) URL, read so narrowly that no browser can read another one from it: no user name, no
/// backslash, nothing but letters, digits, `.` and `-` (or an IPv6 address) before the port.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (head, rest) = url.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => (&authority[..colon], Some(&authority[colon + 1..])),
        _ => (authority, None),
    };
    let plain_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let plain_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(name),
    };
    let no_controls = !url.bytes().any(|b| b.is_ascii_control());
    (plain_host && plain_port && no_controls).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_a_browser_reads_them_or_not_at_all() {
        assert_eq!(host_of("https://shop.example/return?a=1&t=a b"), Some("shop.example"));
        assert_eq!(host_of("HTTP://shop.example:8080"), Some("shop.example"));
        assert_eq!(host_of("http://[::1]:80/x"), Some("[::1]"));
        for odd in [
            "shop.example/return",
            "//shop.example",
            "javascript:alert(1)",
            "https:///shop.example",
            "https://good.example\\@evil.example",
            "https://good.example@evil.example",
            "https://good.example:80@evil.example",
            "https://go\tod.example",
            "https://good.example/\nx",
            "https://\u{5546}\u{5e97}.example",
            "https://",
            "",
        ] {
            assert_eq!(host_of(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn values_are_encoded_once() {
        let pairs = [("a", "x y+z=&/\u{8336}"), ("b", "~-_.")];
        assert_eq!(encode(pairs.into_iter()), "a=x%20y%2Bz%3D%26%2F%E8%8C%B6&b=~-_.");
    }
}
