//! `upstream.proxy`: calls leave through a tunnel that a proxy opens, and what keeps it from standing is told as `not_sent`.

mod fake;
mod real;

use std::time::{Duration, Instant};

use crate::support::{Answer, FakeUpstream, Launch, Reply, Sidecar, Stage, nobody_listens};
use crate::tls::{Authority, BOTH, FORM, TlsUpstream};
use fake::{Does, FakeProxy};
use real::{RealProxy, USER, WORD};

/// A name that only the proxy knows: the sidecar must not look it up.
const HOST: &str = "qfpay.test";

const OPENS: Does = Does::Opens("HTTP/1.1 200 Connection established\r\n\r\n");

/// QFPay behind TLS, and who vouches for it.
struct Behind {
    upstream: TlsUpstream,
    authority: Authority,
}

impl Behind {
    fn new(name: &str) -> Self {
        let authority = Authority::new();
        Self { upstream: TlsUpstream::start(authority.issue(&[name], |_| ()), BOTH), authority }
    }

    /// A sidecar that reaches it under this name, through this proxy.
    fn launch(&self, name: &str, proxy: &str) -> Launch {
        let launch = Launch::new(&Stage::config(&format!("https://{name}:{}", self.upstream.port)));
        let launch = launch.file("ca.pem", self.authority.pem(), 0o644);
        launch.set("upstream.ca_file={folder}/ca.pem").set(&format!("upstream.proxy={proxy}"))
    }
}

fn pay(sidecar: &Sidecar) -> Answer {
    sidecar.curl(&["-d", FORM], "/trade/v1/payment")
}

#[track_caller]
fn assert_paid(sidecar: &Sidecar, upstream: &TlsUpstream) {
    let before = upstream.received().len();
    let answer = pay(sidecar);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(upstream.received().len(), before + 1);
}

