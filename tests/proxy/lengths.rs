//! Lengths that do not fit what comes: a body that is cut would be signed and paid as it is.

use std::thread;
use std::time::Duration;

use crate::notifications::stage::{Relay, notification, request};
use crate::support::*;

const PAYMENT: &str = "/trade/v1/payment";
/// What a shop pays for two characters of three bytes each.
const FORM: &str = "goods_name=\u{8336}\u{8449}&out_trade_no=L-1&txamt=1000000";

fn head(length: usize) -> String {
    format!("POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

#[track_caller]
fn assert_told(answer: &Answer) {
    answer.assert_failure(400, "length_mismatch");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert_eq!(answer.header("Connection"), Some("close"));
}

#[test]
fn a_body_that_was_counted_in_characters_is_not_paid() {
    let stage = Stage::new(&[]);
    let cut = head(FORM.chars().count());
    let mut whole = stage.sidecar.connect();
    whole.write(format!("{cut}{FORM}"));
    assert_told(&whole.read());
    assert!(whole.try_read().is_none(), "it was answered twice");
    // Head and body are two writes of most libraries.
    let mut in_two = stage.sidecar.connect();
    in_two.write(&cut);
    thread::sleep(Duration::from_millis(50));
    in_two.write(FORM);
    assert_told(&in_two.read());
    stage.assert_nothing_sent();
    assert_eq!(stage.sidecar.raw(format!("{}{FORM}", head(FORM.len()))).status, 200);
}

#[test]
fn a_body_that_nothing_announces_is_not_dropped() {
    let stage = Stage::new(&[]);
    for target in [PAYMENT, "/trade/v1/payment?txamt=1&out_trade_no=L-2"] {
        let request = format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n\r\nout_trade_no=L-1&txamt=100");
        assert_told(&stage.sidecar.raw(request));
    }
    stage.assert_nothing_sent();
}

#[test]
fn what_comes_late_behind_a_body_is_not_part_of_the_next_method() {
    let stage = Stage::new(&[]);
    let mut caller = stage.sidecar.connect();
    caller.write(format!("{}txamt=1", head(7)));
    assert_eq!(caller.read().status, 200);
    caller.write(format!("0000{}txamt=1", head(7)));
    assert_told(&caller.read());
    assert_eq!(stage.upstream.requests().len(), 1);
}

#[test]
fn line_ends_and_further_requests_may_stand_behind_a_body() {
    let stage = Stage::new(&[]);
    let one = format!("{}txamt=1", head(7));
    let mut caller = stage.sidecar.connect();
    caller.write(format!(
        "{one}\r\n{one}GET /trade/v1/query?syssn=1 HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n{one}PO"
    ));
    for _ in 0..4 {
        assert_eq!(caller.read().status, 200);
    }
    caller.write(&one[2..]);
    assert_eq!(caller.read().status, 200);
    assert_eq!(stage.upstream.requests().len(), 5);
}

#[test]
fn a_notification_that_is_longer_than_it_says_is_not_delivered() {
    let relay = Relay::new("");
    let vector = notification();
    let mut connection = relay.connect();
    let mut longer = request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes());
    longer.extend_from_slice(b"}");
    connection.write(longer);
    assert_eq!(connection.read().status, 400);
    relay.sidecar.wait_for_log(&["notification", "length_mismatch"]);
    assert!(relay.receiver.requests().is_empty());
}
