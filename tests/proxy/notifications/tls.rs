//! Receivers behind TLS: the certificate is verified.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::stage::{Relay, assert_acknowledged};
use crate::support::{FakeUpstream, uninterrupted};

/// An authority of the test's own, and a receiver on `localhost` that it vouches for. Answers SUCCESS.
fn receiver() -> (String, u16) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the process: each connection is served once, and nothing waits for the thread.
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
            let mut seen = Vec::new();
            let mut chunk = [0; 4096];
            // Every notification of these tests ends with its one closing brace.
            while !seen.ends_with(b"}") {
                match uninterrupted(|| stream.read(&mut chunk)) {
                    Ok(read @ 1..) => seen.extend_from_slice(&chunk[..read]),
                    _ => break,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCCESS");
            let _ = stream.flush();
        }
    });
    (authority.pem(), port)
}

fn relay(pem: &str, url: &str, with_authority: bool) -> Relay {
    let receiver = FakeUpstream::start();
    let launch = Relay::start(&receiver, "app = \"shop\"").file("ca.pem", pem, 0o644);
    let launch = launch.set(&format!("notifications.routes.0.receiver_url={url}"));
    let launch = if with_authority { launch.set("notifications.ca_file={folder}/ca.pem") } else { launch };
    Relay { receiver, sidecar: launch.start() }
}

#[test]
fn a_receiver_is_believed_only_with_a_certificate_for_its_name() {
    let (pem, port) = receiver();
    let right = format!("https://localhost:{port}/n");
    assert_acknowledged(&relay(&pem, &right, true).notify());
    relay(&pem, &right, false).notify().assert_failure(502, "receiver_unreachable");
    let other_name = format!("https://127.0.0.1:{port}/n");
    relay(&pem, &other_name, true).notify().assert_failure(502, "receiver_unreachable");
}
