//! TLS to QFPay is always verified: a private authority works when it is named, everything else is refused unsent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::hang_up::{WAYS, awaited, hang_up, payment};
use crate::support::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// In signing order, in which it is sent.
pub const FORM: &str = "out_trade_no=TLS-1&txamt=100";

/// An authority of the test's own, such as that of a company's proxy.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's certificate for these names, with whatever `change` does to it.
    pub fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), key.serialize_der().try_into().unwrap())
    }
}

/// A certificate and its key.
pub type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A server that speaks TLS and answers one request on each connection.
pub struct TlsUpstream {
    pub port: u16,
    /// What came through the encryption, one entry per connection whose handshake was completed.
    received: Arc<Mutex<Vec<String>>>,
}

impl TlsUpstream {
    pub fn start((certificate, key): Identity, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let seen = received.clone();
        // Ends with the test's process; it holds nothing but a port.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                stream.set_read_timeout(Some(SOON)).unwrap();
                let tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
                let seen = seen.clone();
                thread::spawn(move || answer(tls, &seen));
            }
        });
        Self { port, received }
    }

    /// A sidecar that trusts this authority and sends to the server under this name.
    fn sidecar(&self, host: &str, trusted: Option<&Authority>) -> Sidecar {
        let launch = Launch::new(&Stage::config(&format!("https://{host}:{}", self.port)));
        match trusted {
            None => launch.start(),
            Some(authority) => {
                launch.file("ca.pem", authority.pem(), 0o644).set("upstream.ca_file={folder}/ca.pem").start()
            }
        }
    }

    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

