//! Certificates of the test's own authority. Ed25519, whose signatures have one length: so offsets mean the same in
//! every handshake.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ED25519, SerialNumber,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;

use super::case::Over;

/// An authority and the servers that it vouches for.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    tls12: Arc<ServerConfig>,
    tls13: Arc<ServerConfig>,
    /// For another host.
    misnamed: Arc<ServerConfig>,
}

impl Authority {
    pub fn new(host: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key()).unwrap();
        Self {
            tls12: server(&issuer, host, &rustls::version::TLS12),
            tls13: server(&issuer, host, &rustls::version::TLS13),
            misnamed: server(&issuer, "elsewhere.test", &rustls::version::TLS13),
            issuer,
        }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn server(&self, over: Over) -> Option<Arc<ServerConfig>> {
        match over {
            Over::Http => None,
            Over::Tls12 => Some(self.tls12.clone()),
            Over::Tls13 => Some(self.tls13.clone()),
        }
    }

    pub fn misnamed(&self) -> Arc<ServerConfig> {
        self.misnamed.clone()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

fn server(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    host: &str,
    version: &'static rustls::SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let key = key();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.serial_number = Some(SerialNumber::from(1)); // of one length, too
    let certificate = params.signed_by(&key, issuer).unwrap();
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519]; // the same in every version of rustls
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    config.send_tls13_tickets = 0; // so that every handshake is a whole one
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Arc::new(config)
}
