//! Files that cannot be a journal, modes, and who may have it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{file, pay, stage, wait_for, with_journal};
use crate::support::{FakeUpstream, Launch, Stage, sqlite};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn nobody_else_may_read_it_whatever_the_umask_says() {
    for umask in ["000", "022", "077", "777"] {
        let stage = Stage::launch(|launch| with_journal(launch).umask(umask));
        pay(&stage.sidecar, "A-1");
        for name in ["journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"] {
            let path = stage.sidecar.folder.path().join(name);
            assert_eq!(mode(&path), 0o600, "{name} with umask {umask}");
        }
    }
}

#[test]
fn a_file_that_others_could_read_is_taken_from_them() {
    let mut stage = stage(&[]);
    pay(&stage.sidecar, "A-1");
    stage.sidecar.signal("KILL");
    stage.sidecar.wait_for_exit();
    let path = file(&stage.sidecar);
    let names = ["journal.db", "journal.db-wal", "journal.db-shm"].map(|name| path.with_file_name(name));
    for name in &names {
        std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    let again = Stage::launch(|launch| launch.set(&format!("journal.file={}", path.display())));
    pay(&again.sidecar, "A-2");
    assert_eq!(names.each_ref().map(|name| mode(name)), [0o600; 3]);
}

/// Starts a sidecar whose journal is this file, and gives what it says when it gives up.
fn refused(content: impl FnOnce(&Path)) -> String {
    let upstream = FakeUpstream::start();
    let launch = with_journal(Launch::new(&Stage::config(&format!("http://{}", upstream.address))));
    content(&launch.folder.path().join("journal.db"));
    let ended = launch.ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("journal.file: "), "{}", ended.stderr);
    ended.stderr
}

/// A journal as a sidecar leaves it.
fn made(path: &Path) {
    let mut stage = stage(&[]);
    for order in 0..20 {
        pay(&stage.sidecar, &format!("A-{order}"));
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM journal", 40);
    stage.sidecar.signal("TERM");
    stage.sidecar.wait_for_exit();
    std::fs::copy(file(&stage.sidecar), path).unwrap();
}

#[test]
fn what_is_no_journal_is_told_and_left_alone() {
    let says = refused(|path| std::fs::write(path, "notes, nothing else\n".repeat(100)).unwrap());
    assert!(says.contains("no SQLite file"), "{says}");

    let says = refused(|path| {
        sqlite(path, "CREATE TABLE shop (id INTEGER)");
    });
    assert!(says.contains("belongs to another program"), "{says}");

    let says = refused(|path| std::fs::create_dir(path).unwrap());
    assert!(says.contains("it is a folder"), "{says}");

    let says =
        refused(|path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()));
    assert!(says.contains("a pipe"), "{says}");
}

