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
fn each_row_carries_the_digest_of_itself_and_of_the_one_before() {
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
    let third = sqlite_value(&path, "SELECT hex(digest) FROM journal WHERE id = 3");
    let columns = sqlite_value(
        &path,
        "SELECT group_concat(name, ', ') FROM pragma_table_info('chain') WHERE name NOT IN ('id')",
    );
    for (tampering, says) in [
        ("SELECT 1".to_owned(), None),
        (
            "UPDATE chain SET facts = replace(facts, '100', '1') WHERE id = 3".to_owned(),
            Some("row 3 does not follow from row 2"),
        ),
        ("UPDATE chain SET digest = zeroblob(32) WHERE id = 3".to_owned(), Some("row 3 does not follow")),
        (
            "UPDATE chain SET at = '2020-01-01T00:00:00.000Z' WHERE id = 1".to_owned(),
            Some("row 1 is not how"),
        ),
        ("DELETE FROM chain WHERE id = 5".to_owned(), Some("row 6 does not follow from row 4")),
        ("DELETE FROM chain WHERE id < 3".to_owned(), Some("row 3 is not how the journal began")),
        (
            format!("INSERT INTO chain (id, {columns}) SELECT 9, {columns} FROM chain WHERE id = 8"),
            Some("row 9 does"),
        ),
        ("UPDATE chain SET id = 100 WHERE id = 8".to_owned(), Some("row 100 does not follow from row 7")),
        (
            "UPDATE chain SET facts = replace(facts, '0000', '1143') WHERE id = 2".to_owned(),
            Some("row 2 does not follow from row 1"),
        ),
    ] {
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
    sqlite(&path, "DELETE FROM chain WHERE id > 6");
    assert!(command(&stage.sidecar, &["verify"]).status.success());
    assert!(command(&stage.sidecar, &["verify", "--at", &third]).status.success());
    let cut = command(&stage.sidecar, &["verify", "--at", &newest]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(text(&cut).contains("no row has the digest of --at"), "{}", text(&cut));
    let wrong = command(&stage.sidecar, &["verify", "--at", "abc"]);
    assert_eq!(wrong.status.code(), Some(2));
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
    age(&path, 8);
    let eighth = sqlite_value(&path, "SELECT hex(digest) FROM chain WHERE id = 8");
    let again =
        crate::support::Stage::launch(|launch| launch.set(&format!("journal.file={}", path.display())));
    let deadline = std::time::Instant::now() + crate::support::SOON;
    while sqlite_value(&path, "SELECT min(id) FROM journal") != "9" {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pruned = sqlite(&path, "SELECT of, upper(hex(body)) FROM journal WHERE kind = 'pruned'");
    assert_eq!(serde_json::json!(pruned), serde_json::json!([[8, eighth]]));
    let verified = command(&stage.sidecar, &["verify", "--at", &eighth]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(text(&verified).contains("older rows were taken out"), "{}", text(&verified));
    // Taking out more by hand is found.
    drop(again);
    sqlite(&path, "DELETE FROM chain WHERE id = 9");
    let verified = command(&stage.sidecar, &["verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", text(&verified));
}

/// Makes the first rows two years old, with digests that fit.
fn age(file: &Path, rows: u32) {
    const PROGRAM: &str = "
import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute(\"UPDATE chain SET at = '2024' || substr(at, 5) WHERE id <= ?\", (int(sys.argv[2]),))
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
        Command::new("python3").args(["-c", PROGRAM]).arg(file).arg(rows.to_string()).output().unwrap();
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
