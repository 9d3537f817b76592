//! Asking a running sidecar to read its configuration again, and what it says of that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::{Answer, Sidecar, curl};

impl Sidecar {
    /// `POST /reload`, as the user that the tests run as.
    pub fn reload(&self) -> Answer {
        let url = format!("http://{}/reload", self.admin);
        curl(&["-H", "Content-Type: application/json", "-d", "{}", &url])
    }

    /// Sends SIGHUP, which does not end it.
    pub fn hang_up(&self) {
        let kill = format!("kill -HUP {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("sidecar.toml")
    }

    /// Writes the configuration file anew, in one step.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = change(fs::read_to_string(self.config_file()).unwrap());
        self.write("sidecar.toml", &text);
    }

    /// Puts a file of this name into the sidecar's folder, in one step, as careful editors do.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let draft = self.folder.path().join(".draft");
        fs::write(&draft, content).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&draft, &path).unwrap();
    }

    /// Runs a command of the binary with the sidecar's configuration file.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.args(arguments).arg("--config").arg(self.config_file());
        command.env_clear().output().unwrap()
    }

    /// The value of a metric without labels, or with these ones.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.admin("/metrics");
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }
}
