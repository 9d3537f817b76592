//! How the binary is started: a configuration file, key files, variables and flags in a folder of the test's own.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
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
    pub secrets: Vec<String>,
}

/// A process that ended by itself.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub folder: TempDir,
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
        let binary = env!("CARGO_BIN_EXE_qfpay-sidecar");
        let mut command = match self.descriptors {
            None => Command::new(binary),
            Some(count) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\""), binary]);
                shell
            }
        };
        command.arg(self.verb).arg("--config").arg(path).args(self.arguments.iter().map(|text| filled(text)));
        // Nothing of the machine's environment: a proxy variable or a stray setting would change the test.
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, filled(value))));
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
