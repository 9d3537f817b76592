//! Notifications kept: on record before they are delivered, posted again by `replay`, known again after a restart.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::text;
use crate::notifications::stage::{PATH, Relay, assert_acknowledged, connect, request, sign, success};
use crate::support::{Answer, FakeUpstream, Gate, Hold, Launch, Reply, Sidecar, sqlite};

/// A sidecar with one route and a journal, which outlives it.
fn start(receiver: &FakeUpstream, journal: &Path, route: &str) -> Sidecar {
    launch(receiver, journal, route).start()
}

fn launch(receiver: &FakeUpstream, journal: &Path, route: &str) -> Launch {
    Relay::start(receiver, route).set(&format!("journal.file={}", journal.display()))
}

fn body(order: &str) -> String {
    format!(
        r#"{{"notify_type": "payment", "out_trade_no": "{order}", "syssn": "S{order}", "txamt": "100", "txcurrcd": "HKD", "respcd": "0000", "mchid": "M1", "goods_name": "tea"}}"#
    )
}

fn notify(sidecar: &Sidecar, order: &str) -> Answer {
    let body = body(order);
    let mut qfpay = connect(sidecar);
    qfpay.write(request(&format!("X-QF-SIGN: {}\r\n", sign(body.as_bytes())), body.as_bytes()));
    qfpay.read()
}

/// `replay` beside a sidecar, with its configuration.
fn replay(sidecar: &Sidecar, journal: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command
        .env_clear()
        .arg("replay")
        .args(arguments)
        .arg("--config")
        .arg(sidecar.folder.path().join("sidecar.toml"));
    command.args(["--set", "listen.notifications=127.0.0.1:0", "--set"]);
    command.arg(format!("journal.file={}", journal.display())).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", text(output), String::from_utf8_lossy(&output.stderr))
}

fn orders(receiver: &FakeUpstream) -> Vec<String> {
    let order =
        |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).unwrap()["out_trade_no"].to_string();
    receiver.requests().iter().map(|request| order(request.body()).trim_matches('"').to_owned()).collect()
}

#[test]
fn one_is_on_record_before_it_is_delivered_and_so_is_what_became_of_it() {
    let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
    let journal = folder.path().join("journal.db");
    let sidecar = start(&receiver, &journal, "");
    let gate = Gate::default();
    receiver.script([Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
        .then_wait(&gate)
        .then_bytes("SUCCESS")]);
    std::thread::scope(|scope| {
        let posting = scope.spawn(|| notify(&sidecar, "A-1"));
        receiver.wait_for_requests(1);
        let rows = sqlite(
            &journal,
            "SELECT kind, app, route, out_trade_no, syssn, amount, currency, respcd, mchid, cast(body AS TEXT) FROM journal",
        );
        let expected =
            json!([["notification", "shop", PATH, "A-1", "SA-1", "100", "HKD", "0000", "M1", body("A-1")]]);
        assert_eq!(json!(rows), expected);
        gate.open();
        assert_acknowledged(&posting.join().unwrap());
    });
    // What QFPay was told is on record: no waiting.
    let attempts = "SELECT of, route, delivery, failure FROM journal WHERE kind = 'attempt'";
    assert_eq!(json!(sqlite(&journal, attempts)), json!([[1, PATH, "answered", null]]));

    // Its repeats are the same notification, and each attempt is a row.
    receiver.script([Reply::of("500 Oh", "", "")]);
    notify(&sidecar, "A-2").assert_failure(502, "receiver_refused");
    receiver.script([success()]);
    assert_acknowledged(&notify(&sidecar, "A-2"));
    let rows = sqlite(
        &journal,
        "SELECT n.out_trade_no, a.failure FROM journal a JOIN journal n ON n.id = a.of WHERE a.kind = 'attempt' ORDER BY a.id",
    );
    assert_eq!(json!(rows), json!([["A-1", null], ["A-2", "receiver_refused"], ["A-2", null]]));
    assert_eq!(
        json!(sqlite(&journal, "SELECT count(*) FROM journal WHERE kind = 'notification'")),
        json!([[2]])
    );
}

