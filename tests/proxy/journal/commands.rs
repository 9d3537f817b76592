//! The commands that read a journal, beside the sidecar that writes it.

use std::process::Command;

use serde_json::Value;

use super::{command, file, pay, stage, text, wait_for};
use crate::support::{Gate, Reply, sqlite};

#[test]
fn find_shows_an_order_with_its_refunds_by_either_number() {
    let stage = stage(&[]);
    let payment = r#"{"respcd": "0000", "out_trade_no": "A-1", "syssn": "2026013101"}"#;
    let refund =
        r#"{"respcd": "0000", "out_trade_no": "R-1", "orig_syssn": "2026013101", "syssn": "2026013102"}"#;
    stage.upstream.script([payment, refund, r#"{"respcd": "0000", "out_trade_no": "B-1"}"#].map(Reply::ok));
    pay(&stage.sidecar, "A-1");
    stage.sidecar.curl(&["-d", "txamt=100&out_trade_no=R-1&syssn=2026013101"], "/trade/v1/refund");
    pay(&stage.sidecar, "B-1");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 6);
    for order in ["A-1", "2026013101"] {
        let found = command(&stage.sidecar, &["find", order]);
        assert!(found.status.success());
        let text = text(&found);
        let kinds: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(kinds, ["begin", "end", "begin", "end"], "{text}");
        assert!(text.contains("/trade/v1/payment order A-1 amount 100 HKD app shop"), "{text}");
        assert!(text.contains("answered respcd 0000") && !text.contains("B-1"), "{text}");
    }
    let none = command(&stage.sidecar, &["find", "C-1"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("nothing about this order"));
}

/// A reader wants no new file.
#[test]
fn a_file_that_is_no_journal_is_told_in_a_readers_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("notes"), "notes, nothing else\n".repeat(100)).unwrap();
    sqlite(&folder.path().join("foreign"), "CREATE TABLE shop (id INTEGER)");
    for (name, says) in [
        ("none", "there is no such file; a sidecar that runs with journal.file set makes it"),
        ("notes", "this is no SQLite file, and so no journal"),
        ("foreign", "belongs to another program, and is no journal"),
    ] {
        for command in [&["verify"][..], &["find", "A-1"], &["export"]] {
            let mut process = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
            process.arg("journal").args(["--file", &path(name)]).args(command).env_clear();
            let done = process.output().unwrap();
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert_eq!(done.status.code(), Some(1), "{said}");
            assert!(said.contains(says) && !said.contains("and it is made"), "{said}");
        }
    }
}

