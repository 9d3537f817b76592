//! Something that speaks Redis's protocol and answers nonsense: calls go on, and nothing panics.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::redis::is_up;
use super::stage::*;
use crate::support::Stage;

/// Serves until the test ends; `taken` is the answer to the question whether a call may go.
fn serve(taken: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer(stream, taken));
        }
    });
    address
}

/// Nothing once the sidecar hangs up.
fn answer(mut stream: TcpStream, taken: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let words = command(&mut reader)?;
        let answer = match words.first()?.as_str() {
            "PING" => "+PONG\r\n",
            "EVALSHA" if words.iter().any(|word| word == "take") => taken,
            "EVALSHA" => "*3\r\n:0\r\n:0\r\n:0\r\n",
            _ => "+OK\r\n",
        };
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

/// One command: `*2`, then for each word `$length` and the word.
fn command(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let number = |reader: &mut dyn BufRead| {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        line.trim_end().get(1..)?.parse::<usize>().ok()
    };
    let count = number(reader)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; number(reader)? + 2];
        reader.read_exact(&mut word).ok()?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Some(words)
}

fn stage_with(taken: &'static str) -> Stage {
    let store = format!("quota.store=redis://{}", serve(taken));
    let settings = [&store, "quota.per_minute=400", "quota.max_wait_ms=0", "quota.store_timeout_ms=1000"];
    let stage = Stage::new(&settings);
    stage.sidecar.wait_for_log(&["the quota is shared through its store"]);
    stage
}

#[test]
fn answers_of_another_shape_are_a_store_that_is_away() {
    for taken in [
        "*3\r\n:-1\r\n:0\r\n:0\r\n",
        "*1\r\n:0\r\n",
        "$-1\r\n",
        "+OK\r\n",
        ":1\r\n",
        "-ERR canary-Chan-Tai-Man-4111111111111111\r\n",
        "*3\r\n:0\r\n",
        "$999999999999\r\nx",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
    ] {
        let stage = stage_with(taken);
        // Its share begins used up.
        assert_refused(&call(&stage.sidecar, PAYMENT), "quota_exceeded");
        assert!(!is_up(&stage), "{taken}");
        stage.sidecar.wait_for_log(&["the quota's store is away", "reason"]);
    }
}

#[test]
fn a_wait_of_years_is_a_refusal() {
    for kind in ["1", "2", "3"] {
        let taken = format!("*3\r\n:{kind}\r\n:9223372036854775807\r\n:1\r\n").leak();
        let stage = stage_with(taken);
        let answer = call(&stage.sidecar, PAYMENT);
        assert_eq!((answer.status, is_up(&stage)), (429, true), "{taken}");
        let seconds: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
        assert!(seconds < 1000, "{seconds}");
        assert_eq!(stage.upstream.requests().len(), 0);
    }
}
