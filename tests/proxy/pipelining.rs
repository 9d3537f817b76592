//! Requests that come before the answer to the one in front of them, and requests after which a connection closes.

use std::thread;
use std::time::Duration;

use crate::support::*;

fn payment(number: usize) -> String {
    let form = format!("out_trade_no=P-{number:03}&txamt=100");
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{form}", form.len())
}

#[test]
fn pipelined_payments_are_sent_one_by_one_and_answered_in_order() {
    let stage = Stage::new(&[]);
    let gate = Gate::default();
    let body = |number| format!(r#"{{"respcd": "0000", "out_trade_no": "P-{number:03}"}}"#);
    let held = |number| {
        let body: String = body(number);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Reply::raw(head).then_wait(&gate).then_bytes(body)
    };
    stage.upstream.script([held(0)].into_iter().chain((1..20).map(|number| Reply::ok(body(number)))));
    let mut caller = stage.sidecar.connect();
    caller.write((0..20).map(payment).collect::<String>());
    stage.upstream.wait_for_requests(1);
    thread::sleep(Duration::from_millis(100)); // in which the second one could be sent
    assert_eq!(stage.upstream.requests().len(), 1, "the second one did not wait for the first one's answer");
    gate.open();
    for number in 0..20 {
        let answer = caller.read();
        assert_eq!((answer.status, answer.text()), (200, &*body(number)));
    }
    let sent: Vec<_> =
        stage.upstream.requests().iter().map(|seen| seen.param("out_trade_no").unwrap()).collect();
    assert_eq!(sent, (0..20).map(|number| format!("P-{number:03}")).collect::<Vec<_>>());
}

#[test]
fn a_chunked_request_is_the_last_on_its_connection() {
    let stage = Stage::new(&[]);
    let mut caller = stage.sidecar.connect();
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    caller.write(format!("{head}7\r\ntxamt=1\r\n0\r\n\r\n{}", payment(1)));
    let answer = caller.read();
    assert_eq!((answer.status, answer.header("Connection")), (200, Some("close")));
    assert!(caller.try_read().is_none());
    assert_eq!(stage.only_request().params(), decode(b"txamt=1"));
}

#[test]
fn a_head_over_16_kib_is_told_which_setting_to_raise() {
    let long =
        format!("GET /trade/v1/query?syssn={} HTTP/1.1\r\nHost: localhost\r\n\r\n", "1".repeat(60_000));
    let many = format!(
        "GET /trade/v1/query?syssn=1 HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        format!("X: {}\r\n", "y".repeat(1000)).repeat(60)
    );
    let stage = Stage::new(&[]);
    for (head, status, code) in [(&long, 414, "target_too_long"), (&many, 431, "head_too_large")] {
        let answer = stage.sidecar.raw(head);
        answer.assert_failure(status, code);
        let hint = answer.json()["error"]["hint"].as_str().unwrap().to_owned();
        assert!(hint.contains("limits.head_bytes"), "{hint}");
    }
    stage.assert_nothing_sent();
    let raised = Stage::new(&["limits.head_bytes=131072"]);
    for head in [&long, &many] {
        assert_eq!(raised.sidecar.raw(head).status, 200);
    }
}
