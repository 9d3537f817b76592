//! QFPay hears SUCCESS when the receiver has said so, and at no other time.

use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::stage::{Relay, assert_acknowledged, connect, notification, request, success};
use crate::support::{Answer, FakeUpstream, Reply, nobody_listens};

#[test]
fn the_word_alone_acknowledges() {
    let relay = Relay::new("");
    for word in ["SUCCESS", "success", " Success\r\n", "\nSUCCESS\n"] {
        relay.receiver.script([Reply::of("200 OK", "", word)]);
        assert_acknowledged(&relay.notify());
    }
}

#[test]
fn anything_else_is_502() {
    let relay = Relay::new("");
    let page = "<html><body>SUCCESS</body></html>";
    let padded = format!("SUCCESS{}", " ".repeat(5000));
    let replies = [
        Reply::of("200 OK", "", ""),
        Reply::of("200 OK", "", "OK"),
        Reply::of("200 OK", "", "FAIL"),
        Reply::of("200 OK", "", "\"SUCCESS\""),
        Reply::of("200 OK", "", "{\"respcd\": \"0000\"}"),
        Reply::of("200 OK", "", page),
        Reply::of("200 OK", "", padded),
        Reply::of("201 Created", "", "SUCCESS"),
        Reply::of("202 Accepted", "", "SUCCESS"),
        Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        Reply::of("301 Moved Permanently", "Location: http://127.0.0.1:1/\r\n", "SUCCESS"),
        Reply::of("302 Found", "Location: /elsewhere\r\n", ""),
        Reply::of("307 Temporary Redirect", "Location: /elsewhere\r\n", ""),
        Reply::of("304 Not Modified", "", ""),
        Reply::of("400 Bad Request", "", "SUCCESS"),
        Reply::of("401 Unauthorized", "", "SUCCESS"),
        Reply::of("404 Not Found", "", "SUCCESS"),
        Reply::of("500 Internal Server Error", "", "SUCCESS"),
        Reply::of("503 Service Unavailable", "", ""),
    ];
    for (i, reply) in replies.into_iter().enumerate() {
        relay.receiver.script([reply.clone()]);
        let answer = relay.notify();
        let seen = (answer.status, answer.header("X-Sidecar-Error"));
        assert_eq!(seen, (502, Some("receiver_refused")), "{reply:?}");
        assert_eq!(answer.json()["error"]["delivery"], "answered");
        // Neither repeated nor redirected.
        assert_eq!(relay.receiver.requests().len(), i + 1, "{reply:?}");
    }
}

#[test]
fn a_broken_answer_is_502() {
    let relay = Relay::new("");
    let replies = [
        Reply::close(),
        Reply::reset(),
        Reply::raw("garbage\r\n\r\n").then_close(),
        Reply::raw("HTTP/1.1 200 OK\r\nContent-Le").then_close(),
        Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSUCCESS").then_close(),
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nSUCCESS\r\n").then_close(),
    ];
    for (i, reply) in replies.into_iter().enumerate() {
        relay.receiver.script([reply.clone()]);
        let answer = relay.notify();
        let seen = (answer.status, answer.header("X-Sidecar-Error"));
        assert_eq!(seen, (502, Some("receiver_broke_off")), "{reply:?}");
        assert_eq!(answer.json()["error"]["delivery"], "unknown");
        assert_eq!(relay.receiver.requests().len(), i + 1, "a notification was repeated after {reply:?}");
    }
    // What came before leaves nothing behind.
    relay.receiver.script([success()]);
    assert_acknowledged(&relay.notify());
}

#[test]
fn any_2xx_is_enough_where_the_route_says_so() {
    let relay = Relay::new("acknowledge = \"any_2xx\"");
    let good = [
        Reply::of("200 OK", "", "<html>thanks</html>"),
        Reply::of("202 Accepted", "", ""),
        Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        Reply::of("200 OK", "", vec![b'x'; 100_000]),
    ];
    for reply in good {
        relay.receiver.script([reply]);
        assert_acknowledged(&relay.notify());
    }
    let bad = [
        (Reply::of("302 Found", "Location: /\r\n", ""), "receiver_refused"),
        (Reply::of("500 Internal Server Error", "", "SUCCESS"), "receiver_refused"),
        (Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthanks").then_close(), "receiver_broke_off"),
    ];
    for (reply, code) in bad {
        relay.receiver.script([reply]);
        relay.notify().assert_failure(502, code);
    }
}

#[test]
fn a_receiver_that_hangs_is_504() {
    let relay = Relay::launch("", |launch| launch.set("notifications.receiver_timeout_ms=200"));
    let half = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCC").then_hang();
    for (i, reply) in [Reply::hang(), half].into_iter().enumerate() {
        relay.receiver.script([reply]);
        let answer = relay.notify();
        answer.assert_failure(504, "receiver_timeout");
        assert_eq!(answer.json()["error"]["delivery"], "unknown");
        assert_eq!(relay.receiver.requests().len(), i + 1);
    }
}

#[test]
fn a_connection_that_was_given_up_is_closed() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("notifications.routes.0.receiver_url=http://{}/n", hanging.local_addr().unwrap());
    let timeout = "notifications.receiver_timeout_ms=200";
    let relay = Relay::launch("", |launch| launch.set(&url).set(timeout));
    let receiver = thread::spawn(move || {
        let (mut stream, _) = hanging.accept().unwrap();
        stream.set_read_timeout(Some(crate::support::SOON)).unwrap();
        let mut seen = Vec::new();
        stream.read_to_end(&mut seen).map(|_| seen)
    });
    relay.notify().assert_failure(504, "receiver_timeout");
    let seen = receiver.join().unwrap().expect("the connection is closed, not left open");
    assert!(seen.ends_with(notification().canonical.as_bytes()));
}

