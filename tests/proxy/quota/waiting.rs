//! Calls that wait for their turn: how long at most, in which order, and what ends it.

use std::thread;
use std::time::{Duration, Instant};

use super::stage::*;

/// A figure of a log line, such as `total_ms=1.5`.
fn figure(line: &str, name: &str) -> f64 {
    let (_, rest) = line.split_once(&format!(" {name}=")).unwrap_or_else(|| panic!("no {name}: {line}"));
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_call_waits_for_its_turn_and_that_is_not_the_sidecars_own_time() {
    // Two at once, then one every half second.
    let stage = stage(&["quota.per_second=4", "quota.max_wait_ms=20000"]);
    let begin = Instant::now();
    let burst = burst(&stage.sidecar, PAYMENT, 4, 1);
    assert_eq!((burst.passed, burst.refused.len()), (4, 0));
    assert!(begin.elapsed() >= Duration::from_millis(990), "four calls took {:?}", begin.elapsed());
    let waited = "qfpay_sidecar_quota_decisions_total{app=\"shop\",source=\"local\",outcome=\"waited\"}";
    assert_eq!(metric(&stage.sidecar, waited), Some(2.0));
    eventually("four lines", || stage.sidecar.log().matches("INFO request ").count() == 4);
    let log = stage.sidecar.log();
    let slowest = log
        .lines()
        .filter(|line| line.contains("INFO request "))
        .max_by(|a, b| figure(a, "total_ms").total_cmp(&figure(b, "total_ms")));
    let slowest = slowest.unwrap();
    assert!(figure(slowest, "total_ms") - figure(slowest, "own_ms") >= 900.0, "{slowest}");
}

#[test]
fn nobody_waits_who_would_wait_in_vain() {
    // One at once, and one every second.
    let stage = stage(&["quota.per_second=1", "quota.max_wait_ms=2500"]);
    let burst = burst(&stage.sidecar, PAYMENT, 8, 1);
    // The first, and the two whose turn comes in time; a slow machine may find one turn more.
    assert!(
        (3..=4).contains(&burst.passed) || burst.took > Duration::from_secs(3),
        "{} passed",
        burst.passed
    );
    assert!(
        burst.refused.iter().any(|answer| answer.header("Retry-After") != Some("1")),
        "those behind hear of a longer wait"
    );
}

#[test]
fn a_longer_wait_than_the_bound_is_refused_at_once() {
    let stage = stage(&["quota.per_minute=2", "quota.max_wait_ms=1000"]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    let begin = Instant::now();
    let seconds = assert_refused(&call(&stage.sidecar, PAYMENT), "quota_exceeded");
    assert!(
        begin.elapsed() < Duration::from_secs(15) && seconds > 30,
        "{seconds} s, after {:?}",
        begin.elapsed()
    );
}

#[test]
fn a_payment_does_not_wait_behind_queries() {
    // Two at once, then one every half second; one every 2.5 seconds for calls that only read.
    let stage = stage(&["quota.per_second=4", "quota.reserved_percent=80", "quota.max_wait_ms=20000"]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 200);
    thread::scope(|scope| {
        let query = scope.spawn(|| call(&stage.sidecar, QUERY).status);
        eventually("a query that waits", || {
            metric(&stage.sidecar, "qfpay_sidecar_requests_in_flight") == Some(1.0)
        });
        assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
        assert_eq!(query.join().unwrap(), 200);
    });
    let requests = stage.upstream.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.path()).collect();
    assert_eq!(paths, [QUERY, PAYMENT, QUERY], "the payment came last and went before");
}

#[test]
fn the_end_of_the_process_ends_the_wait_and_nothing_was_sent() {
    // Two at once, and one every thirty seconds.
    let settings = ["quota.per_minute=4", "quota.max_wait_ms=30000", "limits.shutdown_timeout_ms=200"];
    let mut stage = stage(&settings);
    for _ in 0..2 {
        assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    }
    let mut caller = stage.sidecar.connect();
    caller.write(request(PAYMENT, ""));
    eventually("a call in flight", || {
        metric(&stage.sidecar, "qfpay_sidecar_requests_in_flight") == Some(1.0)
    });
    let begin = Instant::now();
    stage.sidecar.signal("TERM");
    let answer = stage.sidecar.seen(caller.read());
    answer.assert_failure(503, "shutting_down");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert_eq!(answer.json()["respcd"], "9503");
    assert!(answer.json()["respmsg"].as_str().unwrap().contains("waiting for its quota"));
    stage.sidecar.wait_for_exit();
    assert!(begin.elapsed() < Duration::from_secs(15), "it slept on for {:?}", begin.elapsed());
    assert_eq!(stage.upstream.requests().len(), 2);
}
