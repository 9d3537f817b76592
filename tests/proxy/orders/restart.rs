//! What the journal has in doubt is taken up again after a crash.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::flight::{call, start};
use super::outcome::ask;
use super::qfpay::{Fate, PAID, Qfpay};
use crate::support::Sidecar;

pub fn journal(file: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    let done = command.env_clear().arg("journal").args(arguments).args(["--file", file]).output().unwrap();
    String::from_utf8(done.stdout).unwrap() + &String::from_utf8_lossy(&done.stderr)
}

pub fn crash(mut sidecar: Sidecar) {
    sidecar.signal("KILL");
    sidecar.wait_for_exit();
}

#[test]
fn a_doubt_of_before_a_crash_is_followed_and_resolved() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    let sidecar = start(&qfpay, &[&setting]);
    qfpay.fate(Fate::PaidLater(Duration::from_secs(600)));
    let doubt = call(&sidecar, "payment", "A", &["mchid=M"]);
    doubt.assert_failure(502, "upstream_no_answer");
    let id = doubt.header("X-Sidecar-Request-Id").unwrap().to_owned();
    // One whose end nobody saw.
    qfpay.fate(Fate::Slow(Duration::from_secs(600)));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = sidecar.connect();
            let form = "out_trade_no=B&txamt=1";
            let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
            connection.write(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()));
            connection.try_read();
        });
        while qfpay.seen("payment").len() < 2 {
            thread::sleep(Duration::from_millis(5));
        }
        sidecar.signal("KILL");
    });
    crash(sidecar);

    let sidecar = start(&qfpay, &[&setting]);
    call(&sidecar, "payment", "A", &["mchid=M"]).assert_failure(409, "order_in_flight");
    assert!(journal(&file, &["doubt"]).contains("order A"), "{}", journal(&file, &["doubt"]));
    qfpay.book("A", PAID);
    let line = sidecar.wait_for_log(&["an order in doubt is resolved", &id]);
    assert!(line.contains("state=\"paid\""), "{line}");
    assert_eq!(ask(&sidecar, &["out_trade_no=B", "wait_ms=15000"]).json()["state"], "paid");
    let deadline = Instant::now() + Duration::from_secs(10);
    while journal(&file, &["doubt"]).contains("order A") {
        assert!(Instant::now() < deadline, "{}", journal(&file, &["doubt"]));
        thread::sleep(Duration::from_millis(100));
    }
    let way = journal(&file, &["find", "A"]);
    for word in ["resolution", "paid"] {
        assert!(way.contains(word), "no {word}: {way}");
    }
    assert!(qfpay.seen("payment").len() == 2);
    // It is known now: nothing is taken up any more.
    crash(sidecar);
    let queries = qfpay.seen("query").len();
    let sidecar = start(&qfpay, &[&setting]);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(qfpay.seen("query").len(), queries);
    qfpay.fate(Fate::Paid);
    assert_eq!(call(&sidecar, "payment", "A", &["mchid=M"]).status, 200);
}

#[test]
fn a_reversal_in_doubt_of_before_a_crash_is_followed_and_resolved() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    let sidecar = start(&qfpay, &[&setting]);
    qfpay.book("A", PAID);
    qfpay.fate(Fate::Lost);
    let doubt = call(&sidecar, "reversal", "A", &[]);
    doubt.assert_failure(502, "upstream_no_answer");
    let id = doubt.header("X-Sidecar-Request-Id").unwrap().to_owned();
    assert!(journal(&file, &["doubt"]).contains("order A"), "{}", journal(&file, &["doubt"]));
    crash(sidecar);

    let sidecar = start(&qfpay, &[&setting]);
    // A reversal holds no number: whoever makes it again is let through.
    call(&sidecar, "reversal", "A", &[]).assert_failure(502, "upstream_no_answer");
    qfpay.book("A", r#""cancel": "1", "respcd": "0000""#);
    let line = sidecar.wait_for_log(&["an order in doubt is resolved", &id]);
    assert!(line.contains("state=\"reversed\""), "{line}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while journal(&file, &["doubt"]).contains("order A") {
        assert!(Instant::now() < deadline, "{}", journal(&file, &["doubt"]));
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_hold_is_counted_again_from_a_restart_only_once() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let setting = format!("journal.file={}", folder.path().join("journal.db").display());
    // Of a call that takes 1 s at most, a number is held for 2 s, and once more for 2 s: no longer than 5 s in all.
    let settings = [&*setting, "orders.hold_ms=2000", "upstream.call_timeout_ms=1000", "quota.max_wait_ms=0"];
    let settings =
        [&settings[..], &["upstream.connect_timeout_ms=1000", "upstream.tls_timeout_ms=1000"]].concat();
    qfpay.fate(Fate::Lost);
    let sidecar = start(&qfpay, &settings);
    call(&sidecar, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    let began = Instant::now();
    crash(sidecar);
    let sidecar = start(&qfpay, &settings);
    if began.elapsed() < Duration::from_secs(4) {
        call(&sidecar, "payment", "A", &[]).assert_failure(409, "order_in_flight");
    }
    while began.elapsed() < Duration::from_millis(5100) {
        thread::sleep(Duration::from_millis(50));
    }
    crash(sidecar);
    let sidecar = start(&qfpay, &settings);
    qfpay.fate(Fate::Paid);
    assert_eq!(call(&sidecar, "payment", "A", &[]).status, 200);
}