#[test]
fn an_endless_answer_ends_with_the_timeout() {
    let relay = Relay::launch("", |launch| launch.set("notifications.receiver_timeout_ms=300"));
    let endless = Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    relay.receiver.script([endless.then_repeat(b"4\r\n    \r\n", usize::MAX)]);
    relay.notify().assert_failure(504, "receiver_timeout");
}

#[test]
fn a_receiver_that_is_down_is_502() {
    let receiver = FakeUpstream::start();
    let free = nobody_listens();
    let launch = Relay::start(&receiver, "app = \"shop\"");
    let url = format!("notifications.routes.0.receiver_url=http://{free}/n");
    let relay = Relay { receiver, sidecar: launch.set(&url).start() };
    let answer = relay.notify();
    answer.assert_failure(502, "receiver_unreachable");
    assert_eq!(answer.json()["error"]["delivery"], "not_sent");
    assert_eq!(relay.sidecar.admin("/readyz").status, 200, "receivers do not make the sidecar unready");
}

#[test]
fn nothing_is_acknowledged_before_a_slow_receiver_has_answered() {
    let relay = Relay::new("");
    let slow = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    relay.receiver.script([slow.then_drip("SUCCESS", Duration::from_millis(30))]);
    let vector = notification();
    let mut connection = relay.connect();
    connection.write(request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes()));
    relay.receiver.wait_for_requests(1);
    connection.0.set_read_timeout(Some(Duration::from_millis(60))).unwrap();
    assert!(connection.0.peek(&mut [0]).is_err(), "QFPay heard something before the receiver had answered");
    connection.0.set_read_timeout(Some(crate::support::SOON)).unwrap();
    assert_acknowledged(&connection.read());
}

/// Posts a notification on a connection of its own, and waits until the receiver has it.
fn in_flight(relay: &Relay) -> thread::JoinHandle<Option<Answer>> {
    let vector = notification();
    let mut connection = connect(&relay.sidecar);
    connection.write(request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes()));
    let qfpay = thread::spawn(move || connection.try_read());
    relay.receiver.wait_for_requests(1);
    qfpay
}

#[test]
fn a_kill_between_delivery_and_acknowledgement_loses_nothing() {
    let mut relay = Relay::new("");
    relay.receiver.script([Reply::hang()]);
    let qfpay = in_flight(&relay);
    relay.sidecar.signal("KILL");
    relay.sidecar.wait_for_exit();
    assert!(qfpay.join().unwrap().is_none(), "a sidecar that was killed acknowledged something");

    // QFPay's schedule goes on, and the repeat reaches the receiver.
    let launch = Relay::start(&relay.receiver, "app = \"shop\"");
    relay.sidecar = launch.start();
    relay.receiver.script([success()]);
    assert_acknowledged(&relay.notify());
    let requests = relay.receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body(), requests[1].body());
    assert_eq!(requests[1].header("X-Sidecar-Duplicate"), None);
}

#[test]
fn sigterm_finishes_the_notification_in_flight() {
    let mut relay = Relay::new("");
    let slow = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    relay.receiver.script([slow.then_drip("SUCCESS", Duration::from_millis(40))]);
    let qfpay = in_flight(&relay);
    relay.sidecar.signal("TERM");
    let answer = qfpay.join().unwrap().expect("the notification in flight is answered");
    assert_acknowledged(&answer);
    assert_eq!(relay.sidecar.wait_for_exit(), Some(0));
}

#[test]
fn a_notification_that_shutdown_gives_up_is_told_and_logged() {
    let mut relay = Relay::launch("", |launch| launch.set("limits.shutdown_timeout_ms=100"));
    relay.receiver.script([Reply::hang()]);
    let qfpay = in_flight(&relay);
    relay.sidecar.signal("TERM");
    // No acknowledgement, so QFPay sends it again; and the log says that the receiver may have it.
    qfpay.join().unwrap().expect("QFPay is told").assert_failure(503, "cut_off");
    assert_eq!(relay.sidecar.wait_for_exit(), Some(1));
    relay.sidecar.wait_for_log(&["notification", "cut_off"]);
}

#[test]
fn a_sender_that_hangs_up_does_not_stop_the_delivery() {
    let mut relay = Relay::new("");
    let slow = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    relay.receiver.script([slow.then_drip("SUCCESS", Duration::from_millis(20))]);
    let vector = notification();
    let mut connection = relay.connect();
    connection.write(request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes()));
    relay.receiver.wait_for_requests(1);
    drop(connection);
    relay.sidecar.signal("TERM");
    assert_eq!(relay.sidecar.wait_for_exit(), Some(0));
    relay.sidecar.wait_for_log(&["notification", "acknowledged"]);
}
