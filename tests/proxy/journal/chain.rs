//! The chain of digests: what was changed, taken out or put in is found, by the rule that the page describes, in Python.

use std::path::Path;
use std::process::Command;

use super::{command, file, pay, stage, text, wait_for};
use crate::support::{sqlite, sqlite_value};

/// Each digest, worked out again in another language from the columns in their order.
fn recomputed(file: &Path) -> String {
    const PROGRAM: &str = "
import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
def part(value):
    if value is None: return b'-'
    data = value if isinstance(value, bytes) else str(value).encode()
    return str(len(data)).encode() + b':' + data
before = bytes(32)
for row in db.execute('SELECT * FROM chain ORDER BY id'):
    before = hashlib.sha256(before + b''.join(map(part, row[:-1]))).digest()
    assert before == row[-1], row
print(before.hex())";
    let done = Command::new("python3").args(["-c", PROGRAM]).arg(file).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn each_link_carries_the_digest_of_itself_and_of_the_one_before() {
    let mut stage = stage(&[]);
    for order in 0..5 {
        pay(&stage.sidecar, &format!("A-{order}"));
    }
    pay(&stage.sidecar, "%E8%A8%82%E5%96%AE");
    // What JSON would take for its own.
    pay(&stage.sidecar, "%22%5C%5D");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal WHERE out_trade_no = '\"\\]'", 2);
    let newest = recomputed(&file(&stage.sidecar));
    let verified = command(&stage.sidecar, &["verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(text(&verified).contains(&newest), "{}", text(&verified));
    // At the end the newest digest goes where the file does not reach.
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let line = stage.sidecar.wait_for_log(&["the journal ends here", "rows=14"]);
    assert!(line.contains(&newest), "{line}");
}

#[test]
fn verify_finds_what_was_done_to_the_file() {
    let mut stage = stage(&[]);
    for order in 0..4 {
        pay(&stage.sidecar, &format!("A-{order}"));
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 8);
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let path = file(&stage.sidecar);
    let whole = std::fs::read(&path).unwrap();
    let newest =
        sqlite_value(&path, "SELECT hex(digest) FROM journal ORDER BY id DESC LIMIT 1").to_lowercase();
    // Which rows share a link is a matter of time; each beginning was on record before its end.
    let links = links(&path);
    assert!(links.len() >= 5, "{links:?}");
    let third = sqlite_value(&path, &format!("SELECT hex(digest) FROM journal WHERE id = {}", links[2].0));
    let rows = |link: usize| match links[link] {
        (first, last) if first == last => format!("row {first} does not follow"),
        (first, last) => format!("rows {first} to {last} do not follow"),
    };
    let behind = |link: usize, before: usize| Some(format!("{} from row {}", rows(link), links[before].1));
    let columns = "of, fingerprint, body, digest";
    let (_, last) = links[2];
    for (tampering, says) in [
        ("SELECT 1".to_owned(), None),
        (format!("UPDATE chain SET rows = rows || ' ' WHERE id = {last}"), behind(2, 1)),
        (
            "UPDATE chain SET rows = replace(rows, '\"100\"', '\"1\"') WHERE rows LIKE '%\"begin\"%\"A-2\"%'"
                .to_owned(),
            Some("follow from row".to_owned()),
        ),
        (format!("UPDATE chain SET digest = zeroblob(32) WHERE id = {last}"), behind(2, 1)),
        (format!("UPDATE chain SET of = 1 WHERE id = {last}"), behind(2, 1)),
        (format!("UPDATE chain SET rows = 'none' WHERE id = {last}"), Some("does not follow".to_owned())),
        (
            "UPDATE chain SET rows = replace(rows, '\"20', '\"19') WHERE id = 1".to_owned(),
            Some("row 1 is not how".to_owned()),
        ),
        (format!("DELETE FROM chain WHERE id = {last}"), behind(3, 1)),
        (format!("DELETE FROM chain WHERE id < {last}"), Some("not how the journal began".to_owned())),
        (
            format!(
                "INSERT INTO chain (id, rows, {columns}) SELECT 9, rows, {columns} FROM chain WHERE id = 8"
            ),
            Some("row 9 does not follow from row 8".to_owned()),
        ),
        (
            "UPDATE chain SET id = 100 WHERE id = 8".to_owned(),
            Some("row 100 does not follow from row 7".to_owned()),
        ),
        // The digest is that of the same bytes.
        (
            format!("UPDATE chain SET rows = cast(rows AS BLOB) WHERE id = {last}"),
            Some("follow from row".to_owned()),
        ),
        (
            format!("UPDATE chain SET id = {} WHERE id = 8", i64::MAX),
            Some(format!("row {} does not follow from row 7", i64::MAX)),
        ),
    ] {
        let says = says.as_deref();
        std::fs::write(&path, &whole).unwrap();
        sqlite(&path, &tampering);
        let verified = command(&stage.sidecar, &["verify"]);
        match says {
            None => assert!(verified.status.success(), "{}", text(&verified)),
            Some(says) => {
                assert_eq!(verified.status.code(), Some(1), "{tampering}: {}", text(&verified));
                assert!(text(&verified).contains(says), "{tampering}: {}", text(&verified));
            }
        }
    }
    // A cut end is only seen by one who knows a digest of before.
    std::fs::write(&path, &whole).unwrap();
    for at in [&newest, &third] {
        assert!(command(&stage.sidecar, &["verify", "--at", at]).status.success());
    }
    sqlite(&path, &format!("DELETE FROM chain WHERE id > {}", links[3].1));
    assert!(command(&stage.sidecar, &["verify"]).status.success());
    assert!(command(&stage.sidecar, &["verify", "--at", &third]).status.success());
    let cut = command(&stage.sidecar, &["verify", "--at", &newest]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(text(&cut).contains("no row has the digest of --at"), "{}", text(&cut));
    let wrong = command(&stage.sidecar, &["verify", "--at", "abc"]);
    assert_eq!(wrong.status.code(), Some(2));
}

/// The first and the last row of each link.
fn links(file: &Path) -> Vec<(i64, i64)> {
    let links = sqlite(file, "SELECT id - json_array_length(rows) + 1, id FROM chain ORDER BY id");
    serde_json::from_value(serde_json::json!(links)).unwrap()
}

#[test]
fn old_rows_are_taken_out_and_leave_their_digest() {
    let mut stage = stage(&[]);
    for order in 0..6 {
        pay(&stage.sidecar, &format!("A-{order}"));
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 12);
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let path = file(&stage.sidecar);
    // As if they had been written long ago; the chain is made anew over them.
    let (_, through) = links(&path)[4];
    age(&path, through);
    let last = sqlite_value(&path, &format!("SELECT hex(digest) FROM chain WHERE id = {through}"));
    let again =
        crate::support::Stage::launch(|launch| launch.set(&format!("journal.file={}", path.display())));
    let deadline = std::time::Instant::now() + crate::support::SOON;
    while sqlite_value(&path, "SELECT min(id) FROM journal") != (through + 1).to_string() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pruned = sqlite(&path, "SELECT of, upper(hex(body)) FROM journal WHERE kind = 'pruned'");
    assert_eq!(serde_json::json!(pruned), serde_json::json!([[through, last]]));
    let verified = command(&stage.sidecar, &["verify", "--at", &last]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(text(&verified).contains("older rows were taken out"), "{}", text(&verified));
    // Taking out more by hand is found.
    drop(again);
    sqlite(&path, "DELETE FROM chain WHERE id = (SELECT min(id) FROM chain)");
    let verified = command(&stage.sidecar, &["verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", text(&verified));
}

/// Makes the first rows two years old, with digests that fit.
fn age(file: &Path, through: i64) {
    const PROGRAM: &str = "
import hashlib, json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for id, rows in db.execute('SELECT id, rows FROM chain WHERE id <= ?', (int(sys.argv[2]),)).fetchall():
    rows = [[row[0], '2024' + row[1][4:]] + row[2:] for row in json.loads(rows)]
    db.execute('UPDATE chain SET rows = ? WHERE id = ?', (json.dumps(rows), id))
def part(value):
    if value is None: return b'-'
    data = value if isinstance(value, bytes) else str(value).encode()
    return str(len(data)).encode() + b':' + data
before = bytes(32)
for row in db.execute('SELECT * FROM chain ORDER BY id').fetchall():
    before = hashlib.sha256(before + b''.join(map(part, row[:-1]))).digest()
    db.execute('UPDATE chain SET digest = ? WHERE id = ?', (before, row[0]))
db.commit()";
    let done =
        Command::new("python3").args(["-c", PROGRAM]).arg(file).arg(through.to_string()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_file_that_grows_too_large_loses_its_oldest_rows() {
    let stage = stage(&["journal.max_bytes=1048576", "log.level=error"]);
    // No WARN a call: the look for secrets reads all of the log.
    let load = crate::support::Load::start(&stage.sidecar.api, 8, "A");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    let path = file(&stage.sidecar);
    while sqlite_value(&path, "SELECT count(*) FROM journal WHERE id = 1") == "1" {
        assert!(std::time::Instant::now() < deadline, "nothing was taken out");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    load.end();
    let verified = command(&stage.sidecar, &["verify"]);
    assert!(verified.status.success(), "{}", text(&verified));
}

#[test]
fn a_clock_that_is_years_ahead_takes_out_nothing() {
    let mut stage = stage(&[]);
    for order in 0..3 {
        pay(&stage.sidecar, &format!("A-{order}"));
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 6);
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let path = file(&stage.sidecar);
    // All of it: to the next process its clock is two years ahead.
    age(&path, 6);
    let again =
        crate::support::Stage::launch(|launch| launch.set(&format!("journal.file={}", path.display())));
    again.sidecar.wait_for_log(&["WARN", "the clock is far ahead", "days="]);
    pay(&again.sidecar, "B");
    let deadline = std::time::Instant::now() + crate::support::SOON;
    while sqlite_value(&path, "SELECT count(*) FROM journal") != "8" {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(sqlite_value(&path, "SELECT min(id) FROM journal"), "1");
}

#[test]
fn what_is_open_when_it_becomes_too_old_is_told() {
    let settings = ["upstream.first_byte_timeout_ms=300", "orders.follow_ms=0"];
    let mut stage = stage(&settings);
    stage.upstream.script([crate::support::Reply::hang()]);
    pay(&stage.sidecar, "OPEN").assert_failure(504, "upstream_timeout");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 2);
    pay(&stage.sidecar, "A");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 4);
    pay(&stage.sidecar, "B");
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 6);
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let path = file(&stage.sidecar);
    // The end of A stays.
    age(&path, 3);
    let again =
        crate::support::Stage::launch(|launch| launch.set(&format!("journal.file={}", path.display())));
    again.sidecar.wait_for_log(&["INFO", "old rows were taken out of the journal", "first=1 last=3"]);
    again.sidecar.wait_for_log(&["WARN", "too old", "calls_in_doubt=1", "rows=\"1\""]);
}

#[test]
fn a_file_that_is_a_little_too_large_loses_no_more_than_that() {
    let mut stage = stage(&[]);
    pay(&stage.sidecar, "A");
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    let path = file(&stage.sidecar);
    // 100 links of 12 kB.
    sqlite(
        &path,
        "INSERT INTO chain (id, rows, digest) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 100) \
         SELECT 10 + i, json_array(json_array('refusal', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, hex(zeroblob(6000)))), \
           zeroblob(32) FROM n",
    );
    let again = crate::support::Stage::launch(|launch| {
        launch.set(&format!("journal.file={}", path.display())).set("journal.max_bytes=1048576")
    });
    again.sidecar.wait_for_log(&["old rows were taken out of the journal"]);
    let left: u64 =
        sqlite_value(&path, "SELECT count(*) FROM journal WHERE kind = 'refusal'").parse().unwrap();
    assert!((50..90).contains(&left), "{left}");
}
