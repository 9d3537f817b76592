//! TCP and TLS to QFPay: certificates are always verified, and connecting has a deadline of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

/// A connection that was not ready within the connect timeout.
#[derive(Debug, thiserror::Error)]
#[error("connecting took too long")]
pub(super) struct ConnectTimedOut;

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

/// hyper-rustls under one deadline: its own covers TCP only, and a TLS handshake may hang as well.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

impl Connector {
    pub(crate) fn new(timeout: Duration, roots: Option<&[u8]>) -> Result<Self, BadRoots> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false); // https is for the layer above
        tcp.set_nodelay(true);
        // Shared among the addresses of a name, so that a dead one leaves time for the next, and for TLS.
        tcp.set_connect_timeout(Some(timeout * 2 / 3));
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has the default protocol versions")
            .with_root_certificates(root_store(roots)?)
            .with_no_client_auth();
        // Plain http is for loopback only, which the type of the base URL sees to.
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { inner, timeout })
    }
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

type Inner = HttpsConnector<HttpConnector>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Connector {
    type Response = <Inner as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let deadline = self.timeout;
        Box::pin(async move {
            match tokio::time::timeout(deadline, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ConnectTimedOut.into()),
            }
        })
    }
}
