//! Floods of headers, endless lines, and the settings that bound them.

use std::thread;

use super::process::Memory;
use crate::support::*;

const LINE: &str = "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\n";

#[test]
fn floods_of_headers_are_told_what_is_too_much() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    stage.upstream.forget();
    let rows = [
        ("10,000 headers", format!("{LINE}{}\r\n", "X: y\r\n".repeat(10_000)), 431, "head_too_large"),
        ("101 headers", format!("{LINE}{}\r\n", "X: y\r\n".repeat(101)), 431, "head_too_large"),
        ("a header of 1 MB", format!("{LINE}X: {}\r\n\r\n", "y".repeat(1 << 20)), 431, "head_too_large"),
        ("a name of 1 MB", format!("{LINE}{}: y\r\n\r\n", "X".repeat(1 << 20)), 431, "head_too_large"),
        ("empty lines", "\r\n".repeat(1 << 20), 431, "head_too_large"),
        (
            "a target of 1 MB",
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20)),
            414,
            "target_too_long",
        ),
        (
            "a query of 65535 bytes",
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(65_534)),
            414,
            "target_too_long",
        ),
        ("a method of 1 MB", format!("{} / HTTP/1.1\r\n\r\n", "A".repeat(1 << 20)), 414, "target_too_long"),
    ];
    let count = rows.len();
    for (name, request, status, code) in rows {
        let answer = stage.sidecar.raw(request);
        assert_eq!((answer.status, answer.header("X-Sidecar-Error")), (status, Some(code)), "{name}");
    }
    assert_eq!(stage.upstream.requests().len(), 0);
    memory.assert_bounded(&format!("{count} floods of headers"));
}

#[test]
fn senders_without_end_are_answered_while_they_send() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    stage.upstream.forget();
    let rows = [
        ("a header line", format!("{LINE}X: "), "y", "head_too_large"),
        ("headers", LINE.to_owned(), "X-Y: z\r\n", "head_too_large"),
        ("a request line", String::new(), "A", "target_too_long"),
        ("a target", "GET /".to_owned(), "a", "target_too_long"),
        ("a query", "GET /trade/v1/query?syssn=".to_owned(), "%20", "target_too_long"),
        (
            "a chunked body",
            format!("{LINE}Transfer-Encoding: chunked\r\n\r\n"),
            "4\r\nabcd\r\n",
            "body_too_large",
        ),
        ("a chunk extension", format!("{LINE}Transfer-Encoding: chunked\r\n\r\n4;"), "a", "body_incomplete"),
    ];
    let count = rows.len();
    for (name, beginning, piece, code) in rows {
        let mut connection = stage.sidecar.connect();
        connection.write(beginning);
        let mut sender = Connection(connection.0.try_clone().unwrap());
        let flood = piece.repeat(16_384 / piece.len());
        // Until the sidecar has closed the connection, or 100 MB.
        let sending = thread::spawn(move || (0..6_400).for_each(|_| sender.write(&flood)));
        let answer = stage.sidecar.seen(connection.read());
        assert_eq!(answer.header("X-Sidecar-Error"), Some(code), "{name}");
        drop(connection.0.shutdown(std::net::Shutdown::Both));
        sending.join().unwrap();
    }
    assert_eq!(stage.upstream.requests().len(), 0);
    memory.assert_bounded(&format!("{count} senders without end"));
}

#[test]
fn the_bounds_of_a_head_are_settings() {
    let stage = Stage::new(&["limits.headers=10", "limits.head_bytes=8192"]);
    let get = |headers: &str| {
        let line = "GET /trade/v1/query?syssn=1 HTTP/1.1\r\nHost: localhost\r\n";
        stage.sidecar.raw(format!("{line}{headers}\r\n"))
    };
    assert_eq!(get(&"X: y\r\n".repeat(9)).status, 200);
    get(&"X: y\r\n".repeat(10)).assert_failure(431, "head_too_large");
    assert_eq!(get(&format!("X: {}\r\n", "y".repeat(8_000))).status, 200);
    get(&format!("X: {}\r\n", "y".repeat(8_192))).assert_failure(431, "head_too_large");
}

#[test]
fn large_requests_share_a_budget_and_small_ones_need_none() {
    let stage = Stage::new(&[
        "limits.large_requests_bytes=50000",
        "limits.body_bytes=50000",
        "notifications.body_bytes=50000",
    ]);
    let body = format!("syssn={}", "1".repeat(40_000));
    let large = |stage: &Stage| stage.sidecar.curl(&["-H", "Expect:", "-d", &body], "/trade/v1/query");
    // One after the other is right; so what was taken is given back.
    for _ in 0..3 {
        assert_eq!(large(&stage).status, 200);
    }
    let mut holder = stage.sidecar.connect();
    holder.write(format!("{LINE}Content-Length: 40006\r\n\r\n{}", &body[..30_000]));
    // Tried until the holder's bytes have arrived.
    let mut tries = 0;
    while large(&stage).status == 200 {
        tries += 1;
        assert!(tries < 1_000, "the budget bounds nothing");
    }
    large(&stage).assert_failure(503, "memory_busy");
    assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query").status, 200);
    holder.write(&body[30_000..]);
    assert_eq!(holder.read().status, 200);
    assert_eq!(large(&stage).status, 200);
}

#[test]
fn what_stands_behind_a_number_sign_is_not_lost_when_a_pipelined_head_comes_in_pieces() {
    let stage = Stage::new(&[]);
    let mut connection = stage.sidecar.connect();
    connection.write(
        "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\nGET /trade/v1/query?goods_name=Room%20#5&mchid=BRANCH7",
    );
    assert_eq!(connection.read().status, 404);
    connection.write(" HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stage.sidecar.seen(connection.read()).assert_failure(400, "target_refused");
    stage.assert_nothing_sent();
}
