//! Answers that are odd as a whole, each with what must come of it.

use std::time::Duration;

use super::case::{Act, Framing};
use super::reply::{Reply, body};
use super::rules::{ANSWERED, Expected, FOREIGN, NO_ANSWER, TIMED_OUT, TRUNCATED, UNCLEAR, answered};
use super::script::Step;

/// An odd answer.
#[derive(Debug)]
pub struct Odd {
    pub name: &'static str,
    /// What is written for the payment of this number.
    pub steps: fn(&str) -> Vec<Step>,
    /// What the caller gets if it is passed on.
    pub passed_on: fn(&str) -> Vec<u8>,
    pub expected: Expected,
}

impl Odd {
    pub fn waits(&self) -> bool {
        self.expected == TIMED_OUT
    }
}

/// No pause: as fast as it is read.
const FAST: Duration = Duration::ZERO;
/// Slow enough that nothing fills up before the deadline.
const SLOW: Duration = Duration::from_millis(40);

fn text(text: &str) -> Step {
    Step::Bytes(text.as_bytes().to_vec())
}

fn whole(out_trade_no: &str) -> Step {
    Step::Bytes(Reply::new(Framing::Length, out_trade_no).wire)
}

fn own_body(out_trade_no: &str) -> Vec<u8> {
    body(out_trade_no).into_bytes()
}

fn nothing(_: &str) -> Vec<u8> {
    Vec::new()
}

/// An answer of QFPay's own that is passed on with its status.
macro_rules! status {
    ($name:literal, $status:literal, $headers:literal) => {
        Odd {
            name: $name,
            steps: |number| {
                let body = body(number);
                let length = body.len();
                let head = concat!("HTTP/1.1 ", $status, " Odd\r\n", $headers, "Content-Length: ");
                vec![text(&format!("{head}{length}\r\n\r\n{body}"))]
            },
            passed_on: own_body,
            expected: answered($status),
        }
    };
}

/// A redirect, which is not passed on, whatever stands in it.
macro_rules! redirect {
    ($name:literal, $status:literal, $location:literal) => {
        Odd { expected: UNCLEAR, ..status!($name, $status, $location) }
    };
}

/// An answer that may be of a gateway on the way to QFPay.
macro_rules! gateway {
    ($name:literal, $status:literal, $body:expr, $expected:expr) => {
        Odd {
            name: $name,
            steps: |_| {
                let length = $body.len();
                let head = concat!("HTTP/1.1 ", $status, " Odd\r\nServer: gateway\r\nContent-Length: ");
                vec![text(&format!("{head}{length}\r\n\r\n{}", $body))]
            },
            passed_on: |_| $body.into(),
            expected: $expected,
        }
    };
}

/// What web servers answer with when nobody behind them does.
const PAGE: &str = "<html><head><title>Odd</title></head><body><h1>Odd</h1></body></html>";

/// Bytes that are no answer, and the end.
macro_rules! garbage {
    ($name:literal, $bytes:expr) => {
        Odd {
            name: $name,
            steps: |_| vec![Step::Bytes($bytes.to_vec()), Step::End(Act::Close)],
            passed_on: nothing,
            expected: NO_ANSWER,
        }
    };
}

macro_rules! odd {
    ($name:literal, $expected:expr, $passed_on:expr, $steps:expr) => {
        Odd { name: $name, steps: $steps, passed_on: $passed_on, expected: $expected }
    };
}