fn answer(mut tls: StreamOwned<ServerConnection, TcpStream>, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(FORM.as_bytes()) {
        match uninterrupted(|| tls.read(&mut byte)) {
            Ok(1) => request.push(byte[0]),
            _ => break,
        }
    }
    if tls.conn.is_handshaking() {
        return;
    }
    seen.lock().unwrap().push(String::from_utf8(request).unwrap());
    let _ = tls.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nConnection: close\r\n\r\n{\"respcd\": \"0000\"}",
    );
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

pub const BOTH: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;

fn pay(sidecar: &Sidecar) -> Answer {
    sidecar.curl(&["-d", FORM], "/trade/v1/payment")
}

#[track_caller]
fn assert_refused(upstream: &TlsUpstream, answer: &Answer, cause: &str) {
    answer.assert_failure(502, "upstream_unreachable");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    let message = answer.json()["respmsg"].as_str().unwrap().to_owned();
    assert!(message.contains("certificate") && message.contains(cause), "{message}");
    let hint = answer.json()["error"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("a repeat does not help") && !hint.contains("try again"), "{hint}");
    for debug in ["UnknownIssuer", "Other(", "NotValid", "Expired", "::"] {
        assert!(!message.contains(debug) && !hint.contains(debug), "{message} {hint}");
    }
    // In TLS 1.3 a server may think that it has a connection before the client refuses it; no byte of a call came.
    assert_eq!(upstream.received().concat(), "");
}

#[test]
fn a_private_authority_that_is_named_is_trusted() {
    for (host, names) in [("127.0.0.1", ["127.0.0.1", "x.test"]), ("localhost", ["localhost", "x.test"])] {
        for versions in [BOTH, &[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
            let authority = Authority::new();
            let upstream = TlsUpstream::start(authority.issue(&names, |_| {}), versions);
            let sidecar = upstream.sidecar(host, Some(&authority));
            let answer = pay(&sidecar);
            assert_eq!((answer.status, answer.text()), (200, r#"{"respcd": "0000"}"#));
            let received = upstream.received();
            assert_eq!(received.len(), 1);
            let params = decode(FORM.as_bytes());
            let sign = format!("x-qf-sign: {}\r\n", md5_elsewhere(&params, CLIENT_KEY));
            assert!(received[0].starts_with("POST /trade/v1/payment HTTP/1.1\r\n"), "{}", received[0]);
            let head = received[0].replace("X-QF-SIGN", "x-qf-sign");
            assert!(head.contains(&sign), "{}", received[0]);
            assert!(head.contains(&format!("host: {host}:{}\r\n", upstream.port)), "{}", received[0]);
        }
    }
}

#[test]
fn without_its_authority_a_server_is_refused() {
    let authority = Authority::new();
    let upstream = TlsUpstream::start(authority.issue(&["127.0.0.1"], |_| {}), BOTH);
    assert_refused(
        &upstream,
        &pay(&upstream.sidecar("127.0.0.1", None)),
        "no authority that the sidecar trusts",
    );
}

#[test]
fn another_authority_does_not_help() {
    let upstream = TlsUpstream::start(Authority::new().issue(&["127.0.0.1"], |_| {}), BOTH);
    let sidecar = upstream.sidecar("127.0.0.1", Some(&Authority::new()));
    let answer = pay(&sidecar);
    answer.assert_failure(502, "upstream_unreachable");
    assert_refused(&upstream, &answer, "");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let cases = [
        ("127.0.0.1", "openapi-hk.qfapi.com"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "127.0.0.2"),
        ("localhost", "127.0.0.1"),
        ("localhost", "localhost.evil.test"),
        ("localhost", "*.localhost"),
    ];
    for (host, name) in cases {
        let upstream = TlsUpstream::start(authority.issue(&[name], |_| {}), BOTH);
        let sidecar = upstream.sidecar(host, Some(&authority));
        assert_refused(&upstream, &pay(&sidecar), "");
    }
}

#[test]
fn certificates_out_of_their_time_are_refused() {
    let authority = Authority::new();
    let expired = authority.issue(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let not_yet = authority.issue(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(3000, 1, 1);
        params.not_after = date_time_ymd(3001, 1, 1);
    });
    for (identity, cause) in [(expired, "expired"), (not_yet, "not valid yet")] {
        let upstream = TlsUpstream::start(identity, BOTH);
        assert_refused(&upstream, &pay(&upstream.sidecar("127.0.0.1", Some(&authority))), cause);
    }
}

#[test]
fn a_certificate_that_signed_itself_is_refused() {
    // As an authority's certificate too: that is how most people sign for themselves.
    for (is_ca, words) in
        [(IsCa::NoCa, "UnknownIssuer"), (IsCa::Ca(BasicConstraints::Unconstrained), "CaUsedAsEndEntity")]
    {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        let identity = (certificate.der().clone(), key.serialize_der().try_into().unwrap());
        let upstream = TlsUpstream::start(identity, BOTH);
        let sidecar = upstream.sidecar("127.0.0.1", None);
        let answer = pay(&sidecar);
        assert_refused(&upstream, &answer, "no authority that the sidecar trusts");
        assert!(answer.json()["error"]["hint"].as_str().unwrap().contains("upstream.ca_file"));
        // The library's own words are for whoever operates it.
        sidecar.wait_for_log(&["upstream_unreachable", words]);
    }
}

#[test]
fn a_server_that_does_not_speak_tls_is_not_sent_anything() {
    let upstream = FakeUpstream::start();
    let sidecar = Sidecar::start(&Stage::config(&format!("https://{}", upstream.address)).replace(
        "[apps.shop]",
        "upstream.call_timeout_ms = 1000\nupstream.connect_timeout_ms = 500\n[apps.shop]",
    ));
    let answer = pay(&sidecar);
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn there_is_no_switch_that_turns_verification_off() {
    for setting in ["upstream.insecure=true", "upstream.verify=false", "upstream.tls_verify=false"] {
        let ended = Launch::new(&Stage::config("https://127.0.0.1:1")).set(setting).ends();
        assert_eq!(ended.code, Some(2), "{setting}");
    }
    let plain = Launch::new(&Stage::config("http://openapi-hk.qfapi.com")).ends();
    assert_eq!(plain.code, Some(2));
    assert!(plain.stderr.contains("upstream.base_url") && plain.stderr.contains("https"), "{}", plain.stderr);
}

#[test]
fn a_ca_file_that_is_none_ends_the_start() {
    let authority = Authority::new();
    let broken = authority.pem().replace("MII", "!!!");
    let cases = [
        ("no such file", None, 2),
        ("empty", Some(String::new()), 2),
        ("no PEM", Some("certificate".to_owned()), 2),
        ("a private key", Some(KeyPair::generate().unwrap().serialize_pem()), 2),
        ("broken PEM", Some(broken), 2),
    ];
    for (what, content, code) in cases {
        let launch =
            Launch::new(&Stage::config("https://127.0.0.1:1")).set("upstream.ca_file={folder}/ca.pem");
        let launch = match content {
            Some(content) => launch.file("ca.pem", content, 0o644),
            None => launch,
        };
        let ended = launch.ends();
        assert_eq!(ended.code, Some(code), "{what}: {}", ended.stderr);
        for word in ["upstream.ca_file", "ca.pem"] {
            assert!(ended.stderr.contains(word), "{what}: no {word} in:\n{}", ended.stderr);
        }
    }
}

#[test]
fn a_caller_that_hangs_up_cancels_no_payment_over_tls() {
    let authority = Authority::new();
    let upstream = TlsUpstream::start(authority.issue(&["127.0.0.1"], |_| {}), BOTH);
    let sidecar = upstream.sidecar("127.0.0.1", Some(&authority));
    for lines in ["", "Expect: 100-continue\r\n"] {
        for way in WAYS.into_iter().cycle().take(12) {
            let mut caller = sidecar.connect();
            caller.write(payment(lines, FORM));
            // The handshake takes longer than this.
            hang_up(caller, way);
        }
    }
    let until = Instant::now() + SOON;
    let arrived = || upstream.received().len();
    while (arrived() == 0 || awaited(&sidecar) < arrived()) && Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    println!("{} of 24 payments whose caller hung up were sent", arrived());
    assert!(arrived() > 0, "no payment was sent, so nothing was tried");
    assert_eq!(awaited(&sidecar), arrived(), "a payment was sent and given up");
}
