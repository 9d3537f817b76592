//! Processes that a test started: telling them something, and waiting for their end.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::SOON;

/// Sends a signal, such as `TERM`.
#[track_caller]
pub fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Waits until a process has ended by itself; nothing if that does not happen soon.
pub fn ended(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + SOON;
    loop {
        match child.try_wait().unwrap() {
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            status => return status,
        }
    }
}
