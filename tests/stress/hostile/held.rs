//! Connections that are held and not used: others are served, memory stays bounded, and no call in work is let go.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::process::{Memory, assert_served, fresh};
use crate::support::*;

const HEAD: &str = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";

/// Settings under which only the sidecar's own decision ends a slow request.
const PATIENT: [&str; 4] = [
    "limits.header_timeout_ms=60000",
    "limits.body_timeout_ms=60000",
    "limits.idle_timeout_ms=60000",
    "log.level=info",
];

/// Opens connections, each with what a function says for its number.
fn opened(stage: &Stage, count: usize, says: impl Fn(usize) -> String) -> Vec<Connection> {
    let one = |number| {
        let mut connection = stage.sidecar.connect();
        connection.write(says(number));
        connection
    };
    (0..count).map(one).collect()
}

#[test]
fn five_hundred_slow_heads_and_five_hundred_slow_bodies_keep_nobody_out() {
    let stage = Stage::new(&PATIENT);
    let memory = Memory::when_idle(&stage);
    let mut heads = opened(&stage, 500, |_| format!("{HEAD}X-Slow: "));
    assert_served(&stage, "500 slow heads");
    let mut bodies = opened(&stage, 500, |_| format!("{HEAD}Content-Length: 60000\r\n\r\ntxamt="));
    assert_served(&stage, "500 slow heads and 500 slow bodies");
    // They go on, a little at a time.
    for connection in heads.iter_mut().chain(&mut bodies) {
        connection.write("1");
    }
    assert_served(&stage, "500 slow heads and 500 slow bodies that go on");
    memory.assert_bounded("1000 slow connections");
    // Those that had to make room were told.
    let told = heads.first_mut().unwrap().read();
    told.assert_failure(503, "connection_evicted");
    assert!(stage.upstream.requests().iter().all(|seen| seen.path() == "/trade/v1/query"));
}

#[test]
fn slow_requests_that_are_large_are_bounded_together() {
    let stage = Stage::new(&PATIENT);
    let memory = Memory::when_idle(&stage);
    let filler = "a".repeat(60_000);
    let heads = opened(&stage, 250, |_| format!("{HEAD}X-Large: {filler}{filler}"));
    let bodies = opened(&stage, 250, |_| format!("{HEAD}Content-Length: 65000\r\n\r\n{filler}"));
    assert_served(&stage, "500 large slow requests");
    memory.assert_bounded("500 large slow requests");
    drop((heads, bodies));
}

#[test]
fn a_body_that_drips_holds_no_more_than_its_bytes() {
    let stage = Stage::new(&PATIENT);
    let memory = Memory::when_idle(&stage);
    let mut bodies = opened(&stage, 150, |_| format!("{HEAD}Content-Length: 60000\r\n\r\n"));
    bodies.iter().for_each(|body| body.0.set_nodelay(true).unwrap());
    // One byte each, in turn: hyper gave each byte a buffer of 8 KiB, and all were kept.
    for _ in 0..700 {
        bodies.iter_mut().for_each(|body| body.write("a"));
    }
    assert_served(&stage, "150 dripping bodies");
    memory.assert_bounded("150 dripping bodies");
}

