//! URLs that a shop gave and a browser or a notification goes to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hyper::Uri;

/// An http or https URL with everything encoded that may not stand in a header; none for any other scheme.
pub(super) fn for_browsers(text: &str) -> Option<String> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return None;
    }
    let mut clean = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 0x7f.. => {
                clean.push_str(&format!("%{byte:02X}"));
            }
            other => clean.push(char::from(other)),
        }
    }
    origin(&clean).map(|_| clean)
}

/// `scheme://host[:port]`, as a Content-Security-Policy names it.
pub(super) fn origin(url: &str) -> Option<String> {
    let bare = url.split('#').next().unwrap_or_default();
    let uri: Uri = bare.parse().ok()?;
    let authority = uri.authority()?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if authority.as_str().is_empty() || !authority.as_str().chars().all(legal) {
        return None;
    }
    Some(format!("{}://{authority}", uri.scheme_str()?))
}

/// The URL with more in its query, its own query and fragment kept.
pub(super) fn with_query(url: &str, more: &str) -> String {
    let (rest, fragment) = match url.split_once('#') {
        Some((rest, fragment)) => (rest, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let separator = match rest.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{rest}{separator}{more}{fragment}")
}

/// Where to connect for a notification: plain http to this machine, else nowhere.
///
/// `localhost` is not looked up, so no hosts file can point it elsewhere.
pub(crate) fn loopback(url: &str) -> Option<(SocketAddr, Uri)> {
    let uri: Uri = url.split('#').next()?.parse().ok()?;
    if uri.scheme_str() != Some("http") || uri.authority()?.as_str().contains('@') {
        return None;
    }
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let ip = match host {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => host.parse().ok()?,
    };
    ip.is_loopback().then(|| (SocketAddr::new(ip, uri.port_u16().unwrap_or(80)), uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_go_to_http_only() {
        assert_eq!(
            for_browsers("https://shop.test/回?a=1 2"),
            Some("https://shop.test/%E5%9B%9E?a=1%202".into())
        );
        for bad in [
            "javascript:alert(1)",
            "//shop.test",
            "data:text/html,x",
            "",
            "http://",
            "http://a@b/",
            "http:// x",
        ] {
            assert_eq!(for_browsers(bad), None, "{bad}");
        }
        assert_eq!(origin("http://127.0.0.1:8080/a?b#c").as_deref(), Some("http://127.0.0.1:8080"));
    }

    #[test]
    fn a_query_is_kept() {
        assert_eq!(with_query("http://a/", "code=1"), "http://a/?code=1");
        assert_eq!(with_query("http://a/?x=1#top", "code=1"), "http://a/?x=1&code=1#top");
        assert_eq!(with_query("http://a/?", "code=1"), "http://a/?code=1");
    }

    #[test]
    fn notifications_stay_on_this_machine() {
        for good in
            ["http://127.0.0.1:8789/n?x=1", "http://localhost/n", "http://[::1]:1/n", "http://127.9.9.9/"]
        {
            assert!(loopback(good).is_some(), "{good}");
        }
        for bad in [
            "http://10.0.0.1/",
            "http://shop.test/",
            "http://127.0.0.1.shop.test/",
            "http://localhost.shop.test/",
            "http://127.0.0.1@shop.test/",
            "https://127.0.0.1/",
            "http://0.0.0.0/",
            "http://[::ffff:10.0.0.1]/",
            "ftp://127.0.0.1/",
            "",
        ] {
            assert!(loopback(bad).is_none(), "{bad}");
        }
    }
}
