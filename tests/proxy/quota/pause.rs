//! QFPay's own 429: passed on as it is, and then the app pauses, payments included.

use std::process::Command;
use std::thread;

use super::stage::*;
use crate::support::{Gate, Reply, Stage};

const BODY: &str = r#"{"respcd": "1297", "resperr": "too many"}"#;

fn too_many(headers: &str) -> Reply {
    Reply::of("429 Too Many Requests", headers, BODY)
}

/// A stage without limits of its own, where only QFPay's 429 counts.
fn pausing(settings: &[&str]) -> Stage {
    Stage::launch(|launch| {
        settings.iter().fold(with_other_app(launch), |launch, setting| launch.set(setting))
    })
}

/// How long each pause was, in milliseconds, from the log. Waits until there are so many.
fn pauses(stage: &Stage, count: usize) -> Vec<u64> {
    let words = "QFPay answered 429: calls of the app pause";
    eventually("that every pause is told", || stage.sidecar.log().matches(words).count() >= count);
    let log = stage.sidecar.log();
    let lines = log.lines().filter(|line| line.contains(words));
    lines.map(|line| line.split(" ms=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()).collect()
}

/// Calls until the pause is over and QFPay answers, with this status.
fn until_sent(stage: &Stage, status: u16) {
    let sent = stage.upstream.requests().len();
    eventually("the end of a pause", || {
        let answer = call(&stage.sidecar, PAYMENT);
        match stage.upstream.requests().len() > sent {
            true => assert_eq!((answer.status, answer.is_failure()), (status, false)),
            false => drop(assert_refused(&answer, "quota_paused")),
        }
        stage.upstream.requests().len() > sent
    });
}

#[test]
fn a_429_is_passed_on_and_pauses_that_app_only() {
    let stage = pausing(&["quota.pause_ms=100"]);
    stage.upstream.script([too_many("Retry-After: 60\r\nX-Shape: odd\r\n")]);
    let answer = call(&stage.sidecar, QUERY);
    assert_eq!((answer.status, answer.text(), answer.is_failure()), (429, BODY, false));
    assert_eq!((answer.header("Retry-After"), answer.header("X-Shape")), (Some("60"), Some("odd")));
    stage.sidecar.wait_for_log(&["request", "status=429", "delivery=\"answered\""]);
    for path in [PAYMENT, QUERY] {
        let refused = call(&stage.sidecar, path);
        let seconds = assert_refused(&refused, "quota_paused");
        assert!((40..=60).contains(&seconds), "{seconds}");
        assert!(refused.json()["respmsg"].as_str().unwrap().contains("QFPay answered 429"));
    }
    let header = format!("X-QF-APPCODE: {OTHER_CODE}\r\n");
    assert_eq!(call_with(&stage.sidecar, PAYMENT, &header).status, 200);
    assert_eq!(stage.upstream.requests().len(), 2, "nothing was sent during the pause");
    assert_eq!(metric(&stage.sidecar, "qfpay_sidecar_quota_pauses_total{app=\"shop\"}"), Some(1.0));
    let paused = "qfpay_sidecar_quota_decisions_total{app=\"shop\",source=\"local\",outcome=\"paused\"}";
    assert_eq!(metric(&stage.sidecar, paused), Some(2.0));
}

#[test]
fn pauses_double_until_qfpay_answers_again() {
    let stage = pausing(&["quota.pause_ms=80", "quota.pause_max_ms=300"]);
    stage.upstream.script([too_many(""), too_many("Retry-After: 0\r\n"), too_many(""), too_many("")]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    for _ in 0..3 {
        until_sent(&stage, 429);
    }
    until_sent(&stage, 200);
    stage.upstream.script([too_many("")]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    assert_eq!(pauses(&stage, 5), [80, 160, 300, 300, 80]);
}

#[test]
fn retry_after_may_be_a_date_and_is_bounded() {
    let stage = pausing(&["quota.pause_ms=100", "quota.pause_max_ms=600000"]);
    // By the system's own clock and calendar.
    let date = Command::new("date")
        .env("LC_ALL", "C")
        .args(["-u", "-d", "+100 seconds", "+%a, %d %b %Y %T GMT"])
        .output();
    let date = String::from_utf8(date.unwrap().stdout).unwrap();
    stage.upstream.script([too_many(&format!("Retry-After: {}\r\n", date.trim()))]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    let length = pauses(&stage, 1)[0];
    assert!((60_000..=100_000).contains(&length), "{length}, {date}");

    let stage = pausing(&["quota.pause_ms=100", "quota.pause_max_ms=1200"]);
    stage.upstream.script([too_many("Retry-After: 86400\r\n")]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    assert_eq!(pauses(&stage, 1), [1200]);
    assert_eq!(assert_refused(&call(&stage.sidecar, PAYMENT), "quota_paused"), 2, "rounded up");
}

#[test]
fn many_429_at_once_are_one_pause() {
    let stage = pausing(&["quota.pause_ms=500"]);
    let gate = Gate::default();
    let head = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n";
    stage.upstream.script((0..6).map(|_| Reply::raw("").then_wait(&gate).then_bytes(format!("{head}{{}}"))));
    thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|_| scope.spawn(|| call(&stage.sidecar, PAYMENT).status)).collect();
        stage.upstream.wait_for_requests(6);
        gate.open();
        for call in calls {
            assert_eq!(call.join().unwrap(), 429);
        }
    });
    let pauses = pauses(&stage, 6);
    assert_eq!(pauses.iter().max(), Some(&500), "{pauses:?}");
}

#[test]
fn zero_turns_pauses_off() {
    let stage = pausing(&["quota.pause_ms=0"]);
    stage.upstream.script([too_many("Retry-After: 60\r\n")]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
}

#[test]
fn a_call_that_waits_hears_of_a_pause() {
    // One at once, and one every second.
    let stage = stage(&["quota.per_second=1", "quota.max_wait_ms=20000", "quota.pause_ms=60000"]);
    let gate = Gate::default();
    let late = Reply::raw("")
        .then_wait(&gate)
        .then_bytes("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n");
    stage.upstream.script([late]);
    thread::scope(|scope| {
        let first = scope.spawn(|| call(&stage.sidecar, PAYMENT).status);
        stage.upstream.wait_for_requests(1);
        let second = scope.spawn(|| call(&stage.sidecar, PAYMENT));
        eventually("two calls", || metric(&stage.sidecar, "qfpay_sidecar_requests_in_flight") == Some(2.0));
        gate.open();
        assert_eq!(first.join().unwrap(), 429);
        let second = second.join().unwrap();
        // On a slow machine its second may have been over before the first answer came.
        assert!(second.status == 200 || assert_refused(&second, "quota_paused") > 30);
    });
    assert!(stage.upstream.requests().len() <= 2);
}
