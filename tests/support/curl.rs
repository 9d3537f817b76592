//! Real `curl`: what callers send is written by somebody else's code.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Answer, SOON};

/// Runs curl with these arguments and gives its last answer.
pub fn curl<S: AsRef<str>>(arguments: &[S]) -> Answer {
    curl_with_input(arguments, b"")
}

/// Like [`curl`]; `input` is what `@-` in an argument reads.
pub fn curl_with_input<S: AsRef<str>>(arguments: &[S], input: &[u8]) -> Answer {
    let mut command = Command::new("curl");
    // No ~/.curlrc, no proxy of the machine, bounded in time; -i puts the head in front of the body.
    command.args(["-q", "-sS", "-i", "--noproxy", "*", "--max-time", &SOON.as_secs().to_string()]);
    command.args(arguments.iter().map(AsRef::as_ref));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("these tests send what callers send with real curl; install curl and run again ({error})")
    });
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "curl failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    last_answer(&done.stdout)
}

/// Skips interim answers (`100 Continue`), and earlier answers of a run with several URLs.
fn last_answer(output: &[u8]) -> Answer {
    let mut rest = output;
    loop {
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n").expect("curl printed no head") + 4;
        let (status, headers) = Answer::parse_head(&rest[..end]);
        let answer = Answer { status, headers, body: rest[end..].to_vec() };
        if status / 100 != 1 {
            return answer;
        }
        rest = &rest[end..];
    }
}
