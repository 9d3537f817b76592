//! Reload under load and in bad company: no call fails, none is signed with a wrong key, and what is broken changes nothing.

mod broken;
mod kills;
mod rotation;
mod swap;

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::Recorded;

/// A key of its own for each number, in the shape of QFPay's.
fn key(number: usize) -> String {
    format!("{:032X}", (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

/// Which of these keys signed each request, by Python's hashlib: its place in the list, or nothing.
fn signed_by(requests: &[(&Recorded, Vec<String>)]) -> Vec<Option<usize>> {
    const HASHER: &str = "
import hashlib, json, sys
for line in sys.stdin:
    params, sign, keys = json.loads(line)
    text = '&'.join(f'{name}={value}' for name, value in sorted(params))
    made = [hashlib.md5((text + key).encode()).hexdigest().upper() for key in keys]
    print(made.index(sign) if sign in made else -1)
";
    let mut python = Command::new("python3");
    python.args(["-c", HASHER]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    let lines: Vec<_> = requests
        .iter()
        .map(|(request, keys)| {
            serde_json::json!([request.params(), request.header("X-QF-SIGN"), keys]).to_string()
        })
        .collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for line in lines {
            writeln!(stdin, "{line}").unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let found: Vec<_> = said.lines().map(|line| line.parse::<isize>().unwrap().try_into().ok()).collect();
    assert_eq!(found.len(), requests.len());
    found
}
