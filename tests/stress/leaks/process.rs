//! What other processes can learn of a running sidecar: through /proc, and from a core dump.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::canaries::{KEY, Look};
use super::commands::folder;
use crate::support::{self, Stage, copy_in};

/// A user without rights: `nobody`.
const NOBODY: u32 = 65534;

/// A sidecar, or another program, that runs until this is dropped.
struct Running {
    child: Child,
    _folder: TempDir,
}

impl Running {
    /// Starts this command of the sidecar and waits until it is ready. As root it runs as a user without rights, since
    /// to root nothing is closed.
    fn start(command: &[&str]) -> Self {
        let folder = folder();
        let binary = copy_in(folder.path());
        let mut start = Command::new("sh");
        // A core file would lie in the working directory.
        start.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]).arg(&binary).args(command);
        start.current_dir(folder.path()).env_clear().stdout(Stdio::piped()).stderr(Stdio::null());
        if is_root() {
            for path in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            start.uid(NOBODY).gid(NOBODY);
        }
        let mut child = start.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut screen = String::new();
        let ready = lines.map_while(Result::ok).any(|line| {
            screen += &format!("{line}\n");
            line.starts_with("ready")
        });
        assert!(ready, "{command:?} did not start");
        support::assert_chosen_by_the_system(&screen);
        Self { child, _folder: folder }
    }

    /// Waits until it has ended.
    fn ended(&mut self) -> ExitStatus {
        support::ended(&mut self.child).expect("it does not end")
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whether a process of the same user can read this file.
fn readable_by_same_user(path: &PathBuf) -> bool {
    let mut head = Command::new("head");
    if is_root() {
        head.uid(NOBODY).gid(NOBODY);
    }
    let done = head.args(["-c", "1"]).arg(path).stderr(Stdio::null()).output().unwrap();
    done.status.success() && !done.stdout.is_empty()
}

const COMMANDS: [&[&str]; 3] = [
    &["--config", "sidecar.toml", "run"],
    &["sandbox", "--set", "sandbox.listen=127.0.0.1:0"],
    &[
        "demo",
        "--set",
        "listen.api=127.0.0.1:0",
        "--set",
        "listen.admin=127.0.0.1:0",
        "--set",
        "sandbox.listen=127.0.0.1:0",
    ],
];

#[test]
fn other_processes_of_the_same_user_cannot_look_inside() {
    // The control: without the defence they can.
    let mut sleeper = Command::new("sleep");
    if is_root() {
        sleeper.uid(NOBODY).gid(NOBODY);
    }
    let mut sleeper = sleeper.arg("60").spawn().unwrap();
    let environ = PathBuf::from(format!("/proc/{}/environ", sleeper.id()));
    let open = readable_by_same_user(&environ);
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert!(
        open,
        "another program's /proc/PID/environ is closed on this machine, so this test shows nothing"
    );

    for command in COMMANDS {
        let running = Running::start(command);
        for name in ["environ", "maps", "mem", "auxv"] {
            let path = running.proc(name);
            assert_eq!(fs::metadata(&path).unwrap().uid(), 0, "{command:?}: the owner of {name}");
            assert!(!readable_by_same_user(&path), "{command:?}: {name}");
        }
        // What probes and people need stays open.
        for name in ["status", "cmdline", "stat"] {
            assert!(readable_by_same_user(&running.proc(name)), "{command:?}: {name}");
        }
    }
}

#[test]
fn a_crash_leaves_no_core_dump() {
    let core = |folder: &TempDir| {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter_map(|name| name.into_string().ok()).find(|name| name.starts_with("core"))
    };
    // The control: on this machine a crash does leave one.
    let place = tempfile::tempdir().unwrap();
    let crash = "ulimit -c unlimited && kill -ABRT $$";
    let control = Command::new("sh").args(["-c", crash]).current_dir(place.path()).status().unwrap();
    if !control.core_dumped() {
        eprintln!(
            "SKIPPED in part: this machine makes no core dumps (control: {control}), so their absence shows little"
        );
    }
    for command in COMMANDS {
        for (signal, number) in [("ABRT", 6), ("SYS", 31), ("ILL", 4)] {
            let mut running = Running::start(command);
            support::signal(&running.child, signal);
            let status = running.ended();
            assert_eq!(
                (status.signal(), status.core_dumped()),
                (Some(number), false),
                "{command:?}: {status}"
            );
            assert_eq!(core(&running._folder), None, "{command:?}");
        }
    }
}

#[test]
fn a_key_from_a_file_stands_neither_in_arguments_nor_environment_nor_in_an_open_file() {
    let stage = Stage::launch(|launch| launch.file("key", KEY, 0o600).env("SHELL", "/bin/sh"));
    let process = PathBuf::from(format!("/proc/{}", stage.sidecar.pid()));
    let mut look = Look::for_keys();
    for name in ["cmdline", "environ", "comm", "status", "mounts"] {
        match fs::read(process.join(name)) {
            Ok(content) => look.through(name, &String::from_utf8_lossy(&content), &[]),
            // Closed to this user, as it should be.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{name}"),
        }
    }
    let key = stage.sidecar.folder.path().join("key");
    let mut seen = 0;
    if let Ok(open) = fs::read_dir(process.join("fd")) {
        for file in open.map(|entry| fs::read_link(entry.unwrap().path())) {
            // A connection may have been closed in between.
            let Ok(file) = file else { continue };
            assert_ne!(file, key, "the key file is still open");
            seen += 1;
        }
        let maps = fs::read_to_string(process.join("maps")).unwrap();
        assert!(!maps.contains(key.to_str().unwrap()), "the key file is mapped");
        assert!(seen > 3, "{seen}");
    } else {
        eprintln!("SKIPPED in part: only root can list the open files of a sidecar");
    }
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    look.report("leaks, /proc", 2);
}
