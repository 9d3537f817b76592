//! Large answers and many calls at once: streamed where they are large, and bounded in memory.

use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::process::{Memory, assert_served};
use crate::support::*;

const CALL: &str = "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1";
const PIECE: usize = 1 << 20;

/// An answer of so many MiB.
fn answer_of(mebibytes: usize) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", mebibytes * PIECE);
    Reply::raw(head).then_repeat(vec![b'x'; PIECE], mebibytes)
}

/// Reads to the end of an answer that was announced, and gives the length of its body.
fn read_through(connection: &mut Connection) -> usize {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(uninterrupted(|| connection.0.read(&mut byte)).unwrap(), 1, "{}", head.escape_ascii());
        head.push(byte[0]);
    }
    let (_, headers) = Answer::parse_head(&head);
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length")).unwrap();
    let (length, mut read) = (length.1.parse::<usize>().unwrap(), 0);
    let mut piece = vec![0; PIECE];
    while read < length {
        match uninterrupted(|| connection.0.read(&mut piece)).unwrap() {
            0 => panic!("it broke off at {read} of {length} bytes"),
            more => read += more,
        }
    }
    read
}

#[test]
fn an_answer_of_one_gigabyte_streams_through() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    stage.upstream.script([answer_of(1024)]);
    let mut reader = stage.sidecar.connect();
    reader.write(CALL);
    let reading = thread::spawn(move || read_through(&mut reader));
    stage.upstream.wait_for_requests(2);
    assert_served(&stage, "1 GB streaming");
    assert_eq!(reading.join().unwrap(), 1024 * PIECE);
    memory.assert_bounded("1 GB streaming");
}

#[test]
fn large_answers_to_callers_that_do_not_read_are_bounded() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    stage.upstream.forget();
    stage.upstream.script(vec![answer_of(8); 24]);
    let mut lazy: Vec<_> = (0..24).map(|_| stage.sidecar.connect()).collect();
    lazy.iter_mut().for_each(|caller| caller.write(CALL));
    stage.upstream.wait_for_requests(24);
    assert_served(&stage, "24 large answers that nobody reads");
    // In the end they do, and nothing is missing.
    for caller in &mut lazy {
        assert_eq!(read_through(caller), 8 * PIECE);
    }
    memory.assert_bounded("24 large answers that nobody reads");
}

#[test]
fn large_answers_that_nobody_reads_keep_no_payment_out() {
    let stage = Stage::new(&["log.level=info"]);
    let memory = Memory::when_idle(&stage);
    stage.upstream.forget();
    let count = 170; // what only reads holds 70 percent of limits.in_flight at most
    stage.upstream.script(vec![answer_of(8); count]);
    let mut lazy: Vec<_> = (0..count).map(|_| stage.sidecar.connect()).collect();
    lazy.iter_mut().for_each(|caller| caller.write(CALL));
    // Each has its head, so that as much waits behind it as fits.
    let head = |caller: &mut Connection| {
        let mut line = [0; 12];
        caller.0.read_exact(&mut line).unwrap();
        String::from_utf8(line.to_vec()).unwrap()
    };
    let heads: Vec<_> = lazy.iter_mut().map(head).collect();
    let begin = |status| heads.iter().filter(|head| *head == status).count();
    assert_eq!((begin("HTTP/1.1 200"), begin("HTTP/1.1 503")), (64, count - 64), "limits.streams");
    assert_served(&stage, "large answers that nobody reads");
    memory.assert_bounded("large answers that nobody reads");
}

#[test]
fn an_answer_that_streams_keeps_its_place_until_it_was_read() {
    let stage = Stage::new(&["limits.streams=1"]);
    stage.upstream.script([answer_of(12), answer_of(2)]);
    let mut lazy = stage.sidecar.connect();
    lazy.write(CALL);
    uninterrupted(|| lazy.0.peek(&mut [0])).unwrap();
    let refused = stage.sidecar.raw(CALL);
    refused.assert_failure(503, "streams_busy");
    assert_eq!(refused.header("X-Sidecar-Delivery"), Some("unknown"));
    assert_eq!(refused.json()["error"]["hint"], "This call only reads: send it again.");
    assert_eq!(stage.sidecar.raw(CALL).status, 200, "small answers need no place");
    assert_eq!(read_through(&mut lazy), 12 * PIECE);
    let deadline = Instant::now() + SOON;
    let large = || {
        stage.upstream.script([answer_of(2)]);
        stage.sidecar.raw(CALL).status
    };
    while large() != 200 {
        assert!(Instant::now() < deadline, "the place is not given back");
    }
}

#[test]
fn as_many_large_calls_as_may_be_in_work_are_bounded() {
    // Accepts and reads nothing, so that all of a request that the system does not take stays in the sidecar.
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=http://{}", upstream.local_addr().unwrap());
    let (accepted, arrivals) = mpsc::channel();
    thread::spawn(move || {
        upstream.incoming().map_while(Result::ok).all(|stream| accepted.send(stream).is_ok())
    });
    let stage = Stage::new(&["log.level=info", &base]);
    let memory = Memory::of(&stage);
    // Each byte of these becomes three on its way.
    let body = format!("{{\"goods_name\": \"{}\"}}", "|".repeat(60_000));
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let mut callers: Vec<_> = (0..250).map(|_| stage.sidecar.connect()).collect();
    callers.iter_mut().for_each(|caller| caller.write(&request));
    // As many are in work as the budget for large requests allows; the others are told that nothing was sent.
    let held: Vec<_> = (0..100).map(|_| arrivals.recv_timeout(SOON).unwrap()).collect();
    let small = stage.sidecar.curl(&["-d", "a=1&a=2"], "/trade/v1/payment");
    small.assert_failure(400, "parameter_repeated");
    memory.assert_bounded("as many large calls as may be in work");
    drop((held, arrivals));
    let answers: Vec<_> = callers.iter_mut().map(Connection::read).collect();
    let told = |delivery| answers.iter().filter(|a| a.header("X-Sidecar-Delivery") == Some(delivery)).count();
    let (unknown, not_sent) = (told("unknown"), told("not_sent"));
    println!("of 250 large calls {unknown} were sent, {not_sent} were refused");
    assert_eq!(unknown + not_sent, 250);
    assert!(unknown > 0 && not_sent > 0);
}