#[test]
fn a_journal_of_another_version_or_a_damaged_one_is_told() {
    for version in [0, 3, 5] {
        let says = refused(|path| {
            made(path);
            sqlite(path, &format!("PRAGMA user_version = {version}"));
        });
        assert!(says.contains(&format!("schema {version}")) && says.contains("writes 4"), "{says}");
    }
    for change in [
        "ALTER TABLE chain RENAME COLUMN rows TO texts",
        "DROP VIEW journal",
        "UPDATE chain SET rows = substr(rows, 2) WHERE id = (SELECT max(id) FROM chain)",
    ] {
        let says = refused(|path| {
            made(path);
            sqlite(path, change);
        });
        assert!(says.contains("damaged") && says.contains("move it"), "{change}: {says}");
    }
    let says = refused(|path| {
        made(path);
        let mut bytes = std::fs::read(path).unwrap();
        assert!(bytes.len() >= 4 * 4096);
        // The beginning with the table of contents stays; everything else is lost.
        bytes[4096 * 2..].fill(0xAA);
        std::fs::write(path, bytes).unwrap();
    });
    assert!(says.contains("damaged") && says.contains("move it"), "{says}");
    let says = refused(|path| {
        made(path);
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(says.contains("damaged"), "{says}");
}

#[test]
fn one_that_was_killed_while_it_was_made_is_made() {
    let upstream = FakeUpstream::start();
    let launch = with_journal(Launch::new(&Stage::config(&format!("http://{}", upstream.address)))).file(
        "journal.db",
        "",
        0o600,
    );
    let sidecar = launch.start();
    pay(&sidecar, "A-1");
    wait_for(&sidecar, "SELECT count(*) FROM journal", 2);
}

#[test]
fn one_serving_process_has_it_and_a_crash_gives_it_back() {
    let mut first = stage(&[]);
    pay(&first.sidecar, "A-1");
    let path = file(&first.sidecar);
    let config = Stage::config(&format!("http://{}", first.upstream.address));
    let setting = format!("journal.file={}", path.display());
    let ended = Launch::new(&config).set(&setting).ends();
    assert_eq!(ended.code, Some(1));
    let holder = format!("process {} holds", first.sidecar.pid());
    assert!(ended.stderr.contains(&holder) && ended.stderr.contains("journal.file"), "{}", ended.stderr);
    assert_eq!(pay(&first.sidecar, "A-2").status, 200);
    first.sidecar.signal("KILL");
    first.sidecar.wait_for_exit();
    let second = Launch::new(&config).set(&setting).start();
    assert_eq!(pay(&second, "A-3").status, 200);
}

#[test]
fn a_folder_that_is_missing_and_wrong_settings_are_told() {
    let upstream = FakeUpstream::start();
    let config = Stage::config(&format!("http://{}", upstream.address));
    let ended = Launch::new(&config).set("journal.file={folder}/none/journal.db").ends();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("its folder must be there"), "{}", ended.stderr);
    for setting in
        ["journal.on_failure=maybe", "journal.wait_ms=0", "journal.keep_days=0", "journal.max_bytes=7"]
    {
        let ended = Launch::new(&config).set(setting).ends();
        assert_eq!(ended.code, Some(2), "{setting}");
        assert!(ended.stderr.contains(setting.split('=').next().unwrap()), "{}", ended.stderr);
    }
}

#[test]
fn another_name_of_the_file_or_a_lock_that_was_deleted_lets_no_second_one_in() {
    let first = stage(&[]);
    pay(&first.sidecar, "A-1");
    let (path, folder) = (file(&first.sidecar), tempfile::tempdir().unwrap());
    let (soft, hard) = (folder.path().join("soft.db"), path.with_file_name("hard.db"));
    std::os::unix::fs::symlink(&path, &soft).unwrap();
    std::fs::hard_link(&path, &hard).unwrap();
    let ends = |name: &Path| {
        let config = Stage::config("http://127.0.0.1:9");
        let ended = Launch::new(&config).set(&format!("journal.file={}", name.display())).ends();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("a journal belongs to one running sidecar"), "{}", ended.stderr);
    };
    ends(&soft);
    ends(&hard);
    std::fs::remove_file(path.with_file_name("journal.db.lock")).unwrap();
    ends(&path);
    // Its own locks are as they were.
    pay(&first.sidecar, "A-2");
    wait_for(&first.sidecar, "SELECT count(*) FROM journal", 4);
    assert!(super::command(&first.sidecar, &["verify"]).status.success());
}

#[test]
fn a_file_that_was_moved_or_deleted_while_it_is_written_is_told() {
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let stage = stage(&[]);
        pay(&stage.sidecar, "A-1");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        pay(&stage.sidecar, "A-2");
        assert!(stage.sidecar.admin("/metrics").text().contains("journal_up{store=\"sqlite\"} 1"));
        std::fs::remove_file(stage.sidecar.folder.path().join(name)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        pay(&stage.sidecar, "A-3");
        stage.sidecar.wait_for_log(&["ERROR", "was moved, deleted or replaced", name]);
        let deadline = std::time::Instant::now() + crate::support::SOON;
        while !stage.sidecar.admin("/metrics").text().contains("journal_up{store=\"sqlite\"} 0") {
            assert!(std::time::Instant::now() < deadline, "{name}");
        }
    }
}

#[test]
fn a_copy_in_a_folder_that_cannot_be_written_is_read() {
    use std::os::unix::fs::chown;
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("a copy?#%.db");
    made(&copy);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.env_clear().args(["journal", "verify", "--file"]).arg(&copy);
    // To root nothing is read-only.
    if rustix::process::geteuid().is_root() {
        chown(&copy, Some(65534), None).unwrap();
        command.uid(65534);
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    let done = command.output();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // Another user may not reach the program that is tested.
    let Ok(done) = done else { return };
    assert!(done.status.success(), "{}{}", super::text(&done), String::from_utf8_lossy(&done.stderr));
}
