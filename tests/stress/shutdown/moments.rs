//! Signals at awkward moments: beside a request that is just being sent, during the start, during the demo.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{PAYMENT, payment_in_flight};
use crate::support::{Connection, Stage, assert_chosen_by_the_system, ended, signal};

fn payment(connection: &mut Connection) {
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";
    connection.write(format!("{head}Content-Length: {}\r\n\r\n{PAYMENT}", PAYMENT.len()));
}

#[test]
fn a_request_on_a_kept_connection_just_after_sigterm_is_told_that_it_was_not_sent() {
    let mut stage = Stage::new(&["limits.grace_period_ms=20000"]);
    let mut kept: Vec<_> = (0..8).map(|_| stage.sidecar.connect()).collect();
    for connection in &mut kept {
        payment(connection);
        let answer = connection.read();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("Keep-Alive"), Some("timeout=74"), "the connection is kept");
    }
    stage.sidecar.signal("TERM");
    stage.sidecar.wait_until_not_ready();
    for connection in &mut kept {
        payment(connection);
        let answer = connection.try_read().expect("an answer, and no bare close");
        answer.assert_failure(503, "shutting_down");
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
        assert_eq!((answer.header("Connection"), answer.header("Keep-Alive")), (Some("close"), None));
        assert!(connection.try_read().is_none(), "and then the connection is closed");
    }
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert_eq!(stage.upstream.requests().len(), 8, "what came after the signal was not sent");
}

#[test]
fn a_new_connection_just_after_sigterm_is_answered_while_others_are_open() {
    let mut stage = Stage::new(&["limits.grace_period_ms=20000"]);
    let mut kept = stage.sidecar.connect();
    payment(&mut kept);
    assert_eq!(kept.read().status, 200);
    stage.sidecar.signal("TERM");
    stage.sidecar.wait_until_not_ready();
    let mut fresh = stage.sidecar.connect();
    payment(&mut fresh);
    fresh.read().assert_failure(503, "shutting_down");
    // Once nobody is connected there is nobody to wait for.
    let since = Instant::now();
    drop(kept);
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(15), "it waited for nobody");
}

#[test]
fn a_connection_that_was_just_made_when_the_grace_period_ends_is_answered() {
    let mut stage = Stage::new(&["limits.grace_period_ms=1000"]);
    let mut kept = stage.sidecar.connect();
    payment(&mut kept);
    assert_eq!(kept.read().status, 200);
    stage.sidecar.signal("TERM");
    thread::sleep(Duration::from_millis(700));
    let mut fresh = stage.sidecar.connect();
    thread::sleep(Duration::from_millis(600)); // over the end of the grace period
    payment(&mut fresh);
    let answer = fresh.try_read().expect("an answer, and no bare close");
    answer.assert_failure(503, "shutting_down");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
}

#[test]
fn half_a_head_on_a_kept_connection_at_the_end_is_told_that_it_was_not_sent() {
    let mut stage = Stage::new(&["limits.grace_period_ms=300"]);
    let mut kept = stage.sidecar.connect();
    payment(&mut kept);
    assert_eq!(kept.read().status, 200);
    kept.write("POST /trade/v1/payment HTTP/1.1\r\nHost: loc");
    stage.sidecar.signal("TERM");
    let answer = kept.try_read().expect("an answer, and no bare close");
    answer.assert_failure(503, "shutting_down");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert_eq!(stage.upstream.requests().len(), 1);
}

#[test]
fn the_grace_period_is_as_long_as_the_setting_says() {
    for (grace_period_ms, at_least) in [("0", 0), ("1500", 1400)] {
        let mut stage = Stage::new(&[&format!("limits.grace_period_ms={grace_period_ms}")]);
        let mut kept = stage.sidecar.connect();
        payment(&mut kept);
        assert_eq!(kept.read().status, 200);
        let since = Instant::now();
        stage.sidecar.signal("TERM");
        // It says nothing more, and is closed.
        assert!(kept.try_read().is_none());
        assert!(
            since.elapsed() >= Duration::from_millis(at_least),
            "{grace_period_ms}: {:?}",
            since.elapsed()
        );
        assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    }
}

#[test]
fn sigint_asks_and_a_second_one_ends_at_once() {
    let mut stage = Stage::new(&[]);
    stage.upstream.script([crate::support::Reply::hang()]);
    let caller = payment_in_flight(&stage);
    stage.sidecar.signal("INT");
    stage.sidecar.wait_for_log(&["shutting down"]);
    stage.sidecar.signal("INT");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(128 + 2));
    drop(caller);
}

/// A command of the binary on ports of its own.
pub struct Started(Child);

impl Started {
    pub fn command(arguments: &[&str]) -> Self {
        let any = ["listen.api", "listen.admin", "sandbox.listen"].map(|name| format!("{name}=127.0.0.1:0"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.args(arguments).args(any.iter().flat_map(|setting| ["--set", setting]));
        command.env_clear().stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        signal(&self.0, name);
    }

    pub fn ends(mut self) -> ExitStatus {
        ended(&mut self.0).expect("it does not end")
    }

    /// Waits for a line that holds these words.
    pub fn wait_for(&mut self, words: &str) {
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let mut screen = String::new();
        while !screen.contains(words) {
            let line = lines.next();
            screen += &line.unwrap_or_else(|| panic!("it ended without saying {words}:\n{screen}"));
            screen.push('\n');
        }
        assert_chosen_by_the_system(&screen);
        // Whatever else it says must find a reader.
        thread::spawn(move || lines.for_each(drop));
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn sigterm_during_the_start_ends_it() {
    for delay in [0, 1, 2, 4, 8, 12, 16, 24, 32, 48] {
        let started = Started::command(&["run"]);
        thread::sleep(Duration::from_millis(delay));
        started.terminate();
        let status = started.ends();
        // Before its own handlers stand, the signal itself ends it; after that it ends in order. There is no third way.
        assert!(
            matches!((status.signal(), status.code()), (Some(15), _) | (_, Some(0))),
            "{delay} ms: {status}"
        );
    }
    let mut started = Started::command(&["run"]);
    started.wait_for("ready");
    started.terminate();
    assert_eq!(started.ends().code(), Some(0));
}

#[test]
fn sigterm_during_the_demo_ends_it() {
    let mut walking = Started::command(&["demo"]);
    walking.wait_for("ready");
    walking.terminate();
    let status = walking.ends();
    // Its steps take milliseconds: they may all have been done.
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    let mut serving = Started::command(&["demo"]);
    serving.wait_for("goes on serving");
    serving.terminate();
    assert_eq!(serving.ends().code(), Some(0));
}
