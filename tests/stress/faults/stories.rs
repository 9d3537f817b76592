//! What callers learn when the way to QFPay breaks, told with the built binary: one story per kind of breakdown.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::*;

const PAYMENT: &str = "/trade/v1/payment";
const FORM: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=FAULT-1";

fn pay(stage: &Stage) -> Answer {
    stage.sidecar.curl(&["-d", FORM], PAYMENT)
}

/// The payment may have happened: the answer says so to new code and to old code, with the number to query for.
#[track_caller]
fn assert_in_doubt(stage: &Stage, answer: &Answer, status: u16, code: &str) {
    answer.assert_failure(status, code);
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
    let json = answer.json();
    assert_eq!((json["respcd"].as_str(), json["out_trade_no"].as_str()), (Some("1298"), Some("FAULT-1")));
    assert!(json["error"]["hint"].as_str().unwrap().contains("/trade/v1/query"), "{json}");
    assert_eq!(stage.upstream.requests().len(), 1, "the payment was sent exactly once");
    stage.only_request();
}

#[track_caller]
fn assert_not_sent(answer: &Answer, status: u16, code: &str) {
    answer.assert_failure(status, code);
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    let json = answer.json();
    assert_eq!(json["respcd"].as_str(), Some(&*format!("9{status}")));
    assert_eq!(json.get("out_trade_no"), None, "there is nothing to query for");
}

#[test]
fn a_refused_connection_is_not_sent() {
    let stage = Stage::new(&["upstream.base_url=http://127.0.0.1:1"]);
    assert_not_sent(&pay(&stage), 502, "upstream_unreachable");
}

#[test]
fn a_host_that_is_not_found_is_not_sent() {
    // A label of 64 letters is refused by the system's own resolver, so no name server is asked.
    let stage = Stage::new(&[&format!("upstream.base_url=https://{}.invalid", "x".repeat(64))]);
    assert_not_sent(&pay(&stage), 502, "upstream_unreachable");
}

#[test]
fn a_connection_that_does_not_come_up_is_not_sent() {
    // TCP is accepted by the system, TLS is never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=https://{}", silent.local_addr().unwrap());
    let stage = Stage::new(&[&base, "upstream.tls_timeout_ms=200"]);
    let begun = Instant::now();
    assert_not_sent(&pay(&stage), 504, "upstream_connect_timeout");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_connection_that_ends_before_the_answer_leaves_the_payment_in_doubt() {
    for reply in [
        Reply::close(),
        Reply::reset(),
        Reply::raw("HTTP/1.1 2").then_close(),
        Reply::raw("\r\n").then_close(),
    ] {
        let stage = Stage::new(&[]);
        stage.upstream.script([reply.clone()]);
        assert_in_doubt(&stage, &pay(&stage), 502, "upstream_no_answer");
        // Its breakdown says nothing about the next call.
        assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query").status, 200, "{reply:?}");
    }
}

#[test]
fn an_upstream_that_hangs_is_given_up_in_time() {
    let partly = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"respcd\":").then_hang();
    let slow = Reply::raw("").then_drip("HTTP/1.1 200 OK\r\nX: ".repeat(99), Duration::from_millis(20));
    for reply in [Reply::hang(), Reply::raw("HTTP/1.1 200 OK\r\n").then_hang(), partly, slow] {
        let stage = Stage::new(&["upstream.connect_timeout_ms=300", "upstream.call_timeout_ms=300"]);
        stage.upstream.script([reply]);
        let begun = Instant::now();
        let answer = pay(&stage);
        let took = begun.elapsed();
        assert_in_doubt(&stage, &answer, 504, "upstream_timeout");
        assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(3), "{took:?}");
    }
}