#[test]
fn connections_that_wait_for_nothing_make_room() {
    let stage = Stage::new(&PATIENT);
    let memory = Memory::when_idle(&stage);
    let silent = opened(&stage, 600, |_| String::new());
    assert_served(&stage, "600 silent connections");
    drop(silent);
    // Kept alive after a call each.
    let mut idle = opened(&stage, 600, |_| "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned());
    let answered = idle.iter_mut().filter_map(Connection::try_read).count();
    assert!(answered > 0);
    assert_served(&stage, "600 connections kept alive");
    memory.assert_bounded("600 silent and 600 idle connections");
}

#[test]
fn a_caller_that_is_evicted_hears_so_wherever_it_stopped() {
    let settings: Vec<_> = PATIENT.into_iter().chain(["limits.connections=1"]).collect();
    let stage = Stage::new(&settings);
    for half in [
        format!("{HEAD}X: "),
        format!("{HEAD}Content-Length: 7\r\n\r\n"),
        format!("{HEAD}Content-Length: 7\r\n\r\ntx"),
    ] {
        let mut slow = opened(&stage, 1, |_| half.clone()).remove(0);
        thread::sleep(Duration::from_millis(150)); // longer than a request is under way
        assert_served(&stage, "the permit of a slow caller");
        slow.write("amt=1\r\n\r\n");
        let told = stage.sidecar.seen(slow.read());
        told.assert_failure(503, "connection_evicted");
        assert_eq!(told.header("X-Sidecar-Delivery"), Some("not_sent"));
        assert!(slow.try_read().is_none(), "{half:?}: it was answered twice");
    }
    assert!(stage.upstream.requests().iter().all(|seen| seen.path() == "/trade/v1/query"));
}

#[test]
fn a_call_in_work_is_never_evicted() {
    let settings: Vec<_> = PATIENT.into_iter().chain(["limits.connections=64"]).collect();
    let stage = Stage::new(&settings);
    let memory = Memory::when_idle(&stage);
    stage.upstream.forget();
    let gate = Gate::default();
    let held = Reply::raw("")
        .then_wait(&gate)
        .then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"respcd\":\"0000\"}");
    stage.upstream.script(vec![held; 6]);
    let mut calls = opened(&stage, 6, |_| format!("{HEAD}Content-Length: 7\r\n\r\ntxamt=1"));
    stage.upstream.wait_for_requests(6);
    let attackers = opened(&stage, 300, |number| match number % 3 {
        0 => String::new(),
        1 => format!("{HEAD}X: "),
        _ => format!("{HEAD}Content-Length: 7\r\n\r\ntx"),
    });
    assert_served(&stage, "6 of 64 places in work, 300 attackers");
    gate.open();
    for call in &mut calls {
        assert_eq!(call.read().text(), r#"{"respcd":"0000"}"#);
    }
    drop(attackers);
    memory.assert_bounded("6 of 64 places in work, 300 attackers");
}

#[test]
fn when_every_place_is_in_work_further_callers_wait() {
    let settings: Vec<_> = PATIENT.into_iter().chain(["limits.connections=2"]).collect();
    let stage = Stage::new(&settings);
    let gate = Gate::default();
    let held = Reply::raw("")
        .then_wait(&gate)
        .then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"respcd\":\"0000\"}");
    stage.upstream.script(vec![held; 2]);
    let mut calls = opened(&stage, 2, |_| format!("{HEAD}Content-Length: 7\r\n\r\ntxamt=1"));
    stage.upstream.wait_for_requests(2);
    let mut third = opened(&stage, 1, |_| format!("{HEAD}Content-Length: 7\r\n\r\ntxamt=3")).remove(0);
    third.0.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.0.peek(&mut [0]).is_err(), "there was no place for it");
    gate.open();
    third.0.set_read_timeout(Some(SOON)).unwrap();
    assert!(calls.iter_mut().all(|call| call.read().text() == r#"{"respcd":"0000"}"#));
    // The callers keep their connections, but have nothing to say: one gives up its place.
    assert_eq!(third.read().status, 200);
}

#[test]
fn floods_of_pipelined_requests_keep_nobody_out() {
    let stage = Stage::new(&["log.level=warn"]);
    let memory = Memory::when_idle(&stage);
    let flood = format!("{HEAD}Content-Length: 7\r\n\r\ntxamt=1").repeat(200);
    let until = Instant::now() + Duration::from_secs(3);
    // They read nothing, and send until nothing more is taken.
    let floods: Vec<_> = (0..20)
        .map(|_| {
            let (mut connection, flood) = (stage.sidecar.connect(), flood.clone());
            connection.0.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            thread::spawn(move || {
                while Instant::now() < until {
                    connection.write(&flood);
                }
            })
        })
        .collect();
    assert_served(&stage, "20 pipelined floods");
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    memory.assert_bounded("20 pipelined floods");
    assert_eq!(fresh(&stage).status, 200);
}

#[test]
fn callers_that_ask_on_and_never_read_keep_nobody_out() {
    let settings: Vec<_> =
        PATIENT[..3].iter().copied().chain(["limits.connections=8", "log.level=warn"]).collect();
    let stage = Stage::new(&settings);
    let memory = Memory::when_idle(&stage);
    let ask = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let until = Instant::now() + Duration::from_secs(20);
    // As many as there are places; each asks until the sidecar takes nothing more, since its answers are not taken.
    let unread: Vec<_> = (0..8)
        .map(|_| {
            let (mut connection, ask) = (stage.sidecar.connect(), ask.clone());
            connection.0.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
            thread::spawn(move || {
                while Instant::now() < until && connection.0.write_all(ask.as_bytes()).is_ok() {}
                connection
            })
        })
        .collect();
    let unread: Vec<_> = unread.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_served(&stage, "8 callers that never read on 8 places");
    memory.assert_bounded("8 callers that never read on 8 places");
    drop(unread);
}

#[test]
fn callers_that_ask_again_and_again_share_their_places() {
    let settings: Vec<_> =
        PATIENT[..3].iter().copied().chain(["limits.connections=4", "log.level=warn"]).collect();
    let stage = Stage::new(&settings);
    let until = Instant::now() + Duration::from_secs(3);
    // On connections that are kept alive, and never idle for long.
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let mut connection = stage.sidecar.connect();
            thread::spawn(move || {
                let ask = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
                loop {
                    connection.write(ask);
                    let answer = connection.read();
                    assert_eq!(answer.status, 404);
                    let closes = answer.header("connection").is_some_and(|value| value == "close");
                    if closes || Instant::now() >= until {
                        return closes;
                    }
                }
            })
        })
        .collect();
    assert_served(&stage, "4 busy callers on 4 places");
    // Those that had to make room were told so, by an answer.
    let closed: Vec<_> = busy.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(closed.contains(&true));
}
