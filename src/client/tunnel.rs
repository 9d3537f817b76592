//! The way out through an HTTP proxy: CONNECT opens a tunnel, and TLS goes through it to the other end, which the proxy
//! cannot read. Until the tunnel stands nothing of a request exists on the wire.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::cause::Cause;

/// The largest head of a proxy's answer, in bytes; proxies send some hundred.
const LARGEST_HEAD: usize = 8192;

/// Headers of such an answer.
const HEADERS: usize = 64;

/// Where a proxy is, and as whom it lets the sidecar out.
#[derive(PartialEq, Eq)]
pub struct Proxy {
    /// `http://HOST:PORT`.
    uri: Uri,
    /// `USER:PASSWORD`.
    credentials: Option<Zeroizing<String>>,
}

/// A text that names no proxy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadProxy {
    /// Not `http://HOST:PORT`.
    #[error("write http://HOST:PORT, such as http://proxy.internal:3128")]
    NotAUrl,
    /// TLS to the proxy itself.
    #[error(
        "the way to the proxy itself is plain http (http://HOST:PORT); what goes through it is TLS to QFPay all the same"
    )]
    Https,
    /// Which port was meant is anybody's guess: programs differ.
    #[error("name the proxy's port, as in http://proxy.internal:3128")]
    NoPort,
    /// A path, a query, or a user in the URL.
    #[error(
        "a proxy is http://HOST:PORT and nothing else; user and password are in upstream.proxy_credentials_file"
    )]
    MoreThanAHost,
}

impl Proxy {
    /// Reads `http://HOST:PORT`.
    ///
    /// # Errors
    /// [`BadProxy`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, BadProxy> {
        let uri: Uri = text.parse().map_err(|_| BadProxy::NotAUrl)?;
        let authority = uri.authority().ok_or(BadProxy::NotAUrl)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(BadProxy::Https),
            _ => return Err(BadProxy::NotAUrl),
        }
        let bare = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        if !bare || authority.as_str().contains('@') || text.contains('#') {
            return Err(BadProxy::MoreThanAHost);
        }
        match authority.port_u16() {
            None | Some(0) if authority.as_str().ends_with(authority.host()) => Err(BadProxy::NoPort),
            None | Some(0) => Err(BadProxy::NotAUrl),
            Some(_) => Ok(Self { uri, credentials: None }),
        }
    }

    /// The same with `USER:PASSWORD`, which it is told at every tunnel.
    pub fn with_credentials(self, credentials: Zeroizing<String>) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Has a tunnel to the host and port of `to` opened on a connection to the proxy.
    pub(super) async fn open(&self, mut tcp: TcpStream, to: &Uri) -> Result<TcpStream, Cause> {
        tcp.write_all(self.request(to).as_bytes()).await.map_err(|error| Cause::of(&error))?;
        let mut head = vec![0; LARGEST_HEAD];
        let mut length = 0;
        loop {
            match tcp.read(&mut head[length..]).await {
                Ok(0) if length == 0 => return Err("it closed the connection without an answer".into()),
                Ok(0) => return Err("it closed the connection in the middle of its answer".into()),
                Ok(read) => length += read,
                Err(error) => return Err(Cause::of(&error)),
            }
            if let Some((status, end)) = status(&head[..length])? {
                return match self.refusal(status) {
                    Some(refused) => Err(refused),
                    // TLS begins with us: what is there already is no part of it.
                    None if end < length => Err("it sent more than its answer to CONNECT".into()),
                    None => Ok(tcp),
                };
            }
            if length == LARGEST_HEAD {
                return Err("the head of its answer to CONNECT is larger than 8 KiB".into());
            }
        }
    }

    /// The request for a tunnel, wiped when it is dropped.
    fn request(&self, to: &Uri) -> Zeroizing<String> {
        let host = to.host().unwrap_or_default();
        let port = to.port_u16().unwrap_or(443);
        let credentials =
            self.credentials.as_ref().map(|plain| Zeroizing::new(BASE64_STANDARD.encode(plain.as_bytes())));
        let authorization = credentials.as_ref().map_or_else(Zeroizing::default, |encoded| {
            Zeroizing::new(format!("Proxy-Authorization: Basic {}\r\n", encoded.as_str()))
        });
        Zeroizing::new(format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{}\r\n",
            authorization.as_str()
        ))
    }

    /// Why there is no tunnel, unless the status says that there is one.
    fn refusal(&self, status: u16) -> Option<Cause> {
        Some(match status {
            200..=299 => return None,
            407 if self.credentials.is_some() => Cause::no_tunnel(
                "it does not take the user and password (407)",
                "Check upstream.proxy_credentials_file: USER:PASSWORD in one line, for the scheme Basic",
            ),
            407 => Cause::no_tunnel(
                "it wants a user and a password (407)",
                "Write USER:PASSWORD into a file and name it in upstream.proxy_credentials_file",
            ),
            403 | 405 => Cause::no_tunnel(
                &format!("it does not allow this connection ({status})"),
                "Have the proxy's rules allow CONNECT to the host and port of upstream.base_url",
            ),
            _ => format!("it opened no tunnel and answered {status}").as_str().into(),
        })
    }
}

