//! Callers that hang up while their payment is in work: whatever way they go, the payment is awaited, logged and counted.

use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;

const FORM: &str = "out_trade_no=HANG-UP-1&txamt=100";

/// How a caller goes.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// It closes its socket.
    Fin,
    /// It closes one half, and waits for its answer.
    HalfClose,
    /// Its socket is reset.
    Reset,
}

pub const WAYS: [Way; 3] = [Way::Fin, Way::HalfClose, Way::Reset];

/// Gives the connection back if its caller still waits for an answer.
pub fn hang_up(connection: Connection, way: Way) -> Option<Connection> {
    match way {
        Way::Fin => drop(connection),
        Way::HalfClose => {
            connection.0.shutdown(Shutdown::Write).unwrap();
            return Some(connection);
        }
        Way::Reset => {
            rustix::net::sockopt::set_socket_linger(&connection.0, Some(Duration::ZERO)).unwrap();
            drop(connection);
        }
    }
    None
}

pub fn payment(lines: &str, form: &str) -> String {
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";
    format!("{head}{lines}Content-Length: {}\r\n\r\n{form}", form.len())
}

/// What the log says of a payment that was awaited to its end.
const AWAITED: [&str; 3] =
    [r#"endpoint="/trade/v1/payment""#, r#"delivery="answered""#, r#"respcd="success""#];

pub fn awaited(sidecar: &Sidecar) -> usize {
    sidecar.log().lines().filter(|line| AWAITED.iter().all(|word| line.contains(word))).count()
}

/// Until the sidecar has seen it: nothing tells from outside.
fn let_it_arrive() {
    thread::sleep(Duration::from_millis(50));
}

fn held(gate: &Gate) -> Reply {
    let body = r#"{"respcd": "0000"}"#;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Reply::raw(head).then_wait(gate).then_bytes(body)
}

#[test]
fn a_caller_that_hangs_up_cancels_no_payment() {
    for way in WAYS {
        let stage = Stage::new(&["log.level=info"]);
        let gate = Gate::default();
        stage.upstream.script([held(&gate)]);
        let mut caller = stage.sidecar.connect();
        caller.write(payment("", FORM));
        stage.upstream.wait_for_requests(1);
        let waiting = hang_up(caller, way);
        let_it_arrive();
        gate.open();
        if let Some(mut caller) = waiting {
            assert_eq!(caller.read().text(), r#"{"respcd": "0000"}"#, "{way:?}");
        }
        stage.sidecar.wait_for_log(&AWAITED);
    }
}

#[test]
fn a_reset_right_after_the_body_that_was_asked_for_cancels_no_payment_that_was_sent() {
    // The 100 Continue is written after the handler has the body: it may meet a reset.
    let stage = Stage::new(&["log.level=info"]);
    stage.upstream.always(Reply::ok(r#"{"respcd": "0000"}"#).after(Duration::from_millis(100)));
    for _ in 0..50 {
        let mut caller = stage.sidecar.connect();
        caller.write("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(caller.read().status, 404, "it was accepted");
        // Request and reset are both there when the sidecar looks.
        let pid = rustix::process::Pid::from_raw(stage.sidecar.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        caller.write(payment("Expect: 100-continue\r\n", FORM));
        hang_up(caller, Way::Reset);
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    }
    let until = Instant::now() + SOON;
    let arrived = || stage.upstream.requests().len();
    while (arrived() == 0 || awaited(&stage.sidecar) < arrived()) && Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    println!("{} of 50 payments whose caller was reset were sent", arrived());
    assert!(arrived() > 0, "no payment was sent, so nothing was tried");
    assert_eq!(awaited(&stage.sidecar), arrived(), "a payment was sent and given up");
}

#[test]
fn a_caller_that_hangs_up_while_a_large_answer_arrives_cancels_no_call() {
    for way in WAYS {
        let stage = Stage::new(&["log.level=info"]);
        let gate = Gate::default();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 4 << 20);
        let part = || vec![b'x'; 1 << 19];
        stage.upstream.script([Reply::raw(head).then_bytes(part()).then_wait(&gate).then_repeat(part(), 7)]);
        let mut caller = stage.sidecar.connect();
        caller.write(payment("", FORM).replace("payment", "query"));
        stage.upstream.wait_for_requests(1);
        let waiting = hang_up(caller, way);
        let_it_arrive();
        gate.open();
        if let Some(mut caller) = waiting {
            assert_eq!(caller.read().body.len(), 4 << 20, "{way:?}");
        }
        stage.sidecar.wait_for_log(&[r#"endpoint="/trade/v1/query""#, r#"delivery="answered""#]);
    }
}

#[test]
fn a_caller_that_hangs_up_while_its_answer_streams_gives_its_place_back() {
    const LENGTH: usize = 4 << 20;
    // One that closes a half goes on reading; see above.
    for way in [Way::Fin, Way::Reset] {
        let stage = Stage::new(&["log.level=info", "limits.streams=1"]);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        let half = || vec![b'x'; LENGTH / 2];
        let large = || Reply::raw(&head).then_bytes(half());
        stage.upstream.script([large().then_drip(half(), Duration::from_millis(10))]);
        stage.upstream.always(large().then_bytes(half()));
        let query = || payment("", FORM).replace("payment", "query");
        let mut caller = stage.sidecar.connect();
        caller.write(query());
        assert_eq!(uninterrupted(|| caller.0.peek(&mut [0; 1])).unwrap(), 1, "the answer has begun to come");
        stage.sidecar.wait_for_log(&[r#"endpoint="/trade/v1/query""#, r#"delivery="answered""#]);
        hang_up(caller, way);
        // The place is free again with the next bytes, although the upstream will not end its answer for hours.
        let until = Instant::now() + SOON;
        loop {
            let mut next = stage.sidecar.connect();
            next.write(query());
            let answer = next.read();
            if answer.status == 200 && answer.body.len() == LENGTH {
                break;
            }
            assert!(Instant::now() < until, "{way:?}: {answer:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_caller_that_hangs_up_while_its_permit_is_needed_cancels_no_payment() {
    for way in WAYS {
        let stage = Stage::new(&["log.level=info", "limits.connections=1"]);
        let gate = Gate::default();
        stage.upstream.script([held(&gate)]);
        let mut caller = stage.sidecar.connect();
        caller.write(payment("", FORM));
        stage.upstream.wait_for_requests(1);
        let mut next = stage.sidecar.connect();
        next.write("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let waiting = hang_up(caller, way);
        let_it_arrive();
        gate.open();
        if let Some(mut caller) = waiting {
            assert_eq!(caller.read().text(), r#"{"respcd": "0000"}"#, "{way:?}");
        }
        stage.sidecar.wait_for_log(&AWAITED);
        assert_eq!(next.read().status, 404, "{way:?}");
    }
}

#[test]
fn a_caller_that_hangs_up_while_the_process_drains_cancels_no_payment() {
    for way in WAYS {
        let mut stage = Stage::new(&["log.level=info", "limits.grace_period_ms=0"]);
        let gate = Gate::default();
        stage.upstream.script([held(&gate)]);
        let mut caller = stage.sidecar.connect();
        caller.write(payment("", FORM));
        stage.upstream.wait_for_requests(1);
        stage.sidecar.signal("TERM");
        stage.sidecar.wait_until_not_ready();
        let waiting = hang_up(caller, way);
        let_it_arrive();
        gate.open();
        if let Some(mut caller) = waiting {
            assert_eq!(caller.read().text(), r#"{"respcd": "0000"}"#, "{way:?}");
        }
        assert_eq!(stage.sidecar.wait_for_exit(), Some(0), "{way:?}");
        stage.sidecar.wait_for_log(&AWAITED);
    }
}
