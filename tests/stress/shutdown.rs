//! The end of a process: what is in flight is finished, nothing new is taken, and a second signal means now.

mod moments;
mod signals;
mod under_load;

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Answer, Gate, Reply, SOON, Stage, ended, signal, uninterrupted};

const PAYMENT: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1";

/// Starts a payment on a connection of its own, and waits until the upstream has it.
fn payment_in_flight(stage: &Stage) -> thread::JoinHandle<Option<Answer>> {
    let mut connection = stage.sidecar.connect();
    connection.write(format!(
        "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{PAYMENT}",
        PAYMENT.len()
    ));
    let caller = thread::spawn(move || connection.try_read());
    stage.upstream.wait_for_requests(1);
    caller
}

fn wait_until_refused(address: &str) {
    let deadline = Instant::now() + crate::support::SOON;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "{address} still accepts connections");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn sigterm_finishes_the_payment_in_flight_and_exits_0() {
    let mut stage = Stage::new(&[]);
    let gate = Gate::default();
    let head = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n");
    stage.upstream.script([head.then_wait(&gate).then_bytes(r#"{"respcd": "0000"}"#)]);
    let caller = payment_in_flight(&stage);

    stage.sidecar.signal("TERM");
    wait_until_refused(&stage.sidecar.api);
    assert_eq!(stage.sidecar.admin("/readyz").status, 503, "readyz fails while calls are finished");
    assert_eq!(stage.sidecar.admin("/livez").status, 200);
    gate.open();

    let answer = caller.join().unwrap().expect("the call in flight is answered");
    assert_eq!((answer.status, answer.text()), (200, r#"{"respcd": "0000"}"#));
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert_eq!(stage.upstream.requests().len(), 1);
}

#[test]
fn a_payment_whose_caller_hung_up_is_still_awaited() {
    let mut stage = Stage::new(&[]);
    let gate = Gate::default();
    let head = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n");
    stage.upstream.script([head.then_wait(&gate).then_bytes(r#"{"respcd": "0000"}"#)]);
    let mut connection = stage.sidecar.connect();
    connection.write(format!(
        "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{PAYMENT}",
        PAYMENT.len()
    ));
    stage.upstream.wait_for_requests(1);
    drop(connection);
    stage.sidecar.signal("TERM");
    wait_until_refused(&stage.sidecar.api);
    gate.open();
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let line = stage.sidecar.wait_for_log(&["INFO", "request", "/trade/v1/payment"]);
    assert!(line.contains(r#"delivery="answered""#) && line.contains(r#"respcd="success""#), "{line}");
}

#[test]
fn the_deadline_ends_what_hangs_and_says_so() {
    let mut stage = Stage::new(&["limits.shutdown_timeout_ms=200"]);
    stage.upstream.script([Reply::hang()]);
    let caller = payment_in_flight(&stage);
    stage.sidecar.signal("TERM");
    // Not a bare close, which some callers take for leave to send it again.
    let answer = caller.join().unwrap().expect("the caller is told");
    answer.assert_failure(503, "cut_off");
    assert_eq!(answer.json()["respcd"], "1298");
    assert_eq!(answer.json()["out_trade_no"], "1");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(1));
    stage.sidecar.wait_for_log(&[
        "request",
        "/trade/v1/payment",
        r#"delivery="unknown""#,
        r#"error="cut_off""#,
    ]);
    assert!(stage.sidecar.log().contains("still in flight"), "{}", stage.sidecar.log());
}

#[test]
fn a_second_signal_exits_at_once() {
    let mut stage = Stage::new(&[]);
    stage.upstream.script([Reply::hang()]);
    let caller = payment_in_flight(&stage);
    stage.sidecar.signal("TERM");
    stage.sidecar.wait_for_log(&["shutting down"]);
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(128 + 15));
    drop(caller);
}

/// Whatever holds up the thread that serves, such as a start screen that nobody reads: another one hears of signals.
#[test]
fn a_second_signal_ends_a_process_that_is_stuck() {
    let (_unread, mut screen) = std::io::pipe().unwrap();
    // A pipe holds 64 KiB.
    screen.write_all(&[b'\n'; 65536]).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.args([
        "run",
        "--env",
        "sandbox",
        "--set",
        "listen.api=127.0.0.1:0",
        "--set",
        "sandbox.listen=127.0.0.1:0",
    ]);
    command.args(["--set", "listen.admin="]).env_clear().stdout(screen).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let caught = format!("/proc/{}/status", child.id());
    let deadline = Instant::now() + SOON;
    loop {
        let status = std::fs::read_to_string(&caught).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
        if u64::from_str_radix(mask, 16).unwrap() & 1 << 14 != 0 {
            break;
        }
        assert!(Instant::now() < deadline, "SIGTERM has no handler");
        thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "TERM");
    thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "the first signal ended it");
    signal(&child, "TERM");
    assert_eq!(ended(&mut child).expect("it does not end").code(), Some(128 + 15));
}

#[test]
fn an_idle_keep_alive_connection_does_not_delay_the_end() {
    let mut stage = Stage::new(&["limits.shutdown_timeout_ms=15000"]);
    let mut idle = stage.sidecar.connect();
    idle.write("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(idle.read().status, 404);
    let since = Instant::now();
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(10), "it waited for an idle connection");
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    let mut stage = Stage::launch(|launch| launch.set("listen.api=unix:{folder}/api.sock"));
    let path = stage.sidecar.folder.path().join("api.sock");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_long_answer_that_nobody_reads_does_not_hold_up_the_end() {
    let mut stage = Stage::new(&["limits.shutdown_timeout_ms=300"]);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 32 << 20);
    stage.upstream.script([Reply::raw(head).then_repeat(vec![b'x'; 1 << 20], 32)]);
    let mut lazy = stage.sidecar.connect();
    lazy.write(format!(
        "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{PAYMENT}",
        PAYMENT.len()
    ));
    uninterrupted(|| lazy.0.peek(&mut [0])).unwrap();
    stage.sidecar.signal("TERM");
    // The answer holds its call's place until it was read, which this caller never does.
    assert_eq!(stage.sidecar.wait_for_exit(), Some(1));
}
