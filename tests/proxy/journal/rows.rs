//! What stands in the journal, and what does not.

use std::time::Duration;

use serde_json::json;

use super::{file, pay, stage, wait_for};
use crate::support::{CANARY, Gate, Reply, sqlite, sqlite_value};

#[test]
fn a_call_is_on_record_before_its_first_byte_leaves_and_once_it_is_over() {
    let stage = stage(&[]);
    let gate = Gate::default();
    let body = r#"{"respcd": "0000", "out_trade_no": "A-1", "syssn": "20260131000200020000000001"}"#;
    stage.upstream.script([Reply::raw("")
        .then_wait(&gate)
        .then_bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))]);
    let url = stage.sidecar.url("/trade/v1/payment");
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let form = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=A-1&mchid=M1";
            crate::support::curl(&["-H", "X-Request-Id: id-1", "-d", form, &url])
        });
        // The upstream has it, and the row is there: no waiting.
        stage.upstream.wait_for_requests(1);
        let rows = sqlite(
            &file(&stage.sidecar),
            "SELECT id, kind, request_id, app, mchid, endpoint, out_trade_no, syssn, amount, currency, delivery FROM journal",
        );
        let begin =
            json!([[1, "begin", "id-1", "shop", "M1", "/trade/v1/payment", "A-1", null, "100", "HKD", null]]);
        assert_eq!(json!(rows), begin);
        gate.open();
        assert_eq!(call.join().unwrap().status, 200);
    });
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 2);
    let rows = sqlite(
        &file(&stage.sidecar),
        "SELECT id, kind, of, request_id, out_trade_no, syssn, delivery, respcd, failure FROM journal WHERE id = 2",
    );
    let end = json!([[2, "end", 1, "id-1", "A-1", "20260131000200020000000001", "answered", "0000", null]]);
    assert_eq!(json!(rows), end);
}

#[test]
fn an_order_number_of_blanks_stands_in_both_rows_of_its_call_as_it_was_sent() {
    let stage = stage(&[]);
    pay(&stage.sidecar, "%20%20");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 2);
    let rows = sqlite(&file(&stage.sidecar), "SELECT kind, out_trade_no FROM journal ORDER BY id");
    assert_eq!(json!(rows), json!([["begin", "  "], ["end", "  "]]));
}

#[test]
fn every_end_says_whether_the_call_arrived() {
    let stage = stage(&["upstream.first_byte_timeout_ms=300"]);
    stage.upstream.script([
        Reply::ok(r#"{"respcd": "1108", "out_trade_no": "A-0"}"#),
        Reply::hang(),
        Reply::close(),
        Reply::ok("<html>"),
    ]);
    let mut expected = Vec::new();
    for (number, (respcd, failure)) in [
        (Some("1108"), None),
        (None, Some("upstream_timeout")),
        (None, Some("upstream_no_answer")),
        (None, Some("answer_unclear")),
    ]
    .into_iter()
    .enumerate()
    {
        let order = format!("A-{number}");
        let answer = pay(&stage.sidecar, &order);
        let failure = failure.and(answer.header("X-Sidecar-Error").map(str::to_owned));
        assert_eq!(failure.is_some(), respcd.is_none(), "{order}: {}", answer.text());
        let delivery = if respcd.is_some() { "answered" } else { "unknown" };
        expected.push(json!([order, delivery, respcd, failure]));
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal WHERE kind = 'end'", 4);
    let rows = sqlite(
        &file(&stage.sidecar),
        "SELECT out_trade_no, delivery, respcd, failure FROM calls ORDER BY id",
    );
    assert_eq!(json!(rows), json!(expected));
}

#[test]
fn only_calls_that_move_money_are_on_record_and_only_when_they_are_about_to_be_sent() {
    let stage = stage(&[]);
    for path in ["/trade/v1/query", "/tool/v1/get_weixin_openid"] {
        stage.sidecar.curl(&["-d", "out_trade_no=A-1"], path);
    }
    // Refused before it was sent.
    stage.sidecar.curl(&["-d", "a=1&a=2"], "/trade/v1/payment").assert_failure(400, "parameter_repeated");
    for path in ["refund", "reversal", "close", "payment"] {
        let refund = "out_trade_no=R-1&txamt=50&orig_syssn=&syssn=2026";
        assert_eq!(stage.sidecar.curl(&["-d", refund], &format!("/trade/v1/{path}")).status, 200);
    }
    let rows =
        sqlite(&file(&stage.sidecar), "SELECT endpoint, syssn FROM journal WHERE kind = 'begin' ORDER BY id");
    let expected =
        ["refund", "reversal", "close", "payment"].map(|path| json!([format!("/trade/v1/{path}"), "2026"]));
    assert_eq!(json!(rows), json!(expected));
}

/// Values of customers stand in the columns that are named, and in no other place of any of the files.
#[test]
fn nothing_else_of_what_a_customer_typed_is_kept() {
    let stage = stage(&[]);
    let body = format!(
        r#"{{"respcd": "0000", "out_trade_no": "A-1", "cardcd": "{CANARY}", "resperr": "{CANARY}"}}"#
    );
    stage.upstream.always(Reply::ok(body));
    let canary = format!("goods_name={CANARY}");
    for name in ["pay_tag", "openid", "auth_code", "notify_url", "udid", "goods_info", "cardno"] {
        let other = format!("{name}={CANARY}-{name}");
        let form = [
            "-d",
            "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=A-1",
            "-d",
            &canary,
            "--data-urlencode",
            &other,
        ];
        let agent = format!("User-Agent: {CANARY}");
        assert_eq!(
            stage.sidecar.curl(&[&form[..], &["-H", &agent]].concat(), "/trade/v1/payment").status,
            200
        );
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal WHERE kind = 'end'", 7);
    let key = crate::support::CLIENT_KEY;
    for name in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"] {
        let bytes = std::fs::read(stage.sidecar.folder.path().join(name)).unwrap();
        for secret in [CANARY, key, "goods_name", "User-Agent"] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "{secret} in {name}"
            );
        }
    }
}

#[test]
fn values_without_end_are_cut() {
    let stage = stage(&[]);
    let long = "7".repeat(10_000);
    let form = ["-d", "txcurrcd=HKD", "-d", "out_trade_no=A-1", "-d", &format!("txamt={long}")];
    assert_eq!(stage.sidecar.curl(&form, "/trade/v1/payment").status, 200);
    let kept = sqlite_value(&file(&stage.sidecar), "SELECT amount FROM journal WHERE kind = 'begin'");
    assert_eq!(kept, format!("{}…", "7".repeat(253)));
}

#[test]
fn without_a_file_there_is_no_journal_and_no_thread() {
    let stage = crate::support::Stage::new(&[]);
    assert_eq!(pay(&stage.sidecar, "A-1").status, 200);
    let names: Vec<_> = std::fs::read_dir(format!("/proc/{}/task", stage.sidecar.pid()))
        .unwrap()
        .map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with("journal")), "{names:?}");
    let with = super::stage(&[]);
    assert_eq!(pay(&with.sidecar, "A-1").status, 200);
    assert!(!with.sidecar.admin("/metrics").text().contains("journal_missed_total{"));
    std::thread::sleep(Duration::from_millis(1));
    with.sidecar.admin("/metrics").text().lines().find(|line| line.contains("journal_up{")).unwrap();
}
