//! Copies of one notification at the same time, as whoever has captured it can send them.

use std::sync::mpsc;
use std::thread;

use super::stage::{Relay, assert_acknowledged, connect, notification, request, sign, success};
use crate::support::{Answer, Connection, Gate, Reply, SOON};

/// The answer of a receiver that takes its time.
fn behind(gate: &Gate, status: &str, body: &str) -> Reply {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    Reply::raw("").then_wait(gate).then_bytes(answer)
}

fn send(relay: &Relay) -> Connection {
    let vector = notification();
    let mut connection = connect(&relay.sidecar);
    connection.write(request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes()));
    connection
}

/// Sends 20 copies, of which the first is with the receiver. 15 are told `busy`; gives the answers to the others after the
/// gate was opened, the first one's first.
fn twenty(relay: &Relay, gate: &Gate) -> Vec<Answer> {
    let mut first = send(relay);
    relay.receiver.wait_for_requests(1);
    let (tell, answers) = mpsc::channel();
    for _ in 0..19 {
        let (mut copy, tell) = (send(relay), tell.clone());
        thread::spawn(move || tell.send(copy.read()));
    }
    let next = || answers.recv_timeout(SOON).expect("an answer");
    for _ in 0..15 {
        let busy = next();
        busy.assert_failure(503, "busy");
        assert_eq!(busy.header("X-Sidecar-Delivery"), Some("not_sent"));
        assert!(busy.text().contains("copies of this notification"), "{}", busy.text());
    }
    assert_eq!(relay.receiver.requests().len(), 1, "one delivery at a time");
    gate.open();
    let mut told = vec![first.read()];
    told.extend((0..4).map(|_| next()));
    told
}

fn marks(relay: &Relay) -> Vec<Option<String>> {
    let requests = relay.receiver.requests();
    requests.iter().map(|request| request.header("X-Sidecar-Duplicate").map(str::to_owned)).collect()
}

#[test]
fn absorbed_copies_at_once_reach_the_receiver_once() {
    let (relay, gate) = (Relay::new("duplicates = \"absorb\""), Gate::default());
    relay.receiver.script([behind(&gate, "200 OK", "SUCCESS")]);
    twenty(&relay, &gate).iter().for_each(assert_acknowledged);
    assert_eq!(relay.receiver.requests().len(), 1);
}

#[test]
fn passed_copies_at_once_reach_the_receiver_one_by_one_and_marked() {
    let (relay, gate) = (Relay::new(""), Gate::default());
    relay.receiver.script([behind(&gate, "200 OK", "SUCCESS")]);
    relay.receiver.script((0..4).map(|_| success()));
    twenty(&relay, &gate).iter().for_each(assert_acknowledged);
    let marked = || Some("true".to_owned());
    assert_eq!(marks(&relay), [None, marked(), marked(), marked(), marked()]);
}

#[test]
fn after_a_failure_the_next_copy_is_delivered_and_is_no_duplicate() {
    let (relay, gate) = (Relay::new("duplicates = \"absorb\""), Gate::default());
    relay.receiver.script([behind(&gate, "500 Internal Server Error", ""), success()]);
    let answers = twenty(&relay, &gate);
    answers[0].assert_failure(502, "receiver_refused");
    answers[1..].iter().for_each(assert_acknowledged);
    assert_eq!(marks(&relay), [None, None], "a receiver may skip what is marked");
}

#[test]
fn copies_of_a_captured_one_keep_no_genuine_one_out() {
    let (relay, gate) = (Relay::new(""), Gate::default());
    relay.receiver.script([behind(&gate, "200 OK", "SUCCESS"), success()]);
    let copies: Vec<_> = (0..270).map(|_| send(&relay)).collect();
    relay.receiver.wait_for_requests(1);
    let busy = || relay.sidecar.admin("/metrics").text().contains(r#"outcome="busy"} 265"#);
    let deadline = std::time::Instant::now() + SOON;
    while !busy() {
        assert!(std::time::Instant::now() < deadline, "never: 265 copies that are told busy");
        thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_acknowledged(&relay.signed(&sign(b"{\"genuine\": 1}"), b"{\"genuine\": 1}"));
    gate.open();
    drop(copies);
}