#[test]
fn replay_posts_the_same_bytes_until_a_receiver_has_them() {
    let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
    let journal = folder.path().join("journal.db");
    let sidecar = start(&receiver, &journal, "");
    receiver.always(Reply::of("500 Oh", "", ""));
    for order in ["A-1", "A-2", "A-3"] {
        notify(&sidecar, order).assert_failure(502, "receiver_refused");
    }
    receiver.script([success()]);
    assert_acknowledged(&notify(&sidecar, "A-4"));
    receiver.forget();

    let still_away = replay(&sidecar, &journal, &[]);
    assert_eq!(still_away.status.code(), Some(1), "{}", said(&still_away));
    assert_eq!(orders(&receiver), ["A-1", "A-2", "A-3"]);
    assert!(said(&still_away).contains("3 were not taken"), "{}", said(&still_away));

    receiver.forget();
    receiver.always(success());
    let one = replay(&sidecar, &journal, &["--order", "SA-2"]);
    assert!(one.status.success(), "{}", said(&one));
    let rest = replay(&sidecar, &journal, &["--since", "1h", "--route", PATH]);
    assert!(rest.status.success() && text(&rest).contains("taken: 2"), "{}", said(&rest));
    assert_eq!(orders(&receiver), ["A-2", "A-1", "A-3"]);
    for request in receiver.requests() {
        assert_eq!(request.header("X-Sidecar-Replay"), Some("true"));
        assert_eq!((request.header("X-Sidecar-Verified"), request.header("X-QF-SIGN")), (Some("shop"), None));
        assert_eq!((request.method(), request.header("Content-Type")), ("POST", Some("application/json")));
        assert_eq!(request.header("X-Sidecar-Duplicate"), None);
    }
    assert_eq!(receiver.requests()[0].body(), body("A-2").as_bytes());
    let nothing = replay(&sidecar, &journal, &[]);
    assert!(nothing.status.success() && text(&nothing).contains("taken: 0"), "{}", said(&nothing));
    let other = replay(&sidecar, &journal, &["--all", "--route", "/other"]);
    assert!(text(&other).contains("taken: 0"), "{}", said(&other));

    receiver.forget();
    let all = replay(&sidecar, &journal, &["--all"]);
    assert!(all.status.success(), "{}", said(&all));
    assert_eq!(orders(&receiver), ["A-1", "A-2", "A-3", "A-4"]);
    assert!(receiver.requests().iter().all(|request| request.header("X-Sidecar-Duplicate") == Some("true")));
    // QFPay's own repeat of what a replay brought is marked, although this process did not see it acknowledged.
    receiver.forget();
    assert_acknowledged(&notify(&sidecar, "A-1"));
    assert_eq!(receiver.requests()[0].header("X-Sidecar-Duplicate"), Some("true"));
    let verified = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"))
        .args(["journal", "verify", "--file"])
        .arg(&journal)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", text(&verified));
}

#[test]
fn a_receiver_that_is_away_is_not_asked_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.db");
    let receiver = FakeUpstream::start();
    receiver.always(Reply::of("500 Oh", "", ""));
    let sidecar = start(&receiver, &journal, "");
    for order in 0..8 {
        notify(&sidecar, &format!("A-{order}")).assert_failure(502, "receiver_refused");
    }
    receiver.forget();
    let away = replay(&sidecar, &journal, &[]);
    assert_eq!(away.status.code(), Some(1));
    assert_eq!(receiver.requests().len(), 5);
    assert!(
        said(&away).contains("8 were not taken: 5 refused or unanswered, 3 not tried"),
        "{}",
        said(&away)
    );
}

#[test]
fn what_no_route_took_is_named_and_left_until_it_is_asked_for() {
    let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
    receiver.always(success());
    let journal = folder.path().join("journal.db");
    let mut first = start(&receiver, &journal, "mchids = [\"other\"]");
    notify(&first, "A-1").assert_failure(404, "notification_unrouted");
    assert_eq!(
        json!(sqlite(&journal, "SELECT failure FROM journal WHERE kind = 'attempt'")),
        json!([["notification_unrouted"]])
    );
    let left = replay(&first, &journal, &[]);
    assert!(left.status.success(), "{}", said(&left));
    assert!(text(&left).contains("no route: ") && text(&left).contains("order A-1"), "{}", said(&left));
    first.signal("TERM");
    assert_eq!(first.wait_for_exit(), Some(0));

    let second = start(&receiver, &journal, "mchids = [\"M1\"]");
    let left = replay(&second, &journal, &[]);
    assert!(left.status.success() && text(&left).contains("order A-1"), "{}", said(&left));
    assert!(receiver.requests().is_empty());
    let sent = replay(&second, &journal, &["--unrouted"]);
    assert!(sent.status.success() && text(&sent).contains("taken: 1"), "{}", said(&sent));
    assert_eq!(orders(&receiver), ["A-1"]);
    assert!(text(&replay(&second, &journal, &["--unrouted"])).contains("taken: 0"));
}

