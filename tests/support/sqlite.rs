//! An SQLite file as Python's own library reads and changes it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Runs one statement and gives its rows. Bytes come as hex digits.
#[track_caller]
pub fn sqlite(file: &Path, statement: &str) -> Vec<Vec<Value>> {
    const PROGRAM: &str = "
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
rows = db.execute(sys.argv[2]).fetchall()
db.commit()
json.dump([[v.hex() if isinstance(v, bytes) else v for v in row] for row in rows], sys.stdout)";
    let done = Command::new("python3").args(["-c", PROGRAM]).arg(file).arg(statement).output().unwrap();
    assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The first column of the first row, as text.
#[track_caller]
pub fn sqlite_value(file: &Path, statement: &str) -> String {
    match &sqlite(file, statement)[0][0] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Another process that holds the file's only right to write until this is dropped, as a disk that hangs would.
pub struct Hold(Child);

impl Hold {
    pub fn on(file: &Path) -> Self {
        const PROGRAM: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
db.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
