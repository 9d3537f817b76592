//! `client_key_command`: a program that prints a key, such as a vault's. Run once, without a shell, within bounds, and gone
//! afterwards with all that it started.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use zeroize::Zeroizing;

use super::Variable;
use super::errors::{looks_like_key, without_keys};
use super::secret_file::LARGEST;

/// How long a command may take; a start waits for it.
const TIME: Duration = Duration::from_secs(10);

/// How often it is asked whether it has ended.
const TURN: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// All of the environment that it gets: where programs are, and where a vault's client keeps its token.
const ENVIRONMENT: [&str; 2] = ["PATH", "HOME"];

/// A command as people may see it: the program without its arguments, one of which may be a token.
pub(super) fn shown(command: &[String]) -> String {
    let program = command.first().map_or("", String::as_str);
    match looks_like_key(program) {
        true => "(not shown)".to_owned(),
        false => without_keys(&program.split_whitespace().next().unwrap_or("").escape_debug().to_string()),
    }
}

/// What a command prints.
///
/// # Errors
/// Why there is no output to be relied on, without anything of what was printed.
pub(super) fn output(command: &[String], env: &[Variable]) -> Result<Zeroizing<Vec<u8>>, String> {
    let (program, arguments) = command.split_first().ok_or("there is no program in it")?;
    if command.iter().any(|part| looks_like_key(part)) {
        return Err("this looks like the key itself; name a program that prints it".to_owned());
    }
    if program.trim().contains(char::is_whitespace) {
        return Err(
            "there is no shell; write each argument as an entry of its own: [\"vault\", \"kv\", \"get\"]"
                .to_owned(),
        );
    }
    let kept = env.iter().filter(|(name, _)| ENVIRONMENT.contains(&name.as_str()));
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(kept.map(|(name, value)| (name, value.as_str())))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such program; PATH is the sidecar's own".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not run the program".to_owned(),
        kind => format!("the program cannot be started ({kind})"),
    })?;
    Running::new(child).run()
}

/// A command at work. Dropped, it is killed with its process group.
struct Running {
    child: Child,
    stdout: Option<ChildStdout>,
    /// What was printed. One buffer of full size: growing would leave copies of the key behind.
    printed: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let stdout = child.stdout.take();
        Self { child, stdout, printed: Zeroizing::new(vec![0; LARGEST + 1]), length: 0 }
    }

    fn run(mut self) -> Result<Zeroizing<Vec<u8>>, String> {
        let failed = |error: io::Error| format!("its output cannot be read ({})", error.kind());
        if let Some(stdout) = &self.stdout {
            let flags = fcntl_getfl(stdout).map_err(|error| failed(error.into()))?;
            fcntl_setfl(stdout, flags | OFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        }
        let deadline = Instant::now() + TIME;
        loop {
            // Asked first: what it printed before its end is in the pipe then.
            let ended = self.ended()?;
            self.read().map_err(failed)?;
            if self.length > LARGEST {
                return Err(format!("it printed more than {LARGEST} bytes, so it is no key"));
            }
            if let Some(ended) = ended {
                ended?;
                break;
            }
            if Instant::now() >= deadline {
                return Err(format!("it took longer than {} s and was ended", TIME.as_secs()));
            }
            let mut waited: Vec<_> =
                self.stdout.iter().map(|stdout| PollFd::new(stdout, PollFlags::IN)).collect();
            match poll(&mut waited, Some(&TURN)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
        if self.length == 0 {
            return Err("it printed nothing".to_owned());
        }
        let length = self.length;
        let mut printed = std::mem::take(&mut self.printed);
        printed.truncate(length);
        Ok(printed)
    }

    /// Whether it has ended, and how. It stays a zombie, so that the number of its group is nobody else's until it is killed.
    fn ended(&self) -> Result<Option<Result<(), String>>, String> {
        let pid = pid(&self.child).ok_or("it has no process number")?;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match waitid(WaitId::Pid(pid), options) {
            Ok(None) | Err(Errno::INTR) => Ok(None),
            Ok(Some(status)) => Ok(Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(0), _) => Ok(()),
                (Some(code), _) => Err(format!("it ended with exit code {code}; run it by hand to see why")),
                (None, Some(signal)) => Err(format!("it was ended by signal {signal}")),
                (None, None) => Err("how it ended is unknown".to_owned()),
            })),
            Err(error) => Err(format!("how it ended is unknown ({})", io::Error::from(error).kind())),
        }
    }

    /// Takes what there is of its output.
    fn read(&mut self) -> io::Result<()> {
        let Some(stdout) = &mut self.stdout else { return Ok(()) };
        while self.length < self.printed.len() {
            match stdout.read(&mut self.printed[self.length..]) {
                Ok(0) => {
                    self.stdout = None;
                    return Ok(());
                }
                Ok(read) => self.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Before it is waited for, see `ended`. What it started in a group of its own choice is out of reach.
        if let Some(pid) = pid(&self.child) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}