#[test]
fn a_request_of_which_only_a_part_was_taken_leaves_the_payment_in_doubt() {
    // Larger than what the system holds for an upstream that does not read.
    let form = format!("{FORM}&goods_name={}", "x".repeat(8 << 20));
    let breakdowns: [fn(&mut TcpStream); 3] = [
        |_| {}, // dropped with unread bytes, which resets
        |stream| {
            stream.shutdown(Shutdown::Write).unwrap();
            std::io::copy(stream, &mut std::io::sink()).unwrap();
        },
        |stream| {
            // It cannot be about a request that was not there yet.
            stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").unwrap();
            // Nothing more is read, so that it never is there; until the sidecar gives up.
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        },
    ];
    for breakdown in breakdowns {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("upstream.base_url=http://{}", listener.local_addr().unwrap());
        let room = ["limits.body_bytes=10000000", "limits.large_requests_bytes=20000000"];
        let stage = Stage::new(&[&base, room[0], room[1]]);
        let upstream = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 1000]).unwrap();
            breakdown(&mut stream);
            drop(stream);
            listener.set_nonblocking(true).unwrap();
            listener // a second attempt would wait in it
        });
        let answer = stage.sidecar.curl_with_input(&["--data-binary", "@-"], form.as_bytes(), PAYMENT);
        answer.assert_failure(502, "upstream_no_answer");
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
        assert_eq!(answer.json()["respcd"], "1298");
        let listener = upstream.join().unwrap();
        assert!(listener.accept().is_err(), "it was sent a second time");
    }
}

