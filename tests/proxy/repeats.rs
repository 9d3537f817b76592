//! What is sent a second time, and what never is.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::*;

const QUERY: &str = "/trade/v1/query";
const PAYMENT: &str = "/trade/v1/payment";

/// Every path that QFPay documents under what is served here, and whether asking twice is harmless. From QFPay's
/// documentation: what is named query, the statements and the lists read; everything else acts.
const PATHS: &[(&str, &str, bool)] = &[
    ("POST", "/trade/v1/payment", false),
    ("POST", "/trade/v1/refund", false),
    ("POST", "/trade/v1/reversal", false),
    ("POST", "/trade/v1/close", false),
    ("GET", "/trade/v1/close", false),
    ("POST", "/trade/v1/authtrade", false),
    ("POST", "/trade/v1/unfreeze", false),
    ("POST", "/trade/v1/add_note", false),
    ("POST", "/trade/v1/payment_verify", false),
    ("POST", "/trade/v1/brand_new", false),
    ("GET", "/tool/v1/get_weixin_openid", false),
    ("POST", "/payment_element/v1/create_payment_intent", false),
    ("POST", "/payment_element/v1/create_token_intent", false),
    ("POST", "/customer/v1/create", false),
    ("POST", "/customer/v1/delete", false),
    ("POST", "/product/v1/update", false),
    ("POST", "/subscription/v1/create", false),
    ("POST", "/subscription/v1/cancel", false),
    ("POST", "/subscription/v1/charge", false),
    ("POST", "/custom/v1/declare", false),
    ("POST", "/custom/v1/redeclare", false),
    ("POST", "/trade/v1/query", true),
    ("GET", "/trade/v1/query", true),
    ("GET", "/tool/v1/mcc", true),
    ("POST", "/customer/v1/query", true),
    ("POST", "/product/v1/query", true),
    ("POST", "/subscription/v1/query", true),
    ("POST", "/subscription/billing_order/v1/list", true),
    ("POST", "/token/v1/query", true),
    ("POST", "/custom/v1/query", true),
    ("POST", "/download/v1/trade_bill", true),
    ("GET", "/settlement/v1/query", true),
    ("POST", "/mch/v1/query", true),
    ("POST", "/mch/v1/apply_info", true),
];

const ALL_ROUTES: &str = r#"routes.allow=["/tool/v1/", "/trade/v1/", "/payment_element/v1/", "/customer/v1/", "/product/v1/", "/subscription/", "/token/v1/query", "/custom/v1/", "/download/v1/", "/settlement/v1/", "/mch/v1/"]"#;

fn requests_of(stage: &Stage, path: &str) -> usize {
    stage.upstream.requests().iter().filter(|seen| seen.path() == path).count()
}

#[test]
fn only_what_reads_is_asked_again_after_a_broken_answer() {
    let stage = Stage::new(&[ALL_ROUTES]);
    for (method, path, reads) in PATHS {
        for reply in [
            Reply::close(),
            Reply::reset(),
            Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{").then_close(),
        ] {
            stage.upstream.forget();
            stage.upstream.script([reply]);
            let target = format!("{path}?out_trade_no=R-1");
            let answer = stage.sidecar.curl(&["-X", method], &target);
            let expected = if *reads { (200, 2) } else { (502, 1) };
            assert_eq!((answer.status, requests_of(&stage, path)), expected, "{method} {path}");
            let signatures: Vec<_> = stage.upstream.requests().iter().map(|seen| seen.raw.clone()).collect();
            assert!(signatures.iter().all(|raw| *raw == signatures[0]), "the repeat is the same request");
        }
    }
}

#[test]
fn a_repeat_is_logged_and_counted() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::close()]);
    let asked = ["-H", "X-Request-Id: twice", "-d", "syssn=1"];
    assert_eq!(stage.sidecar.curl(&asked, QUERY).status, 200);
    let line = stage.sidecar.wait_for_log(&["request_id=twice"]);
    assert!(line.contains("repeated=true"), "{line}");
    let once = ["-H", "X-Request-Id: once", "-d", "syssn=1"];
    assert_eq!(stage.sidecar.curl(&once, QUERY).status, 200);
    let line = stage.sidecar.wait_for_log(&["request_id=once"]);
    assert!(!line.contains("repeated"), "{line}");
    assert!(stage.sidecar.admin("/metrics").text().contains("qfpay_sidecar_repeats_total 1\n"));
}

#[test]
fn a_query_is_asked_twice_and_not_three_times() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::close(), Reply::close(), Reply::close()]);
    let answer = stage.sidecar.curl(&["-d", "out_trade_no=R-1"], QUERY);
    answer.assert_failure(502, "upstream_no_answer");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
    assert_eq!(requests_of(&stage, QUERY), 2);
}

