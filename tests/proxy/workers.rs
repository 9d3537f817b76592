//! Several workers: each accepts and sends on connections of its own, and what bounds callers is shared by all.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{CLIENT_KEY, Launch, Reply, SOON, Stage, md5_elsewhere};

const PAYMENT: &str = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n\
                       Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\ntxamt=100";

/// How often threads of this name have waited, each.
fn waits(stage: &Stage, name: &str) -> Vec<u64> {
    let tasks = fs::read_dir(format!("/proc/{}/task", stage.sidecar.pid())).unwrap();
    let stats = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    let named = stats.filter(|status| status.lines().any(|line| line == format!("Name:\t{name}")));
    let switches = |status: String| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:\t"))
            .unwrap()
            .to_owned();
        line.parse().unwrap()
    };
    named.map(switches).collect()
}

#[test]
fn without_a_setting_one_thread_serves() {
    if std::env::var_os("WORKERS").is_some() {
        return;
    }
    let stage = Stage::new(&[]);
    assert_eq!(stage.sidecar.raw(PAYMENT).status, 200);
    assert!(waits(&stage, "worker-1").is_empty());
}

#[test]
fn every_worker_serves_and_signs() {
    const WORKERS: usize = 3;
    let stage = Stage::new(&["runtime.workers=3"]);
    // They start when it is ready.
    let deadline = Instant::now() + SOON;
    let before: Vec<_> = loop {
        let threads: Vec<_> = (1..WORKERS).flat_map(|n| waits(&stage, &format!("worker-{n}"))).collect();
        if threads.len() == WORKERS - 1 {
            break threads;
        }
        assert!(Instant::now() < deadline, "{threads:?}");
    };
    // Who accepts is the system's affair, so as often as it takes.
    let mut calls = 0;
    let idle = |number: &usize| waits(&stage, &format!("worker-{number}"))[0] < before[number - 1] + 20;
    while (1..WORKERS).any(|number| idle(&number)) {
        assert!(calls < 5000, "some worker serves nobody");
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut connection = stage.sidecar.connect();
                    for _ in 0..5 {
                        connection.write(PAYMENT);
                        assert_eq!(connection.read().status, 200);
                    }
                });
            }
        });
        calls += 40;
    }
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), calls);
    let signatures: BTreeSet<_> =
        requests.iter().map(|request| request.header("X-QF-SIGN").unwrap()).collect();
    let expected = md5_elsewhere(&requests[0].params(), CLIENT_KEY);
    assert_eq!(signatures, BTreeSet::from([&*expected]));
}

#[test]
fn workers_share_the_places_of_calls() {
    let stage = Stage::new(&["runtime.workers=3", "limits.in_flight=4", "quota.reserved_percent=0"]);
    stage.upstream.always(Reply::hang());
    let mut callers: Vec<_> = (0..12)
        .map(|_| {
            let mut connection = stage.sidecar.connect();
            connection.write(PAYMENT);
            connection
        })
        .collect();
    stage.upstream.wait_for_requests(4);
    // Told to all that got no place; the others wait for an answer that does not come.
    let deadline = Instant::now() + SOON;
    while stage.sidecar.log().matches(r#"error="busy""#).count() < 8 {
        assert!(Instant::now() < deadline, "{}", stage.sidecar.log());
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(stage.upstream.requests().len(), 4);
    callers.clear();
}

#[test]
fn workers_share_the_quota() {
    let stage = Stage::new(&[
        "runtime.workers=3",
        "quota.per_second=10",
        "quota.per_minute=10",
        "quota.max_wait_ms=0",
    ]);
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| assert!([200, 429].contains(&stage.sidecar.raw(PAYMENT).status)));
        }
    });
    let sent = stage.upstream.requests().len();
    assert!((1..=11).contains(&sent), "{sent} of 30 calls went out");
}

#[test]
fn a_number_of_workers_that_makes_no_sense_is_refused() {
    for workers in ["0", "65", "many"] {
        let ended = Launch::new(&Stage::config("http://127.0.0.1:1"))
            .set(&format!("runtime.workers={workers}"))
            .ends();
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stderr.contains("runtime.workers") && ended.stderr.contains("from 1 to 64"),
            "{}",
            ended.stderr
        );
    }
}