impl fmt::Display for Proxy {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.uri.authority().map_or("", |authority| authority.as_str()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The status of an answer and where its head ends, once it is there whole. Interim answers (1xx) are passed over.
fn status(bytes: &[u8]) -> Result<Option<(u16, usize)>, Cause> {
    let mut begin = 0;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&bytes[begin..]) {
            Ok(httparse::Status::Partial) => return Ok(None),
            Ok(httparse::Status::Complete(length)) => {
                begin += length;
                match response.code {
                    Some(100..=199) if begin < bytes.len() => {}
                    Some(100..=199) => return Ok(None),
                    code => return Ok(Some((code.unwrap_or_default(), begin))),
                }
            }
            Err(httparse::Error::TooManyHeaders) => {
                return Err("its answer to CONNECT has more than 64 headers".into());
            }
            Err(error) => {
                tracing::debug!(%error, "a proxy's answer cannot be read");
                return Err("what it sends is not HTTP".into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for good in ["http://proxy.internal:3128", "http://10.0.0.1:8080/", "http://[::1]:3128"] {
            assert_eq!(Proxy::parse(good).unwrap().to_string(), good.trim_end_matches('/'));
        }
        for (bad, why) in [
            ("proxy.internal:3128", BadProxy::NotAUrl),
            ("proxy.internal", BadProxy::NotAUrl),
            ("socks5://proxy:1080", BadProxy::NotAUrl),
            ("https://proxy.internal:3128", BadProxy::Https),
            ("http://proxy.internal", BadProxy::NoPort),
            ("http://proxy.internal:99999", BadProxy::NotAUrl),
            ("http://user:word@proxy.internal:3128", BadProxy::MoreThanAHost),
            ("http://proxy.internal:3128/path", BadProxy::MoreThanAHost),
            ("http://proxy.internal:3128/?a", BadProxy::MoreThanAHost),
        ] {
            assert_eq!(Proxy::parse(bad).unwrap_err(), why, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        assert_eq!(status(b"HTTP/1.1 200 Connection establ").unwrap(), None);
        assert_eq!(status(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nx").unwrap(), Some((200, 25)));
        assert_eq!(status(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap(), None);
        assert_eq!(status(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 No\r\n\r\n").unwrap(), Some((407, 44)));
        assert!(status(b"SSH-2.0-OpenSSH\r\n").is_err());
    }

    #[test]
    fn credentials_go_out_and_are_never_shown() {
        let proxy = Proxy::parse("http://proxy:1").unwrap();
        let proxy = proxy.with_credentials("Aladdin:open sesame".to_owned().into());
        // The example of RFC 7617.
        let request = proxy.request(&"https://qf.test".parse().unwrap());
        assert_eq!(
            request.as_str(),
            "CONNECT qf.test:443 HTTP/1.1\r\nHost: qf.test:443\r\n\
             Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        );
        assert_eq!(format!("{proxy} {proxy:?}"), "http://proxy:1 http://proxy:1");
    }
}
