//! QFPay's own 429: passed on as it is. Then what moves no money pauses, and payments go on, one by one until one is
//! answered; a payment's own 429 makes payments pause for a moment.

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
    for _ in 0..2 {
        let refused = call(&stage.sidecar, QUERY);
        let seconds = assert_refused(&refused, "quota_paused");
        assert!((40..=60).contains(&seconds), "{seconds}");
        let message = refused.json()["respmsg"].as_str().unwrap().to_owned();
        assert!(message.contains("QFPay answered 429") && message.contains("move no money"), "{message}");
    }
    let header = format!("X-QF-APPCODE: {OTHER_CODE}\r\n");
    assert_eq!(call_with(&stage.sidecar, QUERY, &header).status, 200);
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
    assert_eq!(call(&stage.sidecar, QUERY).status, 429);
    let length = pauses(&stage, 1)[0];
    assert!((60_000..=100_000).contains(&length), "{length}, {date}");

    let stage = pausing(&["quota.pause_ms=100", "quota.pause_max_ms=1200"]);
    stage.upstream.script([too_many("Retry-After: 86400\r\n")]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 429);
    assert_eq!(pauses(&stage, 1), [1200]);
    assert_eq!(assert_refused(&call(&stage.sidecar, QUERY), "quota_paused"), 2, "rounded up");
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
        assert!(second.status == 200 || (4..=5).contains(&assert_refused(&second, "quota_paused")));
    });
    assert!(stage.upstream.requests().len() <= 2);
}

const OPENID: &str = "GET /tool/v1/get_weixin_openid?code=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A payment that has gone ahead and is not answered before the gate opens.
fn ahead<'s>(
    scope: &'s thread::Scope<'s, '_>,
    stage: &'s Stage,
    gate: &Gate,
) -> thread::ScopedJoinHandle<'s, u16> {
    stage.upstream.script([success_behind(gate)]);
    let sent = stage.upstream.requests().len();
    let call = scope.spawn(|| call(&stage.sidecar, PAYMENT).status);
    stage.upstream.wait_for_requests(sent + 1);
    call
}

#[test]
fn a_429_to_a_query_or_an_openid_stops_no_payment() {
    let stage = pausing(&["quota.pause_ms=1000", "quota.max_wait_ms=0"]);
    stage.upstream.script([too_many("Retry-After: 3600\r\n")]);
    assert_eq!(stage.sidecar.raw(OPENID).status, 429);
    for _ in 0..10 {
        assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    }
    assert_refused(&stage.sidecar.raw(OPENID), "quota_paused");
    assert_refused(&call(&stage.sidecar, QUERY), "quota_paused");
    assert_eq!(stage.upstream.requests().len(), 11);
}

#[test]
fn one_payment_goes_ahead_and_the_others_wait_for_its_answer() {
    let stage = pausing(&["quota.pause_ms=60000", "quota.max_wait_ms=20000"]);
    stage.upstream.script([too_many("")]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 429);
    let gate = Gate::default();
    thread::scope(|scope| {
        let first = ahead(scope, &stage, &gate);
        let others: Vec<_> = (0..6).map(|_| scope.spawn(|| call(&stage.sidecar, PAYMENT).status)).collect();
        eventually("seven calls", || metric(&stage.sidecar, "qfpay_sidecar_requests_in_flight") == Some(7.0));
        assert_eq!(stage.upstream.requests().len(), 2, "the query, and the payment that went ahead");
        gate.open();
        assert_eq!(first.join().unwrap(), 200);
        for other in others {
            assert_eq!(other.join().unwrap(), 200);
        }
    });
    assert_eq!(stage.upstream.requests().len(), 8);
}

#[test]
fn who_waits_for_the_payment_ahead_is_told_after_max_wait() {
    let stage = pausing(&["quota.pause_ms=60000", "quota.max_wait_ms=100"]);
    stage.upstream.script([too_many("")]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 429);
    let gate = Gate::default();
    thread::scope(|scope| {
        let first = ahead(scope, &stage, &gate);
        let refused = call(&stage.sidecar, PAYMENT);
        // The next one goes ahead five seconds after the first at the latest.
        assert!((1..=5).contains(&assert_refused(&refused, "quota_paused")));
        assert!(refused.text().contains("one payment has gone ahead"), "{}", refused.text());
        gate.open();
        assert_eq!(first.join().unwrap(), 200);
    });
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
}

#[test]
fn a_payment_ahead_that_is_not_answered_holds_the_next_one_up_for_pause_ms() {
    let stage = pausing(&["quota.pause_ms=300", "quota.max_wait_ms=20000"]);
    stage.upstream.script([too_many("Retry-After: 60\r\n")]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 429);
    let gate = Gate::default();
    thread::scope(|scope| {
        let first = ahead(scope, &stage, &gate);
        // Its customer types a PIN; others pay meanwhile.
        for _ in 0..3 {
            assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
        }
        gate.open();
        assert_eq!(first.join().unwrap(), 200);
    });
}

#[test]
fn once_a_payment_was_answered_a_further_429_to_a_query_holds_none_up() {
    let stage = pausing(&["quota.pause_ms=100", "quota.max_wait_ms=0"]);
    stage.upstream.script([too_many("")]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 429);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    stage.upstream.script([too_many("")]);
    eventually("the end of the pause of queries", || {
        let before = stage.upstream.requests().len();
        call(&stage.sidecar, QUERY);
        stage.upstream.requests().len() > before
    });
    let gate = Gate::default();
    thread::scope(|scope| {
        let first = ahead(scope, &stage, &gate);
        assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
        gate.open();
        assert_eq!(first.join().unwrap(), 200);
    });
}

#[test]
fn a_payments_own_429_pauses_payments_shortly_whatever_retry_after_says() {
    let stage = pausing(&["quota.pause_ms=1000"]);
    stage.upstream.script([too_many("Retry-After: 3600\r\n")]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    assert_eq!(pauses(&stage, 1), [1000]);
    let refused = call(&stage.sidecar, PAYMENT);
    // On a slow machine the second may be over.
    assert!(refused.status == 200 || assert_refused(&refused, "quota_paused") == 1);
    assert!(assert_refused(&call(&stage.sidecar, QUERY), "quota_paused") > 30, "queries heed Retry-After");
    until_sent(&stage, 200);
}
