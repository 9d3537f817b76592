//! Where verified notifications go: this machine, or a host that was allowed by name.

use std::fmt;

use hyper::Uri;
use hyper::http::HeaderValue;

use crate::base_url::{BadUpstreamUrl, UpstreamUrl};

/// The shop's endpoint for notifications. Plain http only to this machine, like everything that the sidecar sends.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiverUrl {
    host: UpstreamUrl,
    uri: Uri,
}

/// Why a text is no receiver.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadReceiver {
    /// Not `scheme://host[:port]/path`.
    #[error("it is not a URL of the form http://127.0.0.1:8080/path")]
    NotAUrl,
    /// A password in a URL ends up in logs.
    #[error("it has a user name or password, which would stand in logs")]
    UserInfo,
    /// It would be sent nowhere, and was meant for something.
    #[error("it has a fragment ('#' and what follows), which no server is sent; take it out")]
    Fragment,
    /// The body of a notification is a customer's payment.
    #[error("plain http is for this machine only; use https")]
    PlainHttp,
}

impl ReceiverUrl {
    /// Reads an absolute http or https URL.
    ///
    /// # Errors
    /// [`BadReceiver`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadReceiver> {
        let uri = text.parse::<Uri>().map_err(|_| BadReceiver::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(BadReceiver::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(BadReceiver::UserInfo);
        }
        if text.contains('#') {
            return Err(BadReceiver::Fragment);
        }
        match UpstreamUrl::parse(&format!("{scheme}://{authority}")) {
            Ok(host) => Ok(Self { host, uri }),
            Err(BadUpstreamUrl::PlainHttp) => Err(BadReceiver::PlainHttp),
            Err(BadUpstreamUrl::NotAUrl | BadUpstreamUrl::MoreThanAHost) => Err(BadReceiver::NotAUrl),
        }
    }

    /// The whole URL: where to connect.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// What is asked for there: path and query.
    pub fn target(&self) -> Uri {
        self.uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from)
    }

    /// The value of `Host`.
    pub fn host_header(&self) -> HeaderValue {
        self.host.host_header()
    }

    /// The host, in lower case, for the list of those that are allowed.
    pub fn host(&self) -> String {
        self.host.host()
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.uri.scheme_str() == Some("https") { 443 } else { 80 })
    }
}

/// Without the query, which may hold a shop's own token.
impl fmt::Display for ReceiverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.uri.path())
    }
}

impl fmt::Debug for ReceiverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_on_this_machine_or_behind_tls() {
        let url = ReceiverUrl::parse("http://127.0.0.1:8080/notify.php?token=1").unwrap();
        assert_eq!((url.to_string().as_str(), url.port()), ("http://127.0.0.1:8080/notify.php", 8080));
        assert!(url.is_loopback());
        assert_eq!(ReceiverUrl::parse("https://Shop.internal/n").unwrap().host(), "shop.internal");
        assert_eq!(ReceiverUrl::parse("http://shop.internal/n"), Err(BadReceiver::PlainHttp));
        assert_eq!(ReceiverUrl::parse("http://u:p@127.0.0.1/n"), Err(BadReceiver::UserInfo));
        assert_eq!(ReceiverUrl::parse("https://shop.internal/n#x"), Err(BadReceiver::Fragment));
        for bad in ["", "/n", "127.0.0.1:80", "ftp://127.0.0.1/n", "http:///n"] {
            assert_eq!(ReceiverUrl::parse(bad), Err(BadReceiver::NotAUrl), "{bad}");
        }
    }
}