#[test]
fn an_answer_is_an_answer_and_is_not_asked_for_again() {
    for status in ["429 Too Many Requests", "500 Internal Server Error", "502 Bad Gateway", "503 Busy"] {
        let stage = Stage::new(&[]);
        stage.upstream.script([Reply::of(status, "", "{}")]);
        let answer = stage.sidecar.curl(&["-d", "syssn=1"], QUERY);
        assert!(status.starts_with(&answer.status.to_string()) && !answer.is_failure());
        assert_eq!(requests_of(&stage, QUERY), 1, "{status}");
    }
}

#[test]
fn a_repeat_stays_within_the_deadline() {
    let stage = Stage::new(&["upstream.connect_timeout_ms=400", "upstream.call_timeout_ms=400"]);
    // The first takes all of it.
    stage.upstream.script([Reply::hang()]);
    let begun = Instant::now();
    stage.sidecar.curl(&["-d", "syssn=1"], QUERY).assert_failure(504, "upstream_timeout");
    assert_eq!(requests_of(&stage, QUERY), 1);
    assert!(begun.elapsed() < SOON / 2);
    // The first breaks at once, the second hangs: both together take no longer than the one deadline.
    stage.upstream.forget();
    stage.upstream.script([Reply::close(), Reply::hang()]);
    let begun = Instant::now();
    stage.sidecar.curl(&["-d", "syssn=1"], QUERY).assert_failure(504, "upstream_timeout");
    assert_eq!(requests_of(&stage, QUERY), 2);
    assert!(begun.elapsed() >= Duration::from_millis(400) && begun.elapsed() < SOON / 2);
}

#[test]
fn an_answer_that_does_not_begin_is_asked_for_again() {
    let stage = Stage::new(&["upstream.first_byte_timeout_ms=300"]);
    stage.upstream.script([Reply::hang()]);
    assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], QUERY).status, 200);
    assert_eq!(requests_of(&stage, QUERY), 2);
}

#[test]
fn a_repeat_that_is_not_sent_does_not_undo_the_first() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=http://{}", listener.local_addr().unwrap());
    let stage = Stage::new(&[&base]);
    std::thread::scope(|threads| {
        threads.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Nobody listens any more before the first connection breaks.
            drop(listener);
            assert!(std::io::Read::read(&mut stream, &mut [0; 4096]).unwrap() > 0);
        });
        let answer = stage.sidecar.curl(&["-d", "syssn=1"], QUERY);
        answer.assert_failure(502, "upstream_no_answer");
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
    });
}

#[test]
fn bytes_that_came_unasked_are_nobodys_answer() {
    let stage = Stage::new(&[]);
    for round in 1..=50 {
        assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], QUERY).status, 200);
        // A second answer to the query, sent before the payment is made: a payment on this connection would get it.
        stage.upstream.send_unasked("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
        let answer = stage.sidecar.curl(&["-d", "out_trade_no=R-1"], PAYMENT);
        assert_eq!((answer.status, answer.json()["respcd"].as_str()), (200, Some("0000")));
        assert_eq!(requests_of(&stage, PAYMENT), round, "each payment arrives exactly once");
    }
}

#[test]
fn an_answer_that_names_another_order_is_nobodys_and_ends_its_connection() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::ok(r#"{"respcd": "0000", "out_trade_no": "R-0"}"#)]);
    let answer = stage.sidecar.curl(&["-d", "out_trade_no=R-1"], PAYMENT);
    answer.assert_failure(502, "order_mismatch");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
    assert_eq!((&answer.json()["respcd"], &answer.json()["out_trade_no"]), (&"1298".into(), &"R-1".into()));
    // Its own answer, and those that name none, are passed on.
    stage.upstream.script([Reply::ok(r#"{"respcd": "0000", "out_trade_no": "R-2"}"#)]);
    assert_eq!(stage.sidecar.curl(&["-d", "out_trade_no=R-2"], PAYMENT).json()["out_trade_no"], "R-2");
    assert_eq!(stage.sidecar.curl(&["-d", "out_trade_no=R-3"], PAYMENT).status, 200);
    let requests = stage.upstream.requests();
    assert_ne!(requests[0].connection, requests[1].connection);
}

#[test]
fn a_kept_connection_that_ends_just_before_it_is_used_costs_no_payment() {
    let stage = Stage::new(&[]);
    // The end of the connection and the payment race each other, so many times.
    for round in 1..=50 {
        let mut caller = stage.sidecar.connect();
        caller.write("GET /trade/v1/query?syssn=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(caller.read().status, 200);
        stage.upstream.close_connections();
        caller.write(format!("POST {PAYMENT}?out_trade_no=R-{round} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let answer = caller.read();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(requests_of(&stage, PAYMENT), round, "each payment arrives exactly once");
    }
}
