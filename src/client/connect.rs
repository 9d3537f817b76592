//! TCP and TLS to QFPay or to a receiver: certificates are always verified, and each step has a deadline of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::cause::{Cause, innermost};
use super::connection::Connection;
use super::socket::CountingIo;
use super::tunnel::Proxy;
use super::wire::Wire;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// The name was not found, the port refused, TLS failed.
    Failed(Cause),
    /// The proxy on the way was not reached, or opened no tunnel.
    NoTunnel(Cause),
    /// No TCP connection in time, or no tunnel through the proxy.
    TcpTimedOut,
    /// No TLS session in time.
    TlsTimedOut,
}

/// A `ca_file` that cannot replace the built-in authorities.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadRoots {
    /// The file is not PEM, or a block in it is broken.
    #[error("it is not a PEM file of certificates")]
    NotPem,
    /// PEM, but without a certificate.
    #[error("it holds no certificate")]
    Empty,
    /// A certificate that cannot be an authority.
    #[error("certificate number {0} in it cannot be used as an authority")]
    Unusable(usize),
}

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: TlsConnector,
    /// Whom connections with TLS go through.
    proxy: Option<Arc<Proxy>>,
    tcp_timeout: Duration,
    tls_timeout: Duration,
    head_bytes: usize,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// Connects nowhere yet. `roots` is PEM text that replaces the built-in authorities; heads of answers have `head_bytes`
    /// at most, 8192 or more.
    pub(crate) fn new(
        tcp_timeout: Duration,
        tls_timeout: Duration,
        head_bytes: usize,
        roots: Option<&[u8]>,
    ) -> Result<Self, BadRoots> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false); // https is for the layer above
        tcp.set_nodelay(true);
        // Shared among the addresses of a name, so that a dead one leaves time for the next.
        tcp.set_connect_timeout(Some(tcp_timeout));
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has the default protocol versions")
            .with_root_certificates(root_store(roots)?)
            .with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(tls));
        Ok(Self { tcp, tls, proxy: None, tcp_timeout, tls_timeout, head_bytes })
    }

    /// The same, but connections with TLS go through a proxy, if there is one. What is plain is for loopback only.
    pub(crate) fn through(self, proxy: Option<Arc<Proxy>>) -> Self {
        Self { proxy, ..self }
    }

    /// Opens a connection to the host of a URI, with TLS unless its scheme is http: that is for loopback only, which the
    /// types of the URLs see to.
    pub(crate) async fn connect(&self, to: &Uri) -> Result<Box<Connection>, ConnectError> {
        let tcp =
            timeout(self.tcp_timeout, self.reach(to)).await.map_err(|_| ConnectError::TcpTimedOut)??;
        let (socket, traffic, probe) = CountingIo::new(tcp).map_err(|error| failed(&error))?;
        let wire = if to.scheme() == Some(&Scheme::HTTP) {
            Wire::Plain(socket)
        } else {
            let host = to.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.to_owned());
            let name = name.map_err(|error| ConnectError::Failed(Cause::of(&error)))?;
            let tls = timeout(self.tls_timeout, self.tls.connect(name, socket)).await;
            let tls = tls.map_err(|_| ConnectError::TlsTimedOut)?;
            Wire::Tls(Box::new(tls.map_err(|error| ConnectError::Failed(Cause::of(&error)))?))
        };
        let connection = Connection::new(wire, traffic, probe, self.head_bytes).await;
        connection.map_err(|error| ConnectError::Failed(Cause::of(&error)))
    }

    /// TCP to a host, or a tunnel to it through the proxy.
    async fn reach(&self, to: &Uri) -> Result<TcpStream, ConnectError> {
        let Some(proxy) = self.proxy.as_ref().filter(|_| to.scheme() != Some(&Scheme::HTTP)) else {
            return self.dial(to).await;
        };
        let tcp = self.dial(proxy.uri()).await.map_err(|error| match error {
            ConnectError::Failed(cause) => ConnectError::NoTunnel(cause),
            late => late,
        })?;
        // Boxed, since the future of every call would be larger for it.
        Box::pin(proxy.open(tcp, to)).await.map_err(ConnectError::NoTunnel)
    }

    async fn dial(&self, to: &Uri) -> Result<TcpStream, ConnectError> {
        let tcp = self.tcp.clone().call(to.clone()).await;
        tcp.map(TokioIo::into_inner).map_err(|error| failed(&error))
    }
}

/// What kept TCP from coming up.
fn failed(cause: &(dyn std::error::Error + 'static)) -> ConnectError {
    let cause = innermost(cause);
    match cause.downcast_ref::<io::Error>() {
        Some(slow) if slow.kind() == io::ErrorKind::TimedOut => ConnectError::TcpTimedOut,
        _ => ConnectError::Failed(Cause::of(cause)),
    }
}

/// Looks whether a PEM text can replace the built-in authorities.
///
/// # Errors
/// [`BadRoots`] when it cannot.
pub fn judge_roots(pem: &[u8]) -> Result<(), BadRoots> {
    root_store(Some(pem)).map(drop)
}

/// The built-in authorities, or only those of a PEM text.
fn root_store(pem: Option<&[u8]>) -> Result<RootCertStore, BadRoots> {
    let mut store = RootCertStore::empty();
    let Some(pem) = pem else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    };
    for (i, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let certificate = certificate.map_err(|_| BadRoots::NotPem)?;
        store.add(certificate).map_err(|_| BadRoots::Unusable(i + 1))?;
    }
    if store.is_empty() { Err(BadRoots::Empty) } else { Ok(store) }
}

/// The system's resolver, but `localhost` is this machine, whatever a resolver says.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        if name.as_str().eq_ignore_ascii_case("localhost") {
            let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
            // The connector puts the port in.
            let addresses = addresses.map(|address| SocketAddr::new(address, 0)).to_vec();
            return Box::pin(std::future::ready(Ok(addresses.into_iter())));
        }
        let found = self.0.call(name);
        Box::pin(async move {
            // The system's own error has no kind of its own.
            let found = found.await.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
            Ok(found.collect::<Vec<_>>().into_iter())
        })
    }
}