#[test]
fn doubt_lists_what_was_sent_and_is_not_known() {
    let mut stage = stage(&["upstream.first_byte_timeout_ms=300"]);
    let gate = Gate::default();
    stage.upstream.script([Reply::ok(r#"{"respcd": "0000", "out_trade_no": "A-0"}"#), Reply::hang()]);
    pay(&stage.sidecar, "A-0");
    pay(&stage.sidecar, "A-1").assert_failure(504, "upstream_timeout");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 4);
    let list = text(&command(&stage.sidecar, &["doubt"]));
    assert!(
        list.contains("order A-1 ") && list.contains("upstream_timeout") && !list.contains("A-0"),
        "{list}"
    );
    assert!(
        list.ends_with("1 call is in doubt: query its order at QFPay before anybody pays again\n"),
        "{list}"
    );

    stage.upstream.script([Reply::raw("").then_wait(&gate)]);
    let sent = stage.upstream.requests().len();
    let mut connection = stage.sidecar.connect();
    let form = "txamt=1&out_trade_no=A-2";
    connection.write(format!(
        "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    ));
    stage.upstream.wait_for_requests(sent + 1);
    let list = text(&command(&stage.sidecar, &["doubt"]));
    assert!(list.contains("order A-2 ") && list.contains("in flight, or the sidecar was killed"), "{list}");
    stage.sidecar.signal("KILL");
    stage.sidecar.wait_for_exit();
    let list = text(&command(&stage.sidecar, &["doubt"]));
    assert!(list.contains("no end on record: the sidecar was killed") && list.contains("2 calls"), "{list}");
    gate.open();
}

#[test]
fn exports_are_whole_and_no_cell_is_a_formula() {
    let stage = stage(&[]);
    let orders = ["=1+1", "+1", "-1", "@sum", "a,\"b\"", "plain", "\u{8a02}\u{55ae}"];
    for order in orders {
        let order = format!("out_trade_no={order}");
        let form = ["-d", "txamt=100&txcurrcd=HKD", "--data-urlencode", &order];
        assert_eq!(stage.sidecar.curl(&form, "/trade/v1/payment").status, 200);
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 14);
    let csv = text(&command(&stage.sidecar, &["export", "--format", "csv"]));
    let read = |text: &str| -> Vec<Vec<String>> {
        const PROGRAM: &str = "import csv, json, sys; json.dump(list(csv.reader(sys.stdin)), sys.stdout)";
        let path = stage.sidecar.folder.path().join("export.csv");
        std::fs::write(&path, text).unwrap();
        let input = std::fs::File::open(path).unwrap();
        let done = Command::new("python3").args(["-c", PROGRAM]).stdin(input).output().unwrap();
        serde_json::from_slice(&done.stdout).unwrap()
    };
    let rows = read(&csv);
    assert_eq!(rows.len(), 15);
    let column = rows[0].iter().position(|name| name == "out_trade_no").unwrap();
    let kind = rows[0].iter().position(|name| name == "kind").unwrap();
    let cells: Vec<_> =
        rows.iter().filter(|row| row[kind] == "begin").map(|row| row[column].as_str()).collect();
    assert_eq!(cells, ["'=1+1", "'+1", "'-1", "'@sum", "a,\"b\"", "plain", "\u{8a02}\u{55ae}"]);

    let jsonl = text(&command(&stage.sidecar, &["export", "--format", "jsonl", "--since", "1h"]));
    let rows: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept: Vec<_> =
        rows.iter().filter(|row| row["kind"] == "begin").map(|row| &row["out_trade_no"]).collect();
    assert_eq!(kept, orders, "as it was sent");
    let later = text(&command(&stage.sidecar, &["export", "--format", "jsonl", "--since", "2099-01-01"]));
    assert_eq!(later, "");
    let wrong = command(&stage.sidecar, &["export", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn commands_need_no_keys_and_say_what_is_missing() {
    let stage = stage(&[]);
    pay(&stage.sidecar, "A-1");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.env_clear().current_dir(stage.sidecar.folder.path()).args(arguments).output().unwrap()
    };
    std::fs::remove_file(stage.sidecar.folder.path().join("key")).unwrap();
    let setting = format!("journal.file={}", file(&stage.sidecar).display());
    let found = run(&["journal", "find", "A-1", "--config", "sidecar.toml", "--set", &setting]);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    for (arguments, says) in [
        (&["journal", "find", "A-1", "--config", "sidecar.toml"][..], "keeps no journal"),
        (&["journal", "doubt", "--file", "none.db"], "none.db: there is no such file"),
        (&["journal", "doubt", "--file", "sidecar.toml"], "no SQLite file"),
    ] {
        let done = run(arguments);
        assert!(!done.status.success());
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    assert_eq!(sqlite(&file(&stage.sidecar), "PRAGMA integrity_check")[0][0], "ok");
}

/// The page's queries, as they stand there, with the order and the day of this test.
#[test]
fn the_queries_of_the_page_run_and_find_something() {
    let stage = stage(&["upstream.first_byte_timeout_ms=300"]);
    let paid = |order: &str| {
        Reply::ok(format!(r#"{{"respcd": "0000", "out_trade_no": "{order}", "syssn": "S-{order}"}}"#))
    };
    stage.upstream.script([paid("20260131-1001"), paid("B-1"), Reply::hang()]);
    for order in ["20260131-1001", "B-1", "C-1"] {
        pay(&stage.sidecar, order);
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 6);
    let path = file(&stage.sidecar);
    let day = crate::support::sqlite_value(&path, "SELECT substr(min(at), 1, 10) FROM journal");
    let next =
        crate::support::sqlite_value(&path, "SELECT date(substr(min(at), 1, 10), '+1 day') FROM journal");
    let page = include_str!("../../../docs/orders.md");
    let (_, block) = page.split_once("```sql\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let block =
        block.replace("'2026-01-31'", &format!("'{day}'")).replace("'2026-02-01'", &format!("'{next}'"));
    let found: Vec<_> = block
        .split(";\n")
        .map(str::trim)
        .filter(|query| !query.is_empty())
        .map(|query| sqlite(&path, query.trim_end_matches(';')))
        .collect();
    assert_eq!(found.len(), 6);
    let kinds: Vec<_> = found[0].iter().map(|row| &row[1]).collect();
    assert_eq!(kinds, ["begin", "end"]);
    assert_eq!((found[1].len(), found[1][0][3].as_str()), (1, Some("C-1")));
    assert_eq!(serde_json::json!(found[2]), serde_json::json!([["shop", "HKD", 2, 200]]));
    assert_eq!(
        serde_json::json!(found[3]),
        serde_json::json!([["0000", null, 2], [null, "upstream_timeout", 1]])
    );
    assert_eq!(found[4][0][1], 3);
    assert!(found[5].is_empty(), "no notification is on record");
}