#[test]
fn an_upstream_that_is_slow_is_waited_for() {
    let stage = Stage::new(&[]);
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"respcd\": \"0000\"}";
    // More than a second in all: customers take that long to confirm a payment, and longer.
    stage.upstream.script([Reply::raw("").then_drip(answer, Duration::from_millis(25))]);
    assert_eq!(pay(&stage).text(), r#"{"respcd": "0000"}"#);
    assert_eq!(stage.upstream.requests().len(), 1);
}

#[test]
fn half_an_answer_is_never_passed_on_as_a_whole_one() {
    let truncated = [
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"respcd\":\"0000\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"respcd\":\"0000\"}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"respcd\":\"0000\"}\r\n0",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"respcd\":\"0000\"}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
    ];
    for reply in truncated {
        let stage = Stage::new(&[]);
        stage.upstream.script([Reply::raw(reply).then_close()]);
        let answer = pay(&stage);
        assert_in_doubt(&stage, &answer, 502, "upstream_truncated");
        assert!(!answer.text().contains("0000"), "{}", answer.text());
    }
}

#[test]
fn what_is_no_http_leaves_the_payment_in_doubt() {
    let garbage: [&[u8]; 9] = [
        b"garbage\r\n\r\n",
        b"\x00\x01\x02\x03\xff\xfe\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"{\"respcd\":\"0000\"}",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28", // a TLS alert
    ];
    for bytes in garbage {
        let stage = Stage::new(&[]);
        stage.upstream.script([Reply::raw(bytes).then_close()]);
        let answer = pay(&stage);
        let code = answer.header("X-Sidecar-Error").map(str::to_owned);
        assert_eq!(code.as_deref(), Some("upstream_no_answer"), "{}", bytes.escape_ascii());
        assert_in_doubt(&stage, &answer, 502, "upstream_no_answer");
    }
}

#[test]
fn an_answer_that_is_longer_than_it_says_is_cut_and_its_rest_answers_nobody() {
    let stage = Stage::new(&[]);
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    stage.upstream.script([Reply::raw(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{{\"respcd\":\"0000\"}}{forged}"
    ))]);
    assert_eq!(pay(&stage).text(), r#"{"respcd":"0000"}"#);
    for _ in 0..3 {
        let next = stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query");
        assert_eq!(next.json()["respcd"], "0000", "another call's bytes were taken for this one's answer");
    }
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), 4);
    assert_ne!(requests[0].connection, requests[1].connection, "the connection had unread bytes");
}

#[test]
fn a_large_answer_that_breaks_off_is_seen_to_break_off() {
    let stage = Stage::new(&["limits.answer_whole_bytes=1000"]);
    stage.upstream.script([Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n")
        .then_repeat([b'x'; 1000], 20)
        .then_close()]);
    let mut connection = stage.sidecar.connect();
    connection.write(format!(
        "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{FORM}",
        FORM.len()
    ));
    let mut seen = Vec::new();
    // The end may be orderly or a reset; what counts is that the announced length or last chunk never comes.
    let _ = std::io::Read::read_to_end(&mut connection.0, &mut seen);
    assert!(seen.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(!seen.ends_with(b"0\r\n\r\n") && seen.len() < 50_000, "it looks whole: {} bytes", seen.len());
}

#[test]
fn a_kept_connection_that_qfpay_closed_meanwhile_costs_no_payment() {
    let stage = Stage::new(&[]);
    for round in 1..=5 {
        assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query").status, 200);
        stage.upstream.close_connections();
        let answer = pay(&stage);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let payments = stage.upstream.requests().iter().filter(|seen| seen.path() == PAYMENT).count();
        assert_eq!(payments, round, "each payment arrives exactly once");
    }
}

#[test]
fn a_kept_connection_that_ends_once_a_payment_is_on_it_leaves_it_in_doubt() {
    let stage = Stage::new(&[]);
    for reply in [Reply::close(), Reply::reset()] {
        assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query").status, 200);
        stage.upstream.forget();
        stage.upstream.script([reply]);
        assert_in_doubt(&stage, &pay(&stage), 502, "upstream_no_answer");
        stage.upstream.forget();
    }
}

#[test]
fn a_caller_that_hangs_up_does_not_cancel_its_payment() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::raw("")
        .then_drip("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"respcd\":\"0000\"}", MOMENT)]);
    let mut caller = stage.sidecar.connect();
    let length = FORM.len();
    caller.write(format!(
        "POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: gone\r\nContent-Length: {length}\r\n\r\n{FORM}"
    ));
    stage.upstream.wait_for_requests(1);
    drop(caller);
    let line = stage.sidecar.wait_for_log(&["INFO", "request_id=gone"]);
    for part in ["status=200", r#"delivery="answered""#, r#"endpoint="/trade/v1/payment""#] {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(stage.upstream.requests().len(), 1);
}

const MOMENT: Duration = Duration::from_millis(5);

#[test]
fn a_caller_that_hangs_up_in_its_body_sends_nothing() {
    let stage = Stage::new(&[]);
    let mut caller = stage.sidecar.connect();
    caller.write(format!(
        "POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: half\r\nContent-Length: 99\r\n\r\n{FORM}"
    ));
    caller.end();
    drop(caller);
    let line = stage.sidecar.wait_for_log(&["request_id=half"]);
    assert!(line.contains(r#"error="body_incomplete""#) && line.contains(r#"delivery="not_sent""#), "{line}");
    stage.assert_nothing_sent();
}

#[test]
fn calls_at_once_get_each_its_own_answer() {
    let stage = Stage::new(&[]);
    let sidecar = &stage.sidecar;
    std::thread::scope(|threads| {
        for i in 0..8 {
            threads.spawn(move || {
                for j in 0..5 {
                    let form = format!("out_trade_no=P{i}-{j}&txamt=1");
                    assert_eq!(sidecar.curl(&["-d", &form], PAYMENT).json()["respcd"], "0000");
                }
            });
        }
    });
    let mut orders: Vec<_> =
        stage.upstream.requests().iter().map(|seen| seen.param("out_trade_no").unwrap()).collect();
    orders.sort();
    orders.dedup();
    assert_eq!(orders.len(), 40, "each order arrived once");
    assert_eq!(stage.upstream.requests().len(), 40);
}

#[test]
fn an_upstream_that_comes_back_is_used_again() {
    let port = nobody_listens().to_string();
    let stage = Stage::new(&[&format!("upstream.base_url=http://{port}")]);
    assert_not_sent(&pay(&stage), 502, "upstream_unreachable");
    let back = FakeUpstream::start_at(&port);
    assert_eq!(pay(&stage).status, 200);
    assert_eq!(back.requests().len(), 1);
}
