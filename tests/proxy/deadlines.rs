//! Every step of a call has a deadline of its own: what passes it is told with the setting's name, and honestly.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::*;
use rustix::net::{AddressFamily, SocketType};

const PAYMENT: &str = "/trade/v1/payment";
const FORM: &str = "txamt=100&out_trade_no=LATE-1";

/// A call that passes the deadline of this setting, which is set to 300 ms, and what the caller learns.
#[track_caller]
fn assert_late(answer: &Answer, took: Duration, status_and_code: (u16, &str), delivery: &str, setting: &str) {
    answer.assert_failure(status_and_code.0, status_and_code.1);
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some(delivery));
    let json = answer.json();
    let message = json["respmsg"].as_str().unwrap();
    assert!(message.contains(&format!("within 300 ms ({setting})")), "{message}");
    let in_doubt = delivery == "unknown";
    assert_eq!(json["respcd"] == "1298", in_doubt, "{json}");
    assert_eq!(json["out_trade_no"] == "LATE-1", in_doubt, "{json}");
    assert!(took >= Duration::from_millis(300) && took < SOON / 2, "{took:?}");
}

fn pay(sidecar: &Sidecar) -> (Answer, Duration) {
    let begun = Instant::now();
    let answer = sidecar.curl(&["-d", FORM], PAYMENT);
    (answer, begun.elapsed())
}

/// A port that takes no further connection: its queue is full, and the system drops what else comes.
fn full_port() -> (Vec<TcpStream>, TcpListener, SocketAddr) {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let waiting: Vec<_> = std::iter::from_fn(|| connect().ok()).take(16).collect();
    assert!(waiting.len() < 16, "this system's queue has no end");
    (waiting, listener, address)
}

#[test]
fn connecting_has_a_deadline() {
    let (_waiting, _listener, address) = full_port();
    let base = format!("upstream.base_url=http://{address}");
    let stage = Stage::new(&[&base, "upstream.connect_timeout_ms=300"]);
    let (answer, took) = pay(&stage.sidecar);
    let what = (504, "upstream_connect_timeout");
    assert_late(&answer, took, what, "not_sent", "upstream.connect_timeout_ms");
}

#[test]
fn tls_has_a_deadline() {
    // The system takes the connection, and nobody says a word on it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=https://{}", silent.local_addr().unwrap());
    let stage = Stage::new(&[&base, "upstream.tls_timeout_ms=300"]);
    let (answer, took) = pay(&stage.sidecar);
    let what = (504, "upstream_connect_timeout");
    assert_late(&answer, took, what, "not_sent", "upstream.tls_timeout_ms");
}

#[test]
fn connecting_and_tls_end_with_the_whole_call() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=https://{}", silent.local_addr().unwrap());
    let settings = [&base, "upstream.connect_timeout_ms=300", "upstream.call_timeout_ms=300"];
    let stage = Stage::new(&settings);
    let (answer, took) = pay(&stage.sidecar);
    let what = (504, "upstream_timeout");
    assert_late(&answer, took, what, "not_sent", "upstream.call_timeout_ms");
}

#[test]
fn writing_a_request_has_a_deadline() {
    // Taken by the system, never read; and more than its buffers hold.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=http://{}", deaf.local_addr().unwrap());
    let bytes = 15 << 20;
    let room = format!("limits.body_bytes={}", bytes + 100);
    let budget = format!("limits.large_requests_bytes={}", 2 * bytes);
    let stage = Stage::new(&[&base, &room, &budget, "upstream.write_timeout_ms=300"]);
    let file = stage.sidecar.folder.path().join("large");
    std::fs::write(&file, format!("{FORM}&goods_name={}", "x".repeat(bytes))).unwrap();
    let begun = Instant::now();
    let answer = stage.sidecar.curl(&["--data-binary", &format!("@{}", file.display())], PAYMENT);
    let what = (504, "upstream_timeout");
    assert_late(&answer, begun.elapsed(), what, "unknown", "upstream.write_timeout_ms");
}

#[test]
fn the_first_byte_has_a_deadline() {
    let stage = Stage::new(&["upstream.first_byte_timeout_ms=300"]);
    stage.upstream.script([Reply::hang()]);
    let (answer, took) = pay(&stage.sidecar);
    let what = (504, "upstream_timeout");
    assert_late(&answer, took, what, "unknown", "upstream.first_byte_timeout_ms");
    assert_eq!(stage.upstream.requests().len(), 1);
}

#[test]
fn the_first_byte_ends_the_wait_for_it() {
    let stage = Stage::new(&["upstream.first_byte_timeout_ms=300"]);
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"respcd\": \"0000\"}";
    // Half a second and more, but its first byte comes at once.
    stage.upstream.script([Reply::raw("").then_drip(answer, Duration::from_millis(9))]);
    let (answer, took) = pay(&stage.sidecar);
    assert_eq!(answer.text(), r#"{"respcd": "0000"}"#);
    assert!(took > Duration::from_millis(300), "{took:?}");
}

#[test]
fn the_whole_call_has_a_deadline() {
    let settings = ["upstream.connect_timeout_ms=300", "upstream.call_timeout_ms=300"];
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n";
    let replies = [
        Reply::raw("").then_drip(head.repeat(9), Duration::from_millis(20)),
        Reply::raw(head).then_drip("x".repeat(999), Duration::from_millis(20)),
    ];
    for reply in replies {
        let stage = Stage::new(&settings);
        stage.upstream.script([reply]);
        let (answer, took) = pay(&stage.sidecar);
        let what = (504, "upstream_timeout");
        assert_late(&answer, took, what, "unknown", "upstream.call_timeout_ms");
    }
}

#[test]
fn a_callers_body_has_a_deadline() {
    let stage = Stage::new(&["limits.body_timeout_ms=300"]);
    let mut caller = stage.sidecar.connect();
    let begun = Instant::now();
    caller.write(format!("POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{FORM}"));
    let answer = caller.read();
    answer.assert_failure(408, "body_too_slow");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert!(begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < SOON / 2);
    stage.assert_nothing_sent();
}