#[test]
fn what_was_acknowledged_is_known_again_after_kill_9() {
    for (duplicates, comes) in [("absorb", false), ("pass", true)] {
        let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
        receiver.always(success());
        let journal = folder.path().join("journal.db");
        let route = format!("duplicates = \"{duplicates}\"");
        let mut first = start(&receiver, &journal, &route);
        assert_acknowledged(&notify(&first, "A-1"));
        first.signal("KILL");
        first.wait_for_exit();
        receiver.forget();
        let second = start(&receiver, &journal, &route);
        assert_acknowledged(&notify(&second, "A-1"));
        let requests = receiver.requests();
        assert_eq!(requests.len(), usize::from(comes), "{duplicates}");
        assert!(requests.iter().all(|request| request.header("X-Sidecar-Duplicate") == Some("true")));
    }
}

#[test]
fn without_bodies_nothing_is_kept_that_a_customer_bought_and_nothing_can_be_replayed() {
    let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
    receiver.always(Reply::of("500 Oh", "", ""));
    let journal = folder.path().join("journal.db");
    let sidecar = launch(&receiver, &journal, "").set("journal.notification_bodies=false").start();
    notify(&sidecar, "A-1").assert_failure(502, "receiver_refused");
    wait_for_rows(&journal, 2);
    assert_eq!(
        json!(sqlite(&journal, "SELECT out_trade_no, body FROM journal WHERE id = 1")),
        json!([["A-1", null]])
    );
    for name in ["journal.db", "journal.db-wal"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        assert!(!bytes.windows(10).any(|window| window == b"goods_name"), "{name}");
    }
    let nothing = replay(&sidecar, &journal, &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(said(&nothing).contains("without their bytes"), "{}", said(&nothing));
}

#[test]
fn an_attempt_that_somebody_made_unreadable_keeps_no_notification_from_being_written() {
    let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
    receiver.always(success());
    let journal = folder.path().join("journal.db");
    let sidecar = start(&receiver, &journal, "");
    assert_acknowledged(&notify(&sidecar, "A-1"));
    wait_for_rows(&journal, 2);
    sqlite(&journal, "UPDATE chain SET rows = 'none' WHERE of IS NOT NULL");
    assert_acknowledged(&notify(&sidecar, "A-1"));
    assert_acknowledged(&notify(&sidecar, "A-2"));
    // An acknowledgement waits for its attempt, which stands behind its notification.
    assert_eq!(json!(sqlite(&journal, "SELECT count(fingerprint), count(of) FROM chain")), json!([[2, 3]]));
}

fn wait_for_rows(journal: &Path, rows: u64) {
    let deadline = std::time::Instant::now() + crate::support::SOON;
    while json!(sqlite(journal, "SELECT count(*) FROM journal")) != json!([[rows]]) {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_journal_that_hangs_delivers_or_refuses_as_it_is_told() {
    for (on_failure, status) in [("pass", 200), ("refuse", 503)] {
        let (receiver, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
        receiver.always(success());
        let journal = folder.path().join("journal.db");
        let sidecar =
            launch(&receiver, &journal, "").set(&format!("journal.on_failure={on_failure}")).start();
        let held = Hold::on(&journal);
        let answer = notify(&sidecar, "A-1");
        assert_eq!(answer.status, status, "{on_failure}");
        assert_eq!(receiver.requests().len(), usize::from(status == 200));
        if status == 503 {
            answer.assert_failure(503, "journal_unavailable");
        }
        drop(held);
    }
}

#[test]
fn replay_needs_a_journal() {
    let receiver = FakeUpstream::start();
    let sidecar = Relay::start(&receiver, "").start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    let config = sidecar.folder.path().join("sidecar.toml");
    command.env_clear().args(["replay", "--set", "listen.notifications=127.0.0.1:0", "--config"]);
    let done = command.arg(config).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(said(&done).contains("keeps no notifications"), "{}", said(&done));
}