pub const ODD: &[Odd] = &[
    status!("answers 400", 400, ""),
    status!("answers 401", 401, "WWW-Authenticate: Basic\r\n"),
    status!("answers 403", 403, ""),
    status!("answers 404", 404, ""),
    status!("answers 408", 408, ""),
    status!("answers 429", 429, "Retry-After: 1\r\n"),
    status!("answers 500", 500, ""),
    status!("answers 502", 502, ""),
    status!("answers 503", 503, "Retry-After: 1\r\n"),
    status!("answers 504", 504, ""),
    redirect!("redirects with 301", 301, "Location: /trade/v1/refund\r\n"),
    redirect!("redirects with 302", 302, "Location: http://127.0.0.1:1/\r\n"),
    redirect!("redirects with 303", 303, "Location: /trade/v1/query\r\n"),
    redirect!("redirects with 307", 307, "Location: /trade/v1/payment\r\n"),
    redirect!("redirects with 308", 308, "Location: /trade/v1/payment\r\n"),
    gateway!("answers 404 with a page", 404, PAGE, answered(404)),
    gateway!("answers 429 without a body", 429, "", answered(429)),
    gateway!("answers 200 with a page", 200, PAGE, UNCLEAR),
    gateway!("answers 200 without a body", 200, "", UNCLEAR),
    gateway!("answers 200 without a respcd", 200, r#"{"status":"ok"}"#, UNCLEAR),
    gateway!("answers 408 with a page", 408, PAGE, UNCLEAR),
    gateway!("answers 500 with a page", 500, PAGE, UNCLEAR),
    gateway!("answers 502 with a page", 502, PAGE, UNCLEAR),
    gateway!("answers 503 without a body", 503, "", UNCLEAR),
    gateway!("answers 504 with JSON of its own", 504, r#"{"message":"timeout"}"#, UNCLEAR),
    gateway!("names another order", 200, r#"{"respcd":"0000","out_trade_no":"ANOTHER"}"#, FOREIGN),
    odd!("answers 204 without a body", UNCLEAR, nothing, |_| vec![text("HTTP/1.1 204 No Content\r\n\r\n")]),
    odd!("sends 100 Continue first", ANSWERED, own_body, |number| vec![
        text("HTTP/1.1 100 Continue\r\n\r\n"),
        whole(number)
    ]),
    odd!("sends 102 Processing first", ANSWERED, own_body, |number| vec![
        text("HTTP/1.1 102 Processing\r\n\r\n"),
        whole(number)
    ]),
    odd!("sends 103 Early Hints first", ANSWERED, own_body, |number| vec![
        text("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 7\r\n\r\n"),
        whole(number)
    ]),
    odd!("sends 100 Continue 50 times first", ANSWERED, own_body, |number| vec![
        text(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(50)),
        whole(number)
    ]),
    odd!("sends 100 Continue without end", TIMED_OUT, nothing, |_| vec![Step::Endless(
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        SLOW
    )]),
    odd!("sends 100 Continue and closes", NO_ANSWER, nothing, |_| vec![
        text("HTTP/1.1 100 Continue\r\n\r\n"),
        Step::End(Act::Close)
    ]),
    odd!("sends 101 Switching Protocols", NO_ANSWER, nothing, |_| vec![text(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    )]),
    odd!("sends two answers at once", ANSWERED, own_body, |number| vec![Step::Bytes(
        [Reply::new(Framing::Length, number).wire, Reply::new(Framing::Length, "FORGED").wire].concat()
    )]),
    odd!("sends one byte more than the answer", ANSWERED, own_body, |number| vec![Step::Bytes(
        [&Reply::new(Framing::Length, number).wire[..], b"H"].concat()
    )]),
    odd!("sends a second answer behind a chunked one", ANSWERED, own_body, |number| vec![Step::Bytes(
        [Reply::new(Framing::Chunked, number).wire, Reply::new(Framing::Length, "FORGED").wire].concat()
    )]),
    odd!("answers and resets", ANSWERED, own_body, |number| vec![whole(number), Step::End(Act::Reset)]),
    odd!("answers in HTTP/1.0 and closes", ANSWERED, own_body, |number| vec![
        text(&format!("HTTP/1.0 200 OK\r\n\r\n{}", body(number))),
        Step::End(Act::Close)
    ]),
    odd!("sends a body without end, fast", UNCLEAR, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Step::Endless([b"2000\r\n".to_vec(), vec![b'x'; 0x2000], b"\r\n".to_vec()].concat(), FAST)
    ]),
    odd!("sends a body without end, slowly", TIMED_OUT, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Step::Endless(b"1\r\nx\r\n".to_vec(), SLOW)
    ]),
    odd!("sends a chunk extension without end", TRUNCATED, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;"),
        Step::Endless(vec![b'x'; 8192], FAST)
    ]),
    odd!("sends trailers without end", TRUNCATED, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"),
        Step::Endless(b"X: y\r\n".repeat(1000), FAST)
    ]),
    odd!("sends headers without end, fast", UNCLEAR, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\n"),
        Step::Endless(b"X-Odd: y\r\n".repeat(1000), FAST)
    ]),
    odd!("sends headers without end, slowly", TIMED_OUT, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\n"),
        Step::Endless(b"X: y\r\n".to_vec(), SLOW)
    ]),
    odd!("sends one header without end", UNCLEAR, nothing, |_| vec![
        text("HTTP/1.1 200 OK\r\nX-Odd: "),
        Step::Endless(vec![b'x'; 8192], FAST)
    ]),
    odd!("sends a status line without end", UNCLEAR, nothing, |_| vec![
        text("HTTP/1.1 200 "),
        Step::Endless(vec![b'O'; 8192], FAST)
    ]),
    garbage!("sends a line of text", b"garbage\r\n\r\n"),
    garbage!("sends binary bytes", b"\x00\x01\x02\x03\xff\xfe\r\n\r\n"),
    garbage!("speaks SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
    garbage!("speaks HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"),
    garbage!("speaks TLS where HTTP is meant", b"\x15\x03\x03\x00\x02\x02\x28"),
    garbage!("sends a body without a head", b"{\"respcd\":\"0000\"}"),
    garbage!("sends only an empty line", b"\r\n"),
    garbage!("claims HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    garbage!("sends a status of six digits", b"HTTP/1.1 999999 OK\r\n\r\n"),
    garbage!("sends a status that is no number", b"HTTP/1.1 OK\r\n\r\n"),
    garbage!("sends a header without a colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
    garbage!("sends NUL in a header", b"HTTP/1.1 200 OK\r\nX-Odd: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    garbage!("sends two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    garbage!("sends a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc"),
    garbage!("sends a length in words", b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nab"),
    garbage!(
        "sends a length beyond 64 bits",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nab"
    ),
];
