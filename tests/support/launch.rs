//! How the binary is started: a configuration file, key files, variables and flags in a folder of the test's own.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use super::{CLIENT_KEY, SOON, Sidecar, leak};

/// A start in the making. `{folder}` in configuration, variables and flags is the test's own folder.
pub struct Launch {
    pub folder: TempDir,
    verb: &'static str,
    config: String,
    env: Vec<(String, String)>,
    arguments: Vec<String>,
    descriptors: Option<u32>,
    umask: Option<&'static str>,
    user: Option<u32>,
    through: Vec<String>,
    pub secrets: Vec<String>,
}

/// `WORKERS=2 cargo test` runs the same tests with so many workers.
pub fn workers() -> Option<(&'static str, String)> {
    Some(("QFPAY__RUNTIME__WORKERS", std::env::var("WORKERS").ok()?))
}

/// A process that ended by itself.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub folder: TempDir,
}

/// A copy of the binary in this folder: where it lies, other users may not be let in.
pub fn copy_in(folder: &Path) -> PathBuf {
    let copy = folder.join("qfpay-sidecar");
    // By another process: a child that a test beside this one starts would hold what this one writes to, and until that has begun its
    // own program nobody could run the copy (ETXTBSY).
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_qfpay-sidecar")).arg(&copy).status().unwrap();
    assert!(copied.success());
    copy
}

impl Launch {
    /// A start with this configuration file. The folder holds a private key file named `key`.
    pub fn new(config: &str) -> Self {
        let launch = Self {
            folder: tempfile::tempdir().unwrap(),
            verb: "run",
            config: config.to_owned(),
            env: Vec::new(),
            arguments: Vec::new(),
            descriptors: None,
            umask: None,
            user: None,
            through: Vec::new(),
            secrets: vec![CLIENT_KEY.to_owned()],
        };
        launch.file("key", CLIENT_KEY, 0o600)
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Another command that serves than `run`.
    pub fn verb(mut self, verb: &'static str) -> Self {
        self.verb = verb;
        self
    }

    /// A setting as a flag, which wins over the file.
    pub fn set(self, setting: &str) -> Self {
        self.argument("--set").argument(setting)
    }

    /// With so few file descriptors (`ulimit -n`) that it runs out of them.
    pub fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// With this umask, in octal digits.
    pub fn umask(mut self, mask: &'static str) -> Self {
        self.umask = Some(mask);
        self
    }

    /// As this user, who is given the folder. Only root can do that.
    pub fn user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// Through a program that is given the binary and its arguments.
    pub fn through(mut self, program: &[&str]) -> Self {
        self.through = program.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// One more text that must not appear in anything that the sidecar prints or serves to operators.
    pub fn secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    pub(super) fn command(&self) -> Command {
        let folder = self.folder.path().to_str().unwrap();
        let filled = |text: &str| text.replace("{folder}", folder);
        let path = self.folder.path().join("sidecar.toml");
        fs::write(&path, filled(&self.config)).unwrap();
        let mut binary = env!("CARGO_BIN_EXE_qfpay-sidecar").to_owned();
        if self.user.is_some() {
            binary = copy_in(self.folder.path()).to_str().unwrap().to_owned();
        }
        let mut program: Vec<_> = self.through.iter().map(|part| filled(part)).collect();
        program.push(binary);
        let limit = self.descriptors.map(|count| format!("ulimit -n {count}"));
        let mask = self.umask.map(|mask| format!("umask {mask}"));
        let before: Vec<_> = limit.into_iter().chain(mask).collect();
        if !before.is_empty() {
            let shell = format!("{} && exec \"$0\" \"$@\"", before.join(" && "));
            program.splice(0..0, ["/bin/sh".to_owned(), "-c".to_owned(), shell]);
        }
        let mut command = Command::new(&program[0]);
        command.args(&program[1..]);
        if let Some(user) = self.user {
            let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
            for path in files.chain([self.folder.path().to_owned()]) {
                std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
            }
            command.uid(user).gid(user);
        }
        command.arg(self.verb).arg("--config").arg(path).args(self.arguments.iter().map(|text| filled(text)));
        // Nothing of the machine's environment: a proxy variable or a stray setting would change the test.
        command.env_clear().envs(workers()).envs(self.env.iter().map(|(name, value)| (name, filled(value))));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it and waits until it says that it is ready.
    pub fn start(self) -> Sidecar {
        Sidecar::spawn(self)
    }

    /// Starts it and waits until it gives up. No secret may stand in its last words.
    pub fn ends(self) -> Ended {
        let mut child = self.command().spawn().unwrap();
        let mut streams = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let deadline = Instant::now() + SOON;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("it was expected to refuse this configuration, but it runs");
            }
            thread::sleep(std::time::Duration::from_millis(5));
        }
        let (mut stdout, mut stderr) = (String::new(), String::new());
        streams.0.read_to_string(&mut stdout).unwrap();
        streams.1.read_to_string(&mut stderr).unwrap();
        let said = format!("{stdout}{stderr}").to_ascii_lowercase();
        for secret in &self.secrets {
            let shown = leak::written_in(&said, secret);
            assert_eq!(shown, None, "a secret was printed:\n{stdout}{stderr}");
        }
        Ended { code: child.wait().unwrap().code(), stdout, stderr, folder: self.folder }
    }
}
