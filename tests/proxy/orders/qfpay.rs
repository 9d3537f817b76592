//! QFPay as far as these tests need it: it keeps a truth, answers queries by it, and does to payments what it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::decode;

/// What becomes of a payment that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is booked and answered.
    Paid,
    /// It is booked; the connection is closed without a word.
    PaidInSilence,
    /// It is booked after so long; the connection is closed at once.
    PaidLater(Duration),
    /// Nothing is booked; the connection is closed.
    Lost,
    /// It is booked at once, and answered after so long.
    Slow(Duration),
}

/// One request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub params: HashMap<String, String>,
    pub at: Instant,
}

#[derive(Default)]
struct Truth {
    fate: Option<Fate>,
    /// When each number is booked.
    booked: HashMap<String, Instant>,
    seen: Vec<Seen>,
    /// What stands in a row behind its number.
    row: String,
    /// What queries are answered with instead.
    queries: Option<String>,
}

/// The stand-in.
#[derive(Clone)]
pub struct Qfpay {
    pub address: String,
    truth: Arc<Mutex<Truth>>,
}

/// A row's fields of a payment that is paid.
pub const PAID: &str = r#""txamt": "1.10", "goods":"\u6d4b/試", "cancel": "0",  "respcd": "0000""#;

impl Qfpay {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let truth = Arc::new(Mutex::new(Truth { row: PAID.to_owned(), ..Truth::default() }));
        let shared = truth.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let truth = shared.clone();
                thread::spawn(move || serve(stream, &truth));
            }
        });
        Self { address, truth }
    }

    pub fn fate(&self, fate: Fate) {
        self.truth.lock().unwrap().fate = Some(fate);
    }

    /// An order that QFPay has.
    pub fn book(&self, out_trade_no: &str, fields: &str) {
        let mut truth = self.truth.lock().unwrap();
        truth.booked.insert(out_trade_no.to_owned(), Instant::now());
        fields.clone_into(&mut truth.row);
    }

    /// What every query is answered with from now on.
    pub fn answer_queries(&self, body: Option<&str>) {
        self.truth.lock().unwrap().queries = body.map(str::to_owned);
    }

    /// The calls of a path, such as `query`.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.truth.lock().unwrap().seen.clone();
        seen.into_iter().filter(|seen| seen.path == format!("/trade/v1/{path}")).collect()
    }

    /// The row of a number as QFPay prints it.
    pub fn row(&self, out_trade_no: &str) -> String {
        row(out_trade_no, &self.truth.lock().unwrap().row)
    }
}

fn row(out_trade_no: &str, fields: &str) -> String {
    format!(r#"{{"syssn": "2026{out_trade_no}", "out_trade_no": "{out_trade_no}", {fields}}}"#)
}

fn serve(mut stream: TcpStream, truth: &Mutex<Truth>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let number = request.params.get("out_trade_no").cloned().unwrap_or_default();
        let now = Instant::now();
        let (body, pause) = {
            let mut truth = truth.lock().unwrap();
            truth.seen.push(request.clone());
            if request.path == "/trade/v1/query" {
                let named = |row: &String| {
                    let number = number.clone();
                    let by_number =
                        request.params.get("syssn").map(|syssn| syssn.trim_start_matches("2026").to_owned());
                    let number = by_number.unwrap_or(number);
                    let is_booked = truth.booked.get(&number).is_some_and(|at| *at <= now);
                    if is_booked { row_of(&number, row) } else { String::new() }
                };
                let rows = named(&truth.row);
                let answer = format!(r#"{{"respcd": "0000", "data": [{rows}]}}"#);
                (Some(truth.queries.clone().unwrap_or(answer)), Duration::ZERO)
            } else {
                let answer =
                    format!(r#"{{"respcd": "0000", "out_trade_no": "{number}", "syssn": "2026{number}"}}"#);
                let (booked, answer, pause) = match truth.fate.unwrap_or(Fate::Paid) {
                    Fate::Paid => (Some(now), Some(answer), Duration::ZERO),
                    Fate::PaidInSilence => (Some(now), None, Duration::ZERO),
                    Fate::PaidLater(after) => (Some(now + after), None, Duration::ZERO),
                    Fate::Lost => (None, None, Duration::ZERO),
                    Fate::Slow(after) => (Some(now), Some(answer), after),
                };
                if let Some(at) = booked {
                    truth.booked.insert(number, at);
                }
                (answer, pause)
            }
        };
        thread::sleep(pause);
        let Some(body) = body else { return };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).is_err() {
            return;
        }
    }
}

fn row_of(number: &str, fields: &str) -> String {
    row(number, fields)
}

fn read(reader: &mut impl BufRead) -> Option<Seen> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let target = first.split(' ').nth(1)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = if length == 0 { query.as_bytes() } else { &body };
    let params = decode(text).into_iter().collect();
    Some(Seen { path: path.to_owned(), params, at: Instant::now() })
}
