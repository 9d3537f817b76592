//! A process that runs out of file descriptors: it waits without spinning, says what it knows, and recovers.

use std::thread;
use std::time::{Duration, Instant};

use super::process::{fresh, ticks};
use crate::support::*;

#[test]
fn a_lack_of_descriptors_is_survived_and_told_truly() {
    let stage = Stage::launch(|launch| launch.set("log.level=info").descriptors(40));
    stage.sidecar.wait_for_log(&["WARN", "limits.connections"]);
    assert_eq!(fresh(&stage).status, 200);
    stage.upstream.forget();
    let gate = Gate::default();
    let held = Reply::raw("")
        .then_wait(&gate)
        .then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"respcd\":\"0000\"}");
    stage.upstream.script(vec![held; 60]);
    // A call that is under way holds two descriptors, so some find none for the way to QFPay, and some none at all.
    let call = || {
        let mut caller = stage.sidecar.connect();
        caller
            .write("POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ntxamt=1");
        caller
    };
    let mut callers: Vec<_> = (0..5).map(|_| call()).collect();
    stage.upstream.wait_for_requests(5);
    callers.extend((5..60).map(|_| call()));
    stage.sidecar.wait_for_log(&["connections cannot be accepted"]);
    let (before, since) = (ticks(stage.sidecar.pid()), Instant::now());
    thread::sleep(Duration::from_secs(1)); // what is measured is time
    let busy = ticks(stage.sidecar.pid()) - before;
    println!("without descriptors: {busy} ticks of 10 ms in {:?}", since.elapsed());
    assert!(busy < 30, "it spins: {busy} ticks in {:?}", since.elapsed());
    let lines = stage.sidecar.log().lines().filter(|line| line.contains("cannot be accepted")).count();
    assert!(lines <= 2, "{lines} lines");

    gate.open();
    let answers: Vec<_> = callers.iter_mut().map(Connection::read).collect();
    let not_sent = answers.iter().filter(|a| a.header("X-Sidecar-Delivery") == Some("not_sent")).count();
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    let arrived = stage.upstream.requests().len();
    println!("of 60 calls {arrived} arrived and {answered} were answered; {not_sent} were told not_sent");
    assert_eq!((arrived, answered + not_sent), (answered, 60), "not_sent is only what did not arrive");
    assert!(answered >= 5 && not_sent > 0, "some find a way to QFPay, and some do not");
    // Served again, whoever keeps an idle connection.
    assert_eq!(fresh(&stage).status, 200);
}