#[test]
fn calls_go_through_the_tunnel_and_the_proxy_looks_the_name_up() {
    let behind = Behind::new(HOST);
    for words in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nProxy-Agent: old\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 Tunnel\r\n\r\n",
    ] {
        let proxy = FakeProxy::start(Does::Opens(words));
        let sidecar = behind.launch(HOST, &format!("http://127.0.0.1:{}", proxy.port)).start();
        assert_paid(&sidecar, &behind.upstream);
        let target = format!("{HOST}:{}", behind.upstream.port);
        assert_eq!(proxy.heads(), [format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")]);
        assert!(sidecar.screen().contains(&format!("through the proxy http://127.0.0.1:{}", proxy.port)));
    }
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_not_sent_in_plain_words() {
    let behind = Behind::new(HOST);
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(9000));
    let cases: [(&str, Does, &str, &str); 11] = [
        (
            "407",
            Does::Says(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n<html>",
            ),
            "it wants a user and a password (407)",
            "upstream.proxy_credentials_file",
        ),
        (
            "403",
            Does::Says("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
            "it does not allow this connection (403)",
            "allow CONNECT",
        ),
        (
            "503",
            Does::Says("HTTP/1.1 503 No DNS\r\n\r\n"),
            "it opened no tunnel and answered 503",
            "safe to try again",
        ),
        ("closes", Does::Says(""), "it closed the connection without an answer", "safe to try again"),
        ("closes early", Does::Says("HTTP/1.1 200 O"), "in the middle of its answer", "safe to try again"),
        ("no HTTP", Does::Says("SSH-2.0-OpenSSH_9.2\r\n"), "what it sends is not HTTP", "safe to try again"),
        ("a long head", Does::Says(long.leak()), "larger than 8 KiB", "safe to try again"),
        (
            "too much",
            Does::Opens("HTTP/1.1 200 OK\r\n\r\nhello"),
            "more than its answer",
            "safe to try again",
        ),
        ("no TLS", Does::Says("HTTP/1.1 200 OK\r\n\r\n"), "the connection ended early", "safe to try again"),
        ("hangs", Does::Hangs(""), "within 400 ms (upstream.connect_timeout_ms)", "safe to try again"),
        (
            "hangs in the head",
            Does::Hangs("HTTP/1.1 200 O"),
            "within 400 ms (upstream.connect_timeout_ms)",
            "safe",
        ),
    ];
    for (what, does, message, hint) in cases {
        let proxy = FakeProxy::start(does);
        let launch = behind.launch(HOST, &format!("http://127.0.0.1:{}", proxy.port));
        let sidecar = launch.set("upstream.connect_timeout_ms=400").start();
        let (begin, answer) = (Instant::now(), pay(&sidecar));
        assert!(begin.elapsed() < Duration::from_secs(4), "{what}");
        assert_not_sent(what, &answer, message, hint);
        assert_eq!(proxy.heads().len(), 1, "{what}: asked once");
    }
    assert_eq!(behind.upstream.received(), Vec::<String>::new());
}

#[track_caller]
fn assert_not_sent(what: &str, answer: &Answer, message: &str, hint: &str) {
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"), "{what}: {answer:?}");
    let json = answer.json();
    let told = json["respmsg"].as_str().unwrap();
    assert!(told.contains(message), "{what}: {told}");
    let told = json["error"]["hint"].as_str().unwrap();
    assert!(told.contains(hint), "{what}: {told}");
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let behind = Behind::new(HOST);
    let dead = nobody_listens();
    let sidecar = behind.launch(HOST, &format!("http://{dead}")).start();
    let answer = pay(&sidecar);
    answer.assert_failure(502, "upstream_unreachable");
    let message = format!("through the proxy http://{dead}: it refuses connections");
    assert_not_sent("refused", &answer, &message, "safe to try again");
    let sidecar = behind.launch(HOST, "http://no-such-proxy.invalid:3128").start();
    assert_not_sent("no name", &pay(&sidecar), "its name was not found", "safe to try again");
}

#[test]
fn what_is_cut_once_the_request_left_may_have_happened() {
    let behind = Behind::new(HOST);
    let proxy = FakeProxy::start(Does::Cuts(60));
    let sidecar = behind.launch(HOST, &format!("http://127.0.0.1:{}", proxy.port)).start();
    let mut deliveries = Vec::new();
    while !deliveries.contains(&"answered".to_owned()) {
        assert!(deliveries.len() < 100, "{deliveries:?}");
        let before = behind.upstream.received().len();
        let answer = pay(&sidecar);
        let delivery = answer.header("X-Sidecar-Delivery").unwrap_or("answered").to_owned();
        // What the upstream saw is never called unsent.
        let reached = behind.upstream.received()[before..].iter().any(|request| !request.is_empty());
        assert!(!(reached && delivery == "not_sent"), "{answer:?}");
        deliveries.push(delivery);
    }
    deliveries.dedup();
    assert_eq!(deliveries, ["not_sent", "unknown", "answered"]);
}

#[test]
fn the_certificate_is_still_qfpays() {
    let behind = Behind::new("other.test");
    let proxy = FakeProxy::start(OPENS);
    let sidecar = behind.launch(HOST, &format!("http://127.0.0.1:{}", proxy.port)).start();
    assert_not_sent(
        "another name",
        &pay(&sidecar),
        "its certificate is for another name",
        "upstream.ca_file",
    );
    assert_eq!(behind.upstream.received(), Vec::<String>::new());
}

#[test]
fn plain_http_on_this_machine_goes_by_no_proxy() {
    let stage = Stage::new(&[&format!("upstream.proxy=http://{}", nobody_listens())]);
    stage.upstream.script([Reply::ok(r#"{"respcd":"0000"}"#)]);
    assert_eq!(pay(&stage.sidecar).status, 200);
    stage.sidecar.wait_for_log(&["upstream.proxy", "does nothing"]);
}

#[test]
fn a_variable_that_names_a_proxy_is_not_read_and_the_hint_names_the_setting() {
    let launch = || {
        let launch = Launch::new(&Stage::config("https://no-such-host.invalid"));
        launch.env("HTTPS_PROXY", "http://user:word@proxy.internal:3128").secret("user:word")
    };
    let sidecar = launch().start();
    sidecar.wait_for_log(&["environment variable HTTPS_PROXY", "upstream.proxy"]);
    assert_not_sent("unread", &pay(&sidecar), "its name was not found", "name the proxy in upstream.proxy");
    let sidecar = launch().set(&format!("upstream.proxy=http://{}", nobody_listens())).start();
    assert_not_sent("named", &pay(&sidecar), "it refuses connections", "safe to try again");
    assert!(!sidecar.log().contains("HTTPS_PROXY"));
}

#[test]
fn user_and_password_come_from_a_private_file_and_are_shown_nowhere() {
    let behind = Behind::new(HOST);
    let proxy = FakeProxy::start(OPENS);
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let with = |content: &str, mode| {
        let launch = behind.launch(HOST, &url).file("proxy", content, mode).secret(WORD);
        launch.set("upstream.proxy_credentials_file={folder}/proxy")
    };
    let sidecar = with(&format!("{USER}:{WORD}\n"), 0o600).start();
    assert_paid(&sidecar, &behind.upstream);
    // From coreutils' base64.
    assert!(
        proxy.heads()[0].contains("\r\nProxy-Authorization: Basic c2lkZWNhcjphLXBhc3Mtd29yZC00MQ==\r\n"),
        "{:?}",
        proxy.heads()
    );
    assert!(!behind.upstream.received()[0].contains("Proxy-Authorization"));
    let refuses = FakeProxy::start(Does::Says("HTTP/1.1 407 No\r\n\r\n"));
    let launch = with(&format!("{USER}:{WORD}\n"), 0o600);
    let sidecar = launch.set(&format!("upstream.proxy=http://127.0.0.1:{}", refuses.port)).start();
    assert_not_sent("wrong word", &pay(&sidecar), "does not take the user and password", "USER:PASSWORD");
    for (launch, why) in [
        (with(&format!("{USER}:{WORD}"), 0o644), "other users may use this key file"),
        (with(WORD, 0o600), "USER:PASSWORD and nothing else"),
        (with(&format!("{USER}:{WORD}\n{USER}:{WORD}\n"), 0o600), "USER:PASSWORD and nothing else"),
        (with(&format!("{USER}:{WORD}\n"), 0o600).set("upstream.proxy="), "upstream.proxy, which is empty"),
        (with("a:b", 0o600).set(&format!("upstream.proxy=http://{USER}:{WORD}@127.0.0.1:1")), "(not shown)"),
        (with("a:b", 0o600).set("upstream.proxy=https://127.0.0.1:1"), "plain http"),
        (with("a:b", 0o600).set("upstream.proxy=http://proxy"), "name the proxy's port"),
    ] {
        let ended = launch.ends();
        assert_eq!(ended.code, Some(2), "{why}");
        assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    }
}

#[test]
fn squid_and_tinyproxy_open_tunnels() {
    // An address, since tinyproxy tries only the first one of a name.
    let behind = Behind::new("127.0.0.1");
    let port = behind.upstream.port;
    type Start = fn(bool, u16) -> Option<RealProxy>;
    for (what, start) in [("squid", RealProxy::squid as Start), ("tinyproxy", RealProxy::tinyproxy)] {
        let Some(open) = start(false, port) else { continue };
        let sidecar = behind.launch("127.0.0.1", &format!("http://{}", open.address)).start();
        assert_paid(&sidecar, &behind.upstream);
        assert_paid(&sidecar, &behind.upstream);

        let closed = start(true, port).unwrap();
        let launch = || behind.launch("127.0.0.1", &format!("http://{}", closed.address));
        let credentials = launch().file("proxy", format!("{USER}:{WORD}"), 0o400).secret(WORD);
        let sidecar = credentials.set("upstream.proxy_credentials_file={folder}/proxy").start();
        assert_paid(&sidecar, &behind.upstream);
        let asked = "it wants a user and a password (407)";
        assert_not_sent(what, &pay(&launch().start()), asked, "upstream.proxy_credentials_file");

        // To a port that its rules do not name.
        let other = FakeUpstream::start();
        let forbidden = Launch::new(&Stage::config(&format!("https://{}", other.address)));
        let sidecar = forbidden.set(&format!("upstream.proxy=http://{}", open.address)).start();
        assert_not_sent(what, &pay(&sidecar), "it does not allow this connection (403)", "allow CONNECT");
        assert_eq!(other.connections(), 0);
    }
}
