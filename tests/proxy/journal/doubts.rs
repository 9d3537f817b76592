//! Doubts and refusals: what ends a doubt is on record, and a doubt of before a crash is taken up again.

use serde_json::json;

use super::{command, pay, text, with_journal};
use crate::support::{FakeUpstream, Launch, Reply, SOON, Stage, sqlite};

/// QFPay's answer to a query for an order.
fn row(order: &str) -> Reply {
    Reply::ok(format!(
        r#"{{"respcd": "0000", "data": [{{"out_trade_no": "{order}", "syssn": "S-{order}", "respcd": "0000", "cancel": "0"}}]}}"#
    ))
}

#[track_caller]
fn wait_for(file: &std::path::Path, statement: &str, expected: &serde_json::Value) {
    let deadline = std::time::Instant::now() + SOON;
    while json!(sqlite(file, statement)) != *expected {
        assert!(std::time::Instant::now() < deadline, "{statement}: {:?}", sqlite(file, statement));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

const RESOLUTIONS: &str = "SELECT b.out_trade_no, r.out_trade_no, r.app, r.respcd, r.state FROM journal r \
     JOIN journal b ON b.id = r.of WHERE r.kind = 'resolution'";

#[test]
fn the_end_of_a_doubt_is_on_record() {
    let stage = super::stage(&["upstream.first_byte_timeout_ms=300", "orders.follow_ms=600000"]);
    stage.upstream.script([Reply::hang()]);
    stage.upstream.always(row("A-1"));
    pay(&stage.sidecar, "A-1").assert_failure(504, "upstream_timeout");
    wait_for(&super::file(&stage.sidecar), RESOLUTIONS, &json!([["A-1", "A-1", "shop", "0000", "paid"]]));
    assert!(text(&command(&stage.sidecar, &["doubt"])).contains("no call is in doubt"));
    assert!(command(&stage.sidecar, &["verify"]).status.success());
}

#[test]
fn what_a_crash_left_in_doubt_is_taken_up_held_and_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db");
    let upstream = FakeUpstream::start();
    let config = Stage::config(&format!("http://{}", upstream.address));
    let launch = || {
        let launch = Launch::new(&config).set(&format!("journal.file={}", file.display()));
        launch.set("orders.follow_ms=600000").set("orders.one_flight=true").start()
    };
    let mut first = launch();
    upstream.script([Reply::hang()]);
    let mut connection = first.connect();
    let form = "txamt=1&txcurrcd=HKD&out_trade_no=A-1";
    let head = format!(
        "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    connection.write(head + form);
    upstream.wait_for_requests(1);
    first.signal("KILL");
    first.wait_for_exit();

    upstream.always(row("A-1"));
    let second = launch();
    let answer = pay(&second, "A-1");
    answer.assert_failure(409, "order_in_flight");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    wait_for(&file, RESOLUTIONS, &json!([["A-1", "A-1", "shop", "0000", "paid"]]));
    let sent: Vec<_> = upstream.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(sent.iter().filter(|path| *path == "/trade/v1/payment").count(), 1, "{sent:?}");
    second.wait_for_log(&["an order in doubt is resolved", "paid"]);
    // QFPay has named it: from here on it refuses the number itself.
    assert_eq!(pay(&second, "A-1").status, 200);
}

#[test]
fn a_refusal_for_want_of_a_right_is_on_record() {
    let token = "0123456789abcdef0123456789abcdef";
    let upstream = FakeUpstream::start();
    let config = Stage::config(&format!("http://{}", upstream.address));
    let callers = "[callers.web]\ntoken_file = \"{folder}/token\"\nendpoints = [\"/trade/v1/payment\"]\n";
    let launch = with_journal(Launch::new(&(config + callers)).file("token", token, 0o600));
    let sidecar = launch.secret(token).start();
    let authorization = format!("Authorization: Bearer {token}");
    let call = |headers: &[&str], path: &str| {
        sidecar.curl(&[headers, &["-d", "txamt=1&txcurrcd=HKD&out_trade_no=A-1&syssn=2"]].concat(), path)
    };
    assert_eq!(call(&["-H", &authorization], "/trade/v1/refund").status, 403);
    assert_eq!(call(&[], "/trade/v1/payment").status, 401);
    assert_eq!(call(&["-H", &authorization], "/trade/v1/payment").status, 200);
    let rows = "SELECT kind, caller, endpoint, delivery, failure IS NOT NULL FROM journal WHERE kind <> 'end' ORDER BY id";
    let expected = json!([
        ["refusal", "web", "/trade/v1/refund", "not_sent", 1],
        ["begin", "web", "/trade/v1/payment", null, 0]
    ]);
    wait_for(&super::file(&sidecar), rows, &expected);
}
