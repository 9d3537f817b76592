//! kill -9, and a new start: nothing is sent twice, nothing is acknowledged that was not, nothing is in the way.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::notifications::stage::{assert_acknowledged, connect, notification, request, success};
use crate::support::{FakeUpstream, Gate, Launch, Load, Outcome, Reply, Sidecar, Stage, own_ip};

const CALLERS: usize = 32;

/// Ends it as a crash does, or the system when memory runs out.
fn crash(sidecar: &mut Sidecar) {
    sidecar.signal("KILL");
    assert_eq!(sidecar.wait_for_exit(), None, "killed by a signal");
}

#[test]
fn a_new_start_after_kill_9_under_load_repeats_nothing() {
    let upstream = FakeUpstream::start();
    upstream.always(Reply::ok(r#"{"respcd": "0000"}"#).after(Duration::from_millis(20)));
    let config = Stage::config(&format!("http://{}", upstream.address));
    let launch =
        |api: &str| Launch::new(&config).set(&format!("listen.api={api}")).set("log.level=info").start();
    // An address of its own, so that meanwhile no other test run is given its port.
    let mut first = launch(&format!("{}:0", own_ip()));
    let api = first.api.clone();

    let before = Load::start(&api, CALLERS, "before");
    upstream.wait_for_requests(6 * CALLERS);
    crash(&mut first);
    let before = before.finish();
    // The same address at once: nothing of the old process holds it.
    let second = launch(&api);
    assert_eq!(second.api, api);
    let until_the_start = upstream.connections();
    let seen = upstream.requests().len();
    let after = Load::start(&api, CALLERS, "after");
    upstream.wait_for_requests(seen + 6 * CALLERS);
    let after = after.end();

    let mut arrivals = BTreeMap::new();
    for request in upstream.requests() {
        let order = request.param("out_trade_no").unwrap();
        let is_new = request.connection > until_the_start;
        assert!(
            !is_new || order.starts_with("after"),
            "{order} was sent by the new process, which nobody asked for it"
        );
        *arrivals.entry(order).or_insert(0) += 1;
    }
    let twice: Vec<_> = arrivals.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    let mut unclear = 0;
    for payment in before.iter().chain(&after) {
        let was_sent = arrivals.contains_key(&payment.out_trade_no);
        match &payment.outcome {
            Outcome::Answered(_) => assert!(was_sent, "{payment:?}"),
            Outcome::NotConnected => assert!(!was_sent, "{payment:?}"),
            // The caller cannot know, and the sidecar cannot tell it any more: it must query.
            Outcome::Closed => unclear += 1,
            Outcome::Refused(code, _) => panic!("{payment:?} met {code}"),
        }
    }
    assert!(
        after.iter().all(|payment| matches!(payment.outcome, Outcome::Answered(_))),
        "the new process serves"
    );
    // At most two for each caller: the one at work, and one that the system took while the process was going down.
    assert!(unclear > 0 && unclear <= 2 * CALLERS, "the crash met {unclear} payments");
    // What was asked for and what was sent is the same, but for what the crash met.
    let asked =
        before.iter().chain(&after).filter(|payment| payment.outcome != Outcome::NotConnected).count();
    assert!(arrivals.len() <= asked && arrivals.len() >= asked - unclear, "{} of {asked}", arrivals.len());
    eprintln!(
        "kill -9 under load: {asked} payments of {CALLERS} callers, {} sent, each once; {unclear} met the crash",
        arrivals.len()
    );
}

#[test]
fn a_notification_that_a_crash_interrupts_is_not_acknowledged_and_comes_again() {
    let receiver = FakeUpstream::start();
    for duplicates in ["pass", "absorb"] {
        receiver.forget();
        let gate = Gate::default();
        let head = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
        receiver.script([head.then_wait(&gate).then_bytes("SUCCESS")]);
        let route = format!("duplicates = \"{duplicates}\"");
        let launch = || crate::notifications::stage::Relay::start(&receiver, &route).start();
        let vector = notification();
        let bytes = request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes());

        let mut first = launch();
        let mut qfpay = connect(&first);
        qfpay.write(&bytes);
        receiver.wait_for_requests(1);
        crash(&mut first);
        assert!(
            qfpay.try_read().is_none(),
            "QFPay heard something of a notification that was not acknowledged"
        );
        gate.open();

        // QFPay's repeat: the receiver hears of it, though it may have heard before, and only its word acknowledges.
        let second = launch();
        for (reply, code) in [(Reply::of("500 Oh", "", ""), Some("receiver_refused")), (success(), None)] {
            receiver.script([reply]);
            let mut qfpay = connect(&second);
            qfpay.write(&bytes);
            let answer = qfpay.read();
            match code {
                Some(code) => answer.assert_failure(502, code),
                None => assert_acknowledged(&answer),
            }
        }
        let requests = receiver.requests();
        assert_eq!(requests.len(), 3, "{duplicates}");
        for again in &requests {
            assert_eq!(again.body(), vector.canonical.as_bytes());
            // It was never acknowledged, so it is no repeat.
            assert_eq!((again.method(), again.header("X-Sidecar-Duplicate")), ("POST", None));
        }
    }
}

#[test]
fn unix_sockets_that_a_crash_left_behind_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = FakeUpstream::start();
    let config = Stage::config(&format!("http://{}", upstream.address));
    let sockets = ["api", "admin", "notifications"].map(|name| folder.path().join(format!("{name}.sock")));
    let routes = "[[notifications.routes]]\npath = \"/n\"\nreceiver_url = \"http://127.0.0.1:9/\"\n";
    let launch = || {
        let mut launch = Launch::new(&format!("{config}{routes}"));
        for (name, path) in ["api", "admin", "notifications"].into_iter().zip(&sockets) {
            launch = launch.set(&format!("listen.{name}=unix:{}", path.display()));
        }
        launch
    };
    let mut first = launch().start();
    // A second one beside a living one is refused, and takes nothing away from it.
    let ended = launch().ends();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("listen.api") && ended.stderr.contains("another process"),
        "{}",
        ended.stderr
    );
    assert_eq!(pay(&sockets[0]), 200);

    crash(&mut first);
    assert!(sockets.iter().all(|socket| socket.exists()), "a crash leaves its sockets behind");
    let mut second = launch().start();
    assert_eq!(pay(&sockets[0]), 200);
    for socket in &sockets[1..] {
        UnixStream::connect(socket).unwrap();
    }
    second.signal("TERM");
    assert_eq!(second.wait_for_exit(), Some(0));
    assert!(!sockets.iter().any(|socket| socket.exists()), "an orderly end leaves none");
}

/// The status of a payment over a unix socket.
fn pay(socket: &std::path::Path) -> u16 {
    let mut stream = UnixStream::connect(socket).unwrap();
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    stream.write_all(format!("{head}Content-Length: 7\r\n\r\ntxamt=1").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
