//! The judge: a Python process that reads what arrived and computes the signature anew.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

/// What Python found in a request.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub method: String,
    pub path: String,
    pub place: String,
    pub pairs: Vec<(String, String)>,
    pub app_code: String,
    pub sign_type: String,
    pub user_agent: String,
    /// What QFPay would not take.
    pub wrong: Vec<String>,
}

/// The process; it lives as long as the test.
pub struct Oracle {
    child: Child,
    tasks: Option<ChildStdin>,
    verdicts: BufReader<ChildStdout>,
    keys: BTreeMap<String, String>,
}

impl Oracle {
    /// Nothing where there is no Python, which is loud, and a failure in CI.
    pub fn start(keys: BTreeMap<String, String>) -> Option<Self> {
        let mut python = Command::new("python3");
        python.args(["-I", "-c", include_str!("oracle.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = match python.spawn() {
            Ok(child) => child,
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "no python3 to judge with: {error}");
                eprintln!("SKIPPED: python3, which judges the requests, cannot be started: {error}");
                return None;
            }
        };
        let (tasks, verdicts) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, tasks, verdicts, keys })
    }

    pub fn judge(&mut self, raw: &[u8]) -> Verdict {
        let task = serde_json::json!({ "raw": hex::encode(raw), "keys": self.keys });
        writeln!(self.tasks.as_mut().unwrap(), "{task}").unwrap();
        let mut line = String::new();
        self.verdicts.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // The end of its input is the end of its work.
        self.tasks.take();
        let _ = self.child.wait();
    }
}
