//! A journal that cannot be written: a payment waits no longer than it may, and then passes or is refused.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{command, file, pay, stage, text, wait_for};
use crate::support::{Hold, sqlite};

/// Longer than `journal.wait_ms` by what a busy machine needs.
const MARGIN: Duration = Duration::from_millis(1500);

#[test]
fn a_disk_that_hangs_stops_no_payment() {
    let stage = stage(&[]);
    assert_eq!(pay(&stage.sidecar, "before").status, 200);
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 2);
    let held = Hold::on(&file(&stage.sidecar));
    for order in ["A-1", "A-2", "A-3"] {
        let since = Instant::now();
        assert_eq!(pay(&stage.sidecar, order).status, 200);
        let took = since.elapsed();
        assert!(took >= Duration::from_millis(200) && took < Duration::from_millis(200) + MARGIN, "{took:?}");
    }
    stage.sidecar.wait_for_log(&["WARN", "journal.wait_ms", "pass"]);
    let metrics = stage.sidecar.admin("/metrics");
    assert!(
        metrics.text().contains("qfpay_sidecar_journal_missed_total{why=\"late\"} 3"),
        "{}",
        metrics.text()
    );
    drop(held);
    // They were kept in memory, and come to the file in their order.
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 8);
    let rows = sqlite(&file(&stage.sidecar), "SELECT out_trade_no, delivery FROM calls ORDER BY id");
    let expected = ["before", "A-1", "A-2", "A-3"].map(|order| [order, "answered"]);
    assert_eq!(serde_json::json!(rows), serde_json::json!(expected));
    assert!(command(&stage.sidecar, &["verify"]).status.success());
}

#[test]
fn with_refuse_nothing_is_sent_that_is_not_on_record() {
    let stage = stage(&["journal.on_failure=refuse", "journal.wait_ms=50"]);
    let held = Hold::on(&file(&stage.sidecar));
    let answer = pay(&stage.sidecar, "A-1");
    answer.assert_failure(503, "journal_unavailable");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    stage.assert_nothing_sent();
    // What moves no money is not on record, and goes on.
    assert_eq!(stage.sidecar.curl(&["-d", "out_trade_no=A-1"], "/trade/v1/query").status, 200);
    drop(held);
    // Its row may come later, and says that nothing was sent.
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 2);
    let rows = sqlite(&file(&stage.sidecar), "SELECT out_trade_no, delivery, failure FROM calls");
    assert_eq!(serde_json::json!(rows), serde_json::json!([["A-1", "not_sent", "journal_unavailable"]]));
    assert!(text(&command(&stage.sidecar, &["doubt"])).contains("no call is in doubt"));
    assert_eq!(pay(&stage.sidecar, "A-2").status, 200);
}

#[test]
fn a_full_disk_is_told_once_and_written_to_when_there_is_room() {
    for (on_failure, status) in [("pass", 200), ("refuse", 503)] {
        let stage = stage(&[&format!("journal.on_failure={on_failure}")]);
        pay(&stage.sidecar, "before");
        wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 2);
        limit(&stage.sidecar, "1:");
        for order in ["A-1", "A-2"] {
            assert_eq!(pay(&stage.sidecar, order).status, status, "{on_failure}");
        }
        stage.sidecar.wait_for_log(&["ERROR", "the journal cannot be written"]);
        let up = |value| format!("qfpay_sidecar_journal_up{{store=\"sqlite\"}} {value}");
        let metrics = stage.sidecar.admin("/metrics");
        assert!(metrics.text().contains(&up(0)), "{}", metrics.text());
        assert!(metrics.text().contains("journal_missed_total{why=\"failed\"}"), "{}", metrics.text());
        // Tried again now and then, not all the time.
        let before = ticks(&stage.sidecar);
        std::thread::sleep(Duration::from_secs(1));
        let spent = ticks(&stage.sidecar) - before;
        assert!(spent < 30, "{spent} hundredths of a second on the processor in one second");
        limit(&stage.sidecar, "unlimited:");
        stage.sidecar.wait_for_log(&["the journal can be written again"]);
        wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 6);
        assert_eq!(pay(&stage.sidecar, "after").status, 200);
        assert!(stage.sidecar.admin("/metrics").text().contains(&up(1)));
        let log = stage.sidecar.log();
        assert_eq!(
            log.lines().filter(|line| line.contains("the journal cannot be written")).count(),
            1,
            "{log}"
        );
        assert!(command(&stage.sidecar, &["verify"]).status.success());
    }
}

/// The largest file that the process may write, in bytes: writing beyond it fails as on a full disk.
fn limit(sidecar: &crate::support::Sidecar, bytes: &str) {
    let limit = format!("--fsize={bytes}");
    let done = Command::new("prlimit").args(["--pid", &sidecar.pid().to_string(), &limit]).status().unwrap();
    assert!(done.success());
}

/// Its time on the processor, in hundredths of a second.
fn ticks(sidecar: &crate::support::Sidecar) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sidecar.pid())).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

/// While the disk hangs the rows that wait take no more memory than they may, and the rest of the calls pass.
#[test]
fn rows_that_wait_are_bounded() {
    let stage = stage(&["journal.wait_ms=1", "log.level=error"]);
    pay(&stage.sidecar, "before");
    let held = Hold::on(&file(&stage.sidecar));
    let before = resident(&stage.sidecar);
    let load = crate::support::Load::start(&stage.sidecar.api, 16, "A");
    let deadline = Instant::now() + Duration::from_secs(90);
    while !stage.sidecar.admin("/metrics").text().contains("journal_missed_total{why=\"full\"}") {
        assert!(Instant::now() < deadline, "the queue did not fill up");
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_secs(1));
    let grown = resident(&stage.sidecar).saturating_sub(before);
    let payments = load.end();
    drop(held);
    assert!(payments.iter().all(|payment| matches!(payment.outcome, crate::support::Outcome::Answered(_))));
    assert!(grown < 64 << 20, "{grown} bytes more");
    let verified = command(&stage.sidecar, &["verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
}

fn resident(sidecar: &crate::support::Sidecar) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sidecar.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
