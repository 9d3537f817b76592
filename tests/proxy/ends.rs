//! Ends that nobody may take for another one: of QFPay's answers, and of the callers' connections.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::support::*;

const PAYMENT: &str = "/trade/v1/payment";
const QUERY: &str = "/trade/v1/query";
const CUT: &str = r#"{"respcd": "0000", "out_trade_no": "E-1", "sys"#;

fn post(path: &str, lines: &str, form: &str) -> String {
    let length = form.len();
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {length}\r\n\r\n{form}")
}

#[test]
fn an_answer_in_a_transfer_coding_that_nobody_asked_for_is_in_doubt() {
    let stage = Stage::new(&[]);
    let whole = r#"{"respcd": "0000", "out_trade_no": "E-1"}"#;
    for lines in [
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding:",
        "Content-Length: 500\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
    ] {
        for body in [CUT, whole] {
            let body = match lines.ends_with("chunked") {
                true => format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
                false => body.to_owned(),
            };
            let answer = || Reply::raw(format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n{body}")).then_close();
            stage.upstream.script([answer()]);
            let told = stage.sidecar.curl(&["-d", "out_trade_no=E-1"], PAYMENT);
            told.assert_failure(502, "answer_unclear");
            assert_eq!(told.header("X-Sidecar-Delivery"), Some("unknown"), "{lines}");
            stage.upstream.script([answer(), answer()]);
            stage.sidecar.curl(&["-d", "out_trade_no=E-1"], QUERY).assert_failure(502, "answer_unclear");
        }
    }
}

#[test]
fn a_long_answer_that_only_its_connection_ends_does_not_end_in_the_middle() {
    let stage = Stage::new(&["limits.answer_whole_bytes=1024"]);
    let rows = r#"{"out_trade_no": "E-1"},"#.repeat(200);
    for (end, whole) in [("{}]}", true), ("{}]} \r\n", true), ("{\"out_tr", false)] {
        let body = format!("{{\"respcd\": \"0000\", \"data\": [{rows}{end}");
        stage.upstream.script([Reply::raw(format!("HTTP/1.1 200 OK\r\n\r\n{body}")).then_close()]);
        let mut caller = stage.sidecar.connect();
        caller.write(post(QUERY, "Connection: close\r\n", "page=1"));
        let mut got = Vec::new();
        let _ = caller.0.read_to_end(&mut got);
        assert_eq!(got.ends_with(b"0\r\n\r\n"), whole, "{end:?}: {}", String::from_utf8_lossy(&got));
    }
    stage.sidecar.wait_for_log(&["WARN", "broke off", "in the middle"]);
}

#[test]
fn an_answer_that_breaks_off_ends_in_a_reset_where_no_end_is_announced() {
    let stage = Stage::new(&["limits.answer_whole_bytes=1024"]);
    let row = "x".repeat(64 * 1024);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for whole in [true, false] {
        let last = if whole { "0\r\n\r\n" } else { "" };
        let answer = format!("{head}{:x}\r\n{row}\r\n{last}", row.len());
        stage.upstream.script([Reply::raw(answer).then_close()]);
        let mut caller = stage.sidecar.connect();
        caller.write(post(QUERY, "", "page=1").replace("HTTP/1.1", "HTTP/1.0"));
        let ended = caller.0.read_to_end(&mut Vec::new());
        assert_eq!(ended.is_ok(), whole, "{ended:?}");
    }
}

#[test]
fn a_line_end_behind_a_request_takes_no_answer_back() {
    let stage = Stage::new(&[]);
    let large = "x".repeat(300_000);
    for lines in ["Connection: close\r\n", "connection: Keep-Alive, Close\r\n", ""] {
        let gate = Gate::default();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{large}", large.len());
        stage.upstream.script([Reply::raw("").then_wait(&gate).then_bytes(answer)]);
        let mut caller = stage.sidecar.connect();
        rustix::net::sockopt::set_socket_recv_buffer_size(&caller.0, 4096).unwrap();
        let request = post(QUERY, lines, "page=1");
        caller.write(if lines.is_empty() { request.replace("HTTP/1.1", "HTTP/1.0") } else { request });
        stage.upstream.wait_for_requests(1);
        stage.upstream.forget();
        caller.write("\r\n");
        gate.open();
        thread::sleep(Duration::from_millis(300)); // it is written, and its connection closed
        let answer = caller.read();
        assert_eq!((answer.text().len(), answer.header("Keep-Alive")), (large.len(), None), "{lines:?}");
    }
}

#[test]
fn an_answer_to_a_body_that_was_not_read_promises_no_further_one() {
    let stage = Stage::new(&["limits.body_bytes=1000", "limits.body_timeout_ms=300"]);
    let body = "txamt=100&out_trade_no=E-1";
    let head = |path: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
    };
    for (head, behind, code) in [
        (head("/nowhere", body.len()), body, "path_unknown"),
        (head(PAYMENT, 5000), body, "body_too_large"),
        (head(PAYMENT, 500), body, "body_too_slow"),
        (head("/nowhere", 100_000), &"x".repeat(100_000), "path_unknown"),
    ] {
        let mut caller = stage.sidecar.connect();
        caller.write(head);
        thread::sleep(Duration::from_millis(50));
        // It may have been answered by now.
        let _ = caller.0.write_all(behind.as_bytes());
        let answer = caller.read();
        assert_eq!(answer.header("X-Sidecar-Error"), Some(code));
        assert_eq!(
            (answer.header("Connection"), answer.header("Keep-Alive")),
            (Some("close"), None),
            "{code}"
        );
        let _ = caller.0.shutdown(Shutdown::Both);
    }
    stage.assert_nothing_sent();
    // One that was read is no reason to close.
    let mut caller = stage.sidecar.connect();
    for _ in 0..2 {
        caller.write(post(PAYMENT, "", "txamt=1&txamt=2"));
        caller.read().assert_failure(400, "parameter_repeated");
    }
}
