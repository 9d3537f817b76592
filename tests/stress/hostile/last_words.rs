//! Whoever is refused hears why, on every listener, once, and also while it is still sending.

use std::io::Write;
use std::thread;

use super::process::{Memory, assert_served};
use crate::support::*;

const RECEIVER: &str = r#"
listen.notifications = "127.0.0.1:0"
sandbox.listen = "127.0.0.1:0"
limits.header_timeout_ms = 300
[[notifications.routes]]
path = "/qfpay/notify"
receiver_url = "http://127.0.0.1:1/"
"#;

/// Settings that must stand above the first section.
fn every_listener() -> Sidecar {
    // The sandbox has a key of its own.
    let config = Stage::config("sandbox").replace("client_key_file = \"{folder}/key\"\n", "");
    let (settings, apps) = config.split_once("[apps.shop]").unwrap();
    let (more, routes) = RECEIVER.split_once("[[").unwrap();
    Launch::new(&format!("{settings}{more}[apps.shop]{apps}[[{routes}")).start()
}

#[test]
fn every_listener_says_what_is_wrong_with_a_head() {
    let sidecar = every_listener();
    let addresses = [
        sidecar.api.clone(),
        sidecar.admin.clone(),
        sidecar.notifications.clone().unwrap(),
        sidecar.sandbox.clone().unwrap(),
    ];
    for address in &addresses {
        let refused = |bytes: &[u8], end: bool| {
            let mut connection = Connection::open(address);
            connection.write(bytes);
            if end {
                connection.end();
            }
            let answer = sidecar.seen(connection.read());
            assert_eq!(answer.header("Connection"), Some("close"));
            assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
            assert!(connection.try_read().is_none(), "it was answered twice");
            let said = answer.json()["respmsg"].as_str().unwrap().to_owned();
            (answer.status, answer.header("X-Sidecar-Error").unwrap().to_owned(), said)
        };
        for (bytes, end, status, code, words) in [
            (&b"garbage\r\n\r\n"[..], false, 400, "head_malformed", "one HTTP/1.1 request"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false, 400, "head_malformed", "TLS"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false, 400, "head_malformed", "HTTP/2"),
            (b"GET / HTTP/1.1\r\nHost: loc", true, 400, "head_malformed", "ended before"),
            (b"GET / HTTP/1.1\r\nHost: loc", false, 408, "head_too_slow", "limits.header_timeout_ms"),
            (b"GET / HTTP/1.1\nHost: localhost\n\n", false, 400, "head_malformed", "ends in LF alone"),
        ] {
            let (got, name, said) = refused(bytes, end);
            assert_eq!((got, &*name), (status, code), "{address}: {said}");
            assert!(said.contains(words), "{address}: {said}");
        }
        // Who sent nothing is closed without a word.
        assert!(Connection::open(address).try_read().is_none());
    }
    let metrics = sidecar.admin("/metrics");
    let line = metrics.text().lines().find(|line| line.contains("head_too_slow")).unwrap();
    assert!(line.starts_with("qfpay_sidecar_requests_total{") && line.ends_with(" 1"), "{line}");
}

#[test]
fn a_second_head_that_is_wrong_or_slow_leaves_the_first_answer_whole() {
    let stage = Stage::new(&["limits.header_timeout_ms=300", "limits.idle_timeout_ms=600", "log.level=info"]);
    let first = "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1";
    for (second, code) in [("garbage\r\n\r\n", "head_malformed"), ("GET /trade HTT", "head_too_slow")] {
        let large = "x".repeat(200_000);
        for body in ["{}", &large] {
            stage.upstream.script([Reply::ok(body), Reply::ok(body)]);
            // Behind it at once, and after its answer.
            let mut connection = stage.sidecar.connect();
            connection.write(format!("{first}{second}"));
            assert_eq!(connection.read().text(), body);
            stage
                .sidecar
                .seen(connection.read())
                .assert_failure(if code == "head_malformed" { 400 } else { 408 }, code);
            assert!(connection.try_read().is_none());
            let mut connection = stage.sidecar.connect();
            connection.write(first);
            assert_eq!(connection.read().text(), body);
            connection.write(second);
            assert_eq!(stage.sidecar.seen(connection.read()).header("X-Sidecar-Error"), Some(code));
            assert!(connection.try_read().is_none());
        }
    }
}

#[test]
fn a_caller_that_sends_100_mb_reads_why_they_were_refused() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    stage.upstream.forget();
    let body = vec![b'a'; 100 << 20];
    // Real curl, without waiting for 100-continue.
    for framing in ["Expect:", "Transfer-Encoding: chunked"] {
        let sent = ["-H", "Expect:", "-H", framing, "--data-binary", "@-"];
        stage
            .sidecar
            .curl_with_input(&sent, &body, "/trade/v1/payment")
            .assert_failure(413, "body_too_large");
    }
    // A caller that looks for its answer only once it has sent everything.
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";
    let mut announced = stage.sidecar.connect();
    announced.write(format!("{head}Content-Length: {}\r\n\r\n", body.len()));
    announced.0.write_all(&body).expect("nothing is reset while it sends");
    stage.sidecar.seen(announced.read()).assert_failure(413, "body_too_large");
    let mut chunked = stage.sidecar.connect();
    chunked.write(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    (0..1600).for_each(|_| chunked.0.write_all(chunk.as_bytes()).expect("nothing is reset while it sends"));
    stage.sidecar.seen(chunked.read()).assert_failure(413, "body_too_large");
    assert_eq!(stage.upstream.requests().len(), 0);
    memory.assert_bounded("100 MB bodies, one by one");
}

#[test]
fn many_bodies_of_100_mb_at_once_keep_nobody_out() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    let senders: Vec<_> = (0..20)
        .map(|number| {
            let mut connection = stage.sidecar.connect();
            thread::spawn(move || {
                let framing = match number % 2 {
                    0 => "Content-Length: 104857600\r\n\r\n".to_owned(),
                    _ => "Transfer-Encoding: chunked\r\n\r\n".to_owned(),
                };
                let piece = match number % 2 {
                    0 => "a".repeat(0x10000),
                    _ => format!("10000\r\n{}\r\n", "a".repeat(0x10000)),
                };
                connection.write(format!("POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n{framing}"));
                (0..300).for_each(|_| connection.write(&piece));
                connection.read()
            })
        })
        .collect();
    assert_served(&stage, "20 large bodies");
    for sender in senders {
        sender.join().unwrap().assert_failure(413, "body_too_large");
    }
    memory.assert_bounded("20 large bodies");
}
