//! Many callers at once, each paying on a kept connection, again and again, and what became of every payment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::{Answer, SOON, uninterrupted};

/// What became of a payment, as its caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// QFPay's answer; the text is its body.
    Answered(String),
    /// The sidecar's own answer: its code and its delivery.
    Refused(String, String),
    /// There was no connection to send it on.
    NotConnected,
    /// It was written, and the connection ended without an answer.
    Closed,
}

/// One payment of a load.
#[derive(Clone, Debug)]
pub struct Payment {
    pub out_trade_no: String,
    pub outcome: Outcome,
    /// Whether the connection had carried an answer before.
    pub on_kept_connection: bool,
}

/// Callers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Vec<Payment>>>,
}

impl Load {
    /// Lets this many callers pay, each with order numbers that begin with `prefix`. Every other caller opens a
    /// connection for each payment, as PHP does. A caller stops when it cannot connect any more.
    pub fn start(address: &str, callers: usize, prefix: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..callers).map(|caller| {
            let (stop, address, prefix) = (stop.clone(), address.to_owned(), format!("{prefix}-{caller}"));
            thread::spawn(move || pay(&address, &prefix, caller % 2 == 0, &stop))
        });
        let callers = callers.collect();
        Self { stop, callers }
    }

    /// Lets the callers finish what they are at, and gives every payment of all of them.
    pub fn end(self) -> Vec<Payment> {
        self.stop.store(true, Ordering::SeqCst);
        self.callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    }

    /// Waits until every caller has stopped by itself, because nobody listens any more.
    pub fn finish(self) -> Vec<Payment> {
        self.callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    }
}

fn pay(address: &str, prefix: &str, keeps: bool, stop: &AtomicBool) -> Vec<Payment> {
    let mut payments = Vec::new();
    let mut kept: Option<TcpStream> = None;
    while !stop.load(Ordering::SeqCst) {
        let out_trade_no = format!("{prefix}-{}", payments.len());
        let on_kept_connection = kept.is_some();
        let stream = kept.take().map_or_else(|| TcpStream::connect(address), Ok);
        let (outcome, again) = match stream {
            Err(_) => (Outcome::NotConnected, None),
            Ok(stream) => send(stream, &out_trade_no),
        };
        let is_over = outcome == Outcome::NotConnected;
        payments.push(Payment { out_trade_no, outcome, on_kept_connection });
        kept = again.filter(|_| keeps);
        if is_over {
            break;
        }
    }
    payments
}

/// Sends a payment and reads its answer; gives the connection back if it may be used again.
fn send(mut stream: TcpStream, out_trade_no: &str) -> (Outcome, Option<TcpStream>) {
    stream.set_read_timeout(Some(SOON)).unwrap();
    let form = format!("txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no={out_trade_no}");
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{form}", form.len());
    if stream.write_all(request.as_bytes()).is_err() {
        return (Outcome::Closed, None);
    }
    let Some(answer) = read(&mut stream) else { return (Outcome::Closed, None) };
    let keeps = answer.header("Connection") != Some("close");
    let outcome = match answer.header("X-Sidecar-Error") {
        None => Outcome::Answered(answer.text().to_owned()),
        Some(code) => {
            let delivery = answer.header("X-Sidecar-Delivery").unwrap_or("none");
            Outcome::Refused(code.to_owned(), delivery.to_owned())
        }
    };
    (outcome, keeps.then_some(stream))
}

/// One answer with a `Content-Length`; nothing when the connection ends before it is whole.
fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut raw = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let head = raw.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let (status, headers) = Answer::parse_head(&raw[..head]);
            let mut answer = Answer { status, headers, body: Vec::new() };
            let length: usize = answer.header("Content-Length").unwrap().parse().unwrap();
            if raw.len() >= head + length {
                answer.body = raw[head..head + length].to_vec();
                return Some(answer);
            }
        }
        match uninterrupted(|| stream.read(&mut chunk)) {
            Ok(0) | Err(_) => return None,
            Ok(read) => raw.extend_from_slice(&chunk[..read]),
        }
    }
}
