//! A real redis-server (Debian's package of that name) on a unix socket in a folder of its own, with nothing on disk.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{SOON, signal};

/// The server; dropping it ends it.
pub struct RedisServer {
    folder: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one; nothing where redis-server is missing, which is said aloud, and is a failure with CI=true.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let mut server = Self::stopped(arguments)?;
        server.run();
        Some(server)
    }

    /// The same, but not yet running.
    pub fn stopped(arguments: &[&str]) -> Option<Self> {
        let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!in_ci, "redis-server is missing, and CI=true");
            // Past the test harness, which shows nothing that a test prints unless it fails.
            let _ = writeln!(std::io::stderr(), "SKIPPED: a test of what sidecars share: no redis-server");
            return None;
        }
        let arguments = arguments.iter().map(|&text| text.to_owned()).collect();
        Some(Self { folder: tempfile::tempdir().unwrap(), arguments, child: None })
    }

    /// The setting that names it.
    pub fn setting(&self) -> String {
        format!("quota.store=unix:{}", self.socket())
    }

    fn socket(&self) -> String {
        self.folder.path().join("redis.sock").to_str().unwrap().to_owned()
    }

    /// Runs it, with an empty memory, and waits until it answers.
    pub fn run(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"]);
        command.args(["--unixsocket", &self.socket(), "--dir", self.folder.path().to_str().unwrap()]);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let deadline = Instant::now() + SOON;
        // Any answer will do: one that wants a password says so.
        while self.try_ask("PING").is_none_or(|answer| answer.is_empty()) {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        signal(self.child.as_ref().unwrap(), name);
    }

    /// Ends it without a goodbye. What it remembered is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Its answer to one command, as it stands on the wire.
    pub fn ask(&self, command: &str) -> String {
        self.try_ask(command).unwrap()
    }

    fn try_ask(&self, command: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.strip_suffix("+OK\r\n").unwrap_or(&answer).to_owned())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
