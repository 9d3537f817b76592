//! A number that is on its way, or in doubt, goes no second time.

use std::thread;
use std::time::Duration;

use super::qfpay::{Fate, Qfpay};
use crate::support::{Answer, Launch, Sidecar, Stage};

pub fn start(qfpay: &Qfpay, settings: &[&str]) -> Sidecar {
    let launch = Launch::new(&Stage::config(&format!("http://{}", qfpay.address)));
    let launch = launch.set("orders.one_flight=true").set("orders.follow_ms=600000");
    settings.iter().fold(launch, |launch, setting| launch.set(setting)).start()
}

pub fn call(sidecar: &Sidecar, path: &str, number: &str, more: &[&str]) -> Answer {
    let number = format!("out_trade_no={number}");
    let mut arguments = vec!["-d", &number, "-d", "txamt=100"];
    more.iter().for_each(|pair| arguments.extend(["-d", pair]));
    sidecar.curl(&arguments, &format!("/trade/v1/{path}"))
}

fn pay(sidecar: &Sidecar, number: &str) -> Answer {
    call(sidecar, "payment", number, &[])
}

#[track_caller]
fn assert_held(answer: &Answer) {
    answer.assert_failure(409, "order_in_flight");
    let told = answer.json();
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert_eq!(told["respcd"], "9409");
    let hint = "Ask /sidecar/v1/outcome. Do not take a new number: that would pay twice.";
    assert_eq!(told["error"]["hint"], hint);
}

#[test]
fn a_number_that_is_on_its_way_goes_no_second_time() {
    let qfpay = Qfpay::start();
    qfpay.fate(Fate::Slow(Duration::from_millis(1500)));
    let sidecar = start(&qfpay, &[]);
    thread::scope(|scope| {
        let first = scope.spawn(|| pay(&sidecar, "A"));
        while qfpay.seen("payment").is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        assert_held(&pay(&sidecar, "A"));
        assert_held(&call(&sidecar, "refund", "A", &["syssn=7"]));
        qfpay.fate(Fate::Paid);
        assert_eq!(pay(&sidecar, "B").status, 200);
        assert_eq!(call(&sidecar, "payment", "A", &["mchid=another"]).status, 200);
        // What makes no order names one that there is.
        assert_eq!(call(&sidecar, "reversal", "A", &[]).status, 200);
        assert_eq!(first.join().unwrap().status, 200);
    });
    // QFPay takes a number once, and says so itself.
    assert_eq!(pay(&sidecar, "A").status, 200);
    assert_eq!(qfpay.seen("payment").len(), 4);
    assert!(qfpay.seen("refund").is_empty());
}

#[test]
fn a_number_in_doubt_is_held_until_qfpay_names_it() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["orders.follow_ms=0"]);
    qfpay.fate(Fate::PaidLater(Duration::from_secs(600)));
    pay(&sidecar, "A").assert_failure(502, "upstream_no_answer");
    assert_held(&pay(&sidecar, "A"));
    assert_held(&pay(&sidecar, "A"));
    // The shop's own query names it.
    qfpay.book("A", super::qfpay::PAID);
    assert_eq!(call(&sidecar, "query", "A", &[]).status, 200);
    qfpay.fate(Fate::Paid);
    assert_eq!(pay(&sidecar, "A").status, 200);
    assert_eq!(qfpay.seen("payment").len(), 2);
}

#[test]
fn a_hold_ends_by_its_time() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["orders.follow_ms=0", "orders.hold_ms=1500"]);
    qfpay.fate(Fate::Lost);
    pay(&sidecar, "A").assert_failure(502, "upstream_no_answer");
    assert_held(&pay(&sidecar, "A"));
    thread::sleep(Duration::from_millis(1600));
    qfpay.fate(Fate::Paid);
    assert_eq!(pay(&sidecar, "A").status, 200);
}

#[test]
fn what_was_not_sent_or_was_answered_holds_nothing() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["upstream.base_url=http://127.0.0.1:1"]);
    for _ in 0..2 {
        pay(&sidecar, "A").assert_failure(502, "upstream_unreachable");
    }
    let sidecar = start(&qfpay, &[]);
    for _ in 0..2 {
        assert_eq!(pay(&sidecar, "A").status, 200);
    }
}

#[test]
fn it_can_be_turned_off() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["orders.one_flight=false", "orders.follow_ms=0"]);
    qfpay.fate(Fate::Lost);
    for _ in 0..2 {
        pay(&sidecar, "A").assert_failure(502, "upstream_no_answer");
    }
    assert_eq!(qfpay.seen("payment").len(), 2);
}
