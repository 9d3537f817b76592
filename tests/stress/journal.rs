//! kill -9 of a sidecar with a journal, at every place where it can hurt.

mod kills;
mod receiver_away;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::assert_chosen_by_the_system;

/// A sidecar that may be killed at any moment, its start included.
struct Running {
    child: Child,
    /// Where callers connect, and where notifications arrive, once it was ready.
    addresses: Option<[String; 2]>,
}

/// Starts a sidecar through another program, or by itself, and waits until it is ready or dead.
fn start(through: &[&str], config: &Path, settings: &[String]) -> Running {
    let binary = env!("CARGO_BIN_EXE_qfpay-sidecar");
    let mut command = Command::new(through.first().unwrap_or(&binary));
    if let [_, rest @ ..] = through {
        command.args(rest).arg(binary);
    }
    command
        .arg("run")
        .arg("--config")
        .arg(config)
        .args(settings.iter().flat_map(|setting| ["--set", setting]));
    // One group: a strace that is killed lets go of what it traces, which would go on.
    command.process_group(0);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut screen = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while !screen.lines().any(|line| line.starts_with("ready")) {
        match lines.read_line(&mut screen) {
            Ok(0) | Err(_) => return Running { child, addresses: None },
            Ok(_) => {}
        }
    }
    // Whatever else it prints must not fill the pipe.
    std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
    assert_chosen_by_the_system(&screen);
    let address = |label: &str| {
        let line = screen.lines().map(str::trim_start).find_map(|line| line.strip_prefix(label));
        let rest = line.and_then(|line| line.split_once("http://")).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default().to_owned()
    };
    Running { child, addresses: Some([address("api "), address("notify ")]) }
}

impl Running {
    fn kill(&mut self) {
        let group = format!("kill -KILL -{}", self.child.id());
        let _ = Command::new("sh").args(["-c", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A journal command; its output, and whether it succeeded.
fn journal(file: &Path, arguments: &[&str]) -> (bool, String) {
    let binary = env!("CARGO_BIN_EXE_qfpay-sidecar");
    let done = Command::new(binary)
        .env_clear()
        .arg("journal")
        .args(arguments)
        .arg("--file")
        .arg(file)
        .output()
        .unwrap();
    (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}
