//! Why a connection failed: what the system or the TLS library says is for the log, a plain sentence for the caller.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::CertificateError;

/// What ended a connection, or kept it from coming up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    logged: String,
    kind: Kind,
}

/// The kinds of cause that a caller is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Words of the sidecar's own, which are plain already.
    Plain,
    /// A proxy's refusal, in words of the sidecar's own, and what helps.
    NoTunnel(&'static str),
    NameNotFound,
    Refused,
    NoRoute,
    Forbidden,
    Ended,
    Reset,
    TimedOut,
    /// A certificate whose authority is not among those that are trusted.
    Untrusted,
    Expired,
    NotValidYet,
    OtherName,
    BadCertificate,
    /// The other end gave the handshake up.
    TlsRefused,
    NotTls,
    NoCommonTls,
    Tls,
    NotHttp,
    Other,
}

impl Cause {
    /// Reads the error at the bottom of a chain: the one that says what happened.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let innermost = innermost(error);
        Self { logged: innermost.to_string(), kind: Kind::of(innermost) }
    }

    /// A proxy that opens no tunnel, and what helps.
    pub(super) fn no_tunnel(plain: &str, helps: &'static str) -> Self {
        Self { logged: plain.to_owned(), kind: Kind::NoTunnel(helps) }
    }

    /// The same for a caller: one sentence, without the words of a library.
    pub fn plain(&self) -> &str {
        match self.kind {
            Kind::Plain | Kind::NoTunnel(_) => &self.logged,
            Kind::NameNotFound => "its name was not found; does DNS work on this machine?",
            Kind::Refused => "it refuses connections; nothing listens there",
            Kind::NoRoute => "there is no route to it; is this machine online?",
            Kind::Forbidden => "this machine does not allow the connection",
            Kind::Ended => "the connection ended early",
            Kind::Reset => "the connection was reset",
            Kind::TimedOut => "the connection fell silent",
            Kind::Untrusted => "its certificate was issued by no authority that the sidecar trusts",
            Kind::Expired => "its certificate has expired, or this machine's clock is wrong",
            Kind::NotValidYet => "its certificate is not valid yet; this machine's clock may be wrong",
            Kind::OtherName => "its certificate is for another name",
            Kind::BadCertificate => "its certificate cannot be relied on",
            Kind::TlsRefused => "it broke the TLS handshake off",
            Kind::NotTls => "what it sends is not TLS",
            Kind::NoCommonTls => "it takes no version of TLS that the sidecar takes (1.2 and 1.3)",
            Kind::Tls => "TLS failed",
            Kind::NotHttp => "what it sends is not HTTP/1.1",
            Kind::Other => "the log has the cause",
        }
    }

    /// What to do where no repeat helps. `ca_file` is the setting that says whose certificates are trusted.
    pub fn remedy(&self, ca_file: &str) -> Option<String> {
        let remedy = match self.kind {
            Kind::Untrusted => format!(
                "If a firewall inspects TLS, or this is a server of your own, set {ca_file} to a PEM file with its authority's \
                 certificate. Otherwise somebody is in between"
            ),
            Kind::Expired | Kind::NotValidYet => {
                "Set this machine's clock, or have the certificate renewed".to_owned()
            }
            Kind::OtherName | Kind::BadCertificate => {
                format!("Check the host; if a firewall inspects TLS, see {ca_file}")
            }
            Kind::NotTls => "Check host and port: something else than TLS is spoken there".to_owned(),
            Kind::NoCommonTls => "A proxy or server in between is out of date".to_owned(),
            Kind::NoTunnel(helps) => helps.to_owned(),
            _ => return None,
        };
        Some(format!("Nothing was sent, and a repeat does not help. {remedy}."))
    }
}

impl From<&str> for Cause {
    /// Words of the sidecar's own.
    fn from(plain: &str) -> Self {
        Self { logged: plain.to_owned(), kind: Kind::Plain }
    }
}

impl fmt::Display for Cause {
    /// For the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.logged)
    }
}

impl Kind {
    fn of(error: &(dyn Error + 'static)) -> Self {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Self::of_tls(tls);
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Self::of_io(io);
        }
        match error.downcast_ref::<hyper::Error>() {
            Some(http) if http.is_parse() => Self::NotHttp,
            Some(http) if http.is_incomplete_message() || http.is_closed() || http.is_canceled() => {
                Self::Ended
            }
            _ => Self::Other,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        // TLS reports its errors through the stream that it is.
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::of_tls(tls);
        }
        match error.kind() {
            io::ErrorKind::NotFound => Self::NameNotFound, // connecting by TCP has no other use for it
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => Self::NoRoute,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::ConnectionReset => Self::Reset,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected => Self::Ended,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Other,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use CertificateError as Bad;
        match error {
            rustls::Error::InvalidCertificate(bad) => match bad {
                Bad::Expired | Bad::ExpiredContext { .. } => Self::Expired,
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => Self::NotValidYet,
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => Self::OtherName,
                // `Other`: an authority's certificate as the server's own, which is how people sign for themselves.
                Bad::UnknownIssuer | Bad::Other(_) => Self::Untrusted,
                _ => Self::BadCertificate,
            },
            rustls::Error::NoCertificatesPresented => Self::BadCertificate,
            rustls::Error::AlertReceived(_) => Self::TlsRefused,
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => Self::NotTls,
            rustls::Error::PeerIncompatible(_) => Self::NoCommonTls,
            _ => Self::Tls,
        }
    }
}

/// The error at the bottom of a chain: the one that says what happened.
pub(super) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    // A certificate's error has a source, but says less there.
    let says_it = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()))
        || error.is::<rustls::Error>();
    match error.source() {
        Some(source) if !says_it => innermost(source),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: impl Error + 'static) -> Cause {
        Cause::of(&error)
    }

    #[test]
    fn callers_read_no_debug_text() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for cause in [of(tls.clone()), of(io::Error::new(io::ErrorKind::InvalidData, tls))] {
            assert_eq!(cause.kind, Kind::Untrusted);
            assert!(cause.to_string().contains("UnknownIssuer") && !cause.plain().contains("UnknownIssuer"));
            assert!(cause.remedy("upstream.ca_file").unwrap().contains("upstream.ca_file"));
        }
        let refused = of(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!((refused.kind, refused.remedy("x")), (Kind::Refused, None));
    }
}
