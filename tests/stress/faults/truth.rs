//! Every payment that ends `unknown` is resolved to what QFPay's stand-in booked: however the way breaks, what was paid is never
//! told as not paid, and what was not is never told as paid.
//!
//! The stand-in keeps the truth. It breaks the answer at every eighth byte, in three ways, after it has booked the payment, before
//! or never; some it books only after a while.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Launch, Sidecar, Stage, decode};

/// What of the answer goes out, and how the connection ends.
#[derive(Clone, Copy, Debug)]
enum Break {
    Close,
    Garbage,
    Hang,
}

/// When a payment is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Booked {
    AtOnce,
    After(Duration),
    Never,
}

#[derive(Clone, Copy, Debug)]
struct Fate {
    breaks: Break,
    at: usize,
    booked: Booked,
}

const LATER: Duration = Duration::from_secs(4);

/// Every combination, by the number of the payment.
fn fates() -> Vec<Fate> {
    let mut fates = Vec::new();
    for at in (0..answer("N000").len()).step_by(8) {
        for breaks in [Break::Close, Break::Garbage, Break::Hang] {
            for booked in [Booked::AtOnce, Booked::After(LATER), Booked::Never] {
                // Garbage behind a respcd is an answer like any other.
                if !matches!(breaks, Break::Garbage) || !answer("N000")[..at].contains("\"0000\"") {
                    fates.push(Fate { breaks, at, booked });
                }
            }
        }
    }
    fates
}

fn answer(number: &str) -> String {
    let body = format!(r#"{{"respcd": "0000", "out_trade_no": "{number}", "syssn": "1{number}"}}"#);
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

type Books = Arc<Mutex<HashMap<String, Instant>>>;

fn qfpay(fates: Arc<Vec<Fate>>) -> (String, Books) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let books = Books::default();
    let shared = books.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (books, fates) = (shared.clone(), fates.clone());
            thread::spawn(move || serve(stream, &books, &fates));
        }
    });
    (address, books)
}

fn serve(mut stream: TcpStream, books: &Books, fates: &[Fate]) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
            if first.is_empty() {
                first = line;
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut reader, &mut body).ok()?;
        let params: HashMap<_, _> = decode(&body).into_iter().collect();
        let number = params.get("out_trade_no")?;
        if first.contains("/trade/v1/query") {
            let is_booked = books.lock().unwrap().get(number).is_some_and(|at| *at <= Instant::now());
            let row = format!(r#"{{"out_trade_no": "{number}", "respcd": "0000", "cancel": "0"}}"#);
            let rows = if is_booked { &row } else { "" };
            let body = format!(r#"{{"respcd": "0000", "data": [{rows}]}}"#);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).ok()?;
            continue;
        }
        let fate = fates[number[1..].parse::<usize>().ok()?];
        match fate.booked {
            Booked::AtOnce => _ = books.lock().unwrap().insert(number.clone(), Instant::now()),
            Booked::After(later) => _ = books.lock().unwrap().insert(number.clone(), Instant::now() + later),
            Booked::Never => {}
        }
        let answer = answer(number);
        stream.write_all(&answer.as_bytes()[..fate.at]).ok()?;
        match fate.breaks {
            Break::Close => {}
            Break::Garbage => stream.write_all(&vec![b'#'; answer.len() - fate.at]).ok()?,
            Break::Hang => thread::sleep(Duration::from_secs(5)),
        }
        let _ = stream.shutdown(Shutdown::Both);
        return None;
    }
}

fn post(sidecar: &Sidecar, path: &str, form: &str) -> serde_json::Value {
    let mut connection = sidecar.connect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    connection.write(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()));
    connection.read().json()
}

#[test]
fn every_unknown_is_resolved_to_the_upstreams_truth() {
    let fates = Arc::new(fates());
    let (address, books) = qfpay(fates.clone());
    let launch = Launch::new(&Stage::config(&format!("http://{address}")));
    let settings = [
        "orders.one_flight=true",
        "orders.follow_ms=60000",
        "orders.waiting=4096",
        "upstream.call_timeout_ms=2000",
    ];
    let settings =
        settings.iter().chain(&["upstream.connect_timeout_ms=2000", "upstream.tls_timeout_ms=2000"]);
    let launch = settings.fold(launch, |launch, setting| launch.set(setting)).set("log.level=warn");
    let journal = launch.folder.path().join("journal.db");
    let sidecar = launch.set(&format!("journal.file={}", journal.display())).start();
    let (mut unknown, mut resolved) = (0, 0);
    thread::scope(|scope| {
        let shops: Vec<_> = (0..fates.len())
            .map(|number| {
                let sidecar = &sidecar;
                scope.spawn(move || {
                    let form = format!("out_trade_no=N{number:03}&txamt=1");
                    let paid = post(sidecar, "/trade/v1/payment", &form);
                    let outcome = format!("out_trade_no=N{number:03}&wait_ms=15000");
                    (paid, post(sidecar, "/sidecar/v1/outcome", &outcome))
                })
            })
            .collect();
        for (number, shop) in shops.into_iter().enumerate() {
            let (paid, outcome) = shop.join().unwrap();
            let fate = fates[number];
            let was_booked = books.lock().unwrap().contains_key(&format!("N{number:03}"));
            assert_eq!(was_booked, fate.booked != Booked::Never);
            // No answer came whole, so the sidecar says that it does not know.
            assert_eq!(paid["error"]["delivery"], "unknown", "{fate:?}: {paid}");
            unknown += 1;
            let expected = if was_booked { ("paid", true) } else { ("unknown", false) };
            let told = (outcome["state"].as_str().unwrap(), outcome["final"] == true);
            assert_eq!(told, expected, "N{number:03} {fate:?}: {outcome}");
            resolved += usize::from(was_booked);
        }
    });
    // The journal says the same: in doubt is what was never booked, and nothing else.
    let journal = journal.to_str().unwrap();
    let doubts = sidecar.command(&["journal", "doubt", "--file", journal]);
    let doubts = String::from_utf8(doubts.stdout).unwrap();
    for (number, fate) in fates.iter().enumerate() {
        let is_in_doubt = doubts.contains(&format!("N{number:03}"));
        assert_eq!(is_in_doubt, fate.booked == Booked::Never, "N{number:03} {fate:?}: {doubts}");
    }
    assert!(sidecar.command(&["journal", "verify", "--file", journal]).status.success());
    println!("{unknown} payments ended unknown; {resolved} were paid, and each was told so");
}
