//! Connections to QFPay and to receivers: which one a call takes, what heads of answers may hold, how soon an answer in pieces
//! is read, and that a caller who goes away does not take its payment along.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::notifications::stage::{Relay, assert_acknowledged, notification, request};
use crate::support::*;
use crate::tls::Authority;
use rustls::crypto::aws_lc_rs;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Each worker keeps connections of its own.
const ONE_POOL: &[&str] = &["runtime.workers=1"];
const PAYMENT: &str = "/trade/v1/payment";
const PAID: &str = r#"{"respcd": "0000"}"#;
const REFUSED: &str = r#"{"respcd": "1100"}"#;

/// A payment on a connection that stays open.
fn payment(order: &str) -> String {
    format!("POST {PAYMENT}?out_trade_no={order} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

#[test]
fn a_second_answer_is_not_the_next_payments() {
    let stage = Stage::new(ONE_POOL);
    let second = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{PAID}", PAID.len());
    // Every second payment is paid, and told so twice, without the order's number; the others are refused, a little later.
    for _ in 0..100 {
        let twice = Reply::ok(PAID).then_pause(Duration::from_millis(2)).then_bytes(&second);
        stage.upstream.script([twice, Reply::ok(REFUSED).after(Duration::from_millis(5))]);
    }
    let mut caller = stage.sidecar.connect();
    for round in 0..200 {
        caller.write(payment(&format!("R-{round}")));
        let expected = if round % 2 == 0 { PAID } else { REFUSED };
        assert_eq!(caller.read().text(), expected, "payment {round}");
    }
    assert_eq!(stage.upstream.requests().len(), 200);
}

#[test]
fn a_few_connections_are_kept_so_that_each_can_rest() {
    let stage = Stage::new(ONE_POOL);
    let mut caller = stage.sidecar.connect();
    for round in 0..100 {
        caller.write(payment(&format!("R-{round}")));
        assert_eq!(caller.read().status, 200);
    }
    let hurried = stage.upstream.connections();
    assert!((2..=8).contains(&hurried), "{hurried} connections for one call at a time");
    let of = |seen: &Recorded| seen.connection;
    let requests: Vec<_> = stage.upstream.requests().iter().map(of).collect();
    assert!(requests.windows(2).all(|pair| pair[0] != pair[1]), "one was used twice in a row: {requests:?}");
    // Whoever has time needs none beside those that are there.
    for round in 0..5 {
        thread::sleep(Duration::from_millis(30));
        caller.write(payment(&format!("S-{round}")));
        assert_eq!(caller.read().status, 200);
    }
    assert_eq!(stage.upstream.connections(), hurried);
}

#[test]
fn answers_of_every_framing_leave_their_connection_open() {
    for reply in [
        Reply::ok(PAID),
        Reply::raw(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{PAID}\r\n0\r\n\r\n",
            PAID.len()
        )),
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .then_drip(format!("{:x}\r\n{PAID}\r\n0\r\n\r\n", PAID.len()), Duration::from_millis(1)),
        Reply::ok(format!("{}{PAID}", " ".repeat(40_000))),
        Reply::raw("HTTP/1.1 100 Continue\r\n\r\n")
            .then_bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{PAID}", PAID.len())),
    ] {
        let stage = Stage::new(ONE_POOL);
        stage.upstream.always(reply.clone());
        for round in 0..3 {
            let answer = stage.sidecar.curl(&["-d", &format!("out_trade_no=R-{round}")], PAYMENT);
            assert_eq!((answer.status, answer.text().trim()), (200, PAID), "{reply:?}");
            thread::sleep(Duration::from_millis(30));
        }
        assert_eq!(stage.upstream.connections(), 1, "{reply:?}");
    }
}

/// The middle one of some times, in which a machine's hiccups do not show.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A system may wait 40 ms before it acknowledges, and a server that writes an answer in two pieces waits for that.
const NO_DELAYED_ACKNOWLEDGEMENT: Duration = Duration::from_millis(35);

#[test]
fn an_answer_in_two_pieces_costs_no_delayed_acknowledgement() {
    let stage = Stage::new(ONE_POOL);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", PAID.len());
    for reply in [
        Reply::raw(format!("{head}\r\n")).then_bytes(PAID),
        Reply::raw(&head).then_bytes(format!("\r\n{PAID}")),
        Reply::raw(format!("{head}\r\n{{")).then_bytes(&PAID[1..]),
        Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .then_bytes(format!("{:x}\r\n{PAID}\r\n0\r\n\r\n", PAID.len())),
    ] {
        stage.upstream.always(reply.clone());
        let mut caller = stage.sidecar.connect();
        let mut times = Vec::new();
        for round in 0..25 {
            let begun = Instant::now();
            caller.write(payment(&format!("R-{round}")));
            assert_eq!(caller.read().text(), PAID);
            times.push(begun.elapsed());
        }
        let median = median(times);
        assert!(median < NO_DELAYED_ACKNOWLEDGEMENT, "{median:?}: {reply:?}");
    }
}

#[test]
fn a_receivers_answer_in_two_pieces_costs_no_delayed_acknowledgement() {
    let relay = Relay::new("");
    relay.receiver.always(Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n").then_bytes("SUCCESS"));
    let vector = notification();
    let mut sender = relay.connect();
    let mut times = Vec::new();
    for _ in 0..25 {
        let begun = Instant::now();
        sender.write(request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes()));
        assert_acknowledged(&sender.read());
        times.push(begun.elapsed());
    }
    let median = median(times);
    assert!(median < NO_DELAYED_ACKNOWLEDGEMENT, "{median:?}");
}

/// An answer with so many headers, whose head has so many bytes.
fn answer_with(headers: usize, bytes: usize) -> Reply {
    let begin = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", PAID.len());
    let mut lines: Vec<_> = (1..headers).map(|number| format!("X-Gateway-{number}: \r\n")).collect();
    let missing = bytes - begin.len() - lines.concat().len() - 2;
    let last = lines.last_mut().unwrap();
    last.insert_str(last.len() - 2, &"v".repeat(missing));
    let head = format!("{begin}{}\r\n", lines.concat());
    assert_eq!(head.len(), bytes);
    Reply::raw(format!("{head}{PAID}"))
}

#[test]
fn answers_with_large_heads_pass_and_beyond_the_limits_leave_the_call_in_doubt() {
    for (limit, largest) in
        [("limits.answer_head_bytes=65536", 65_536), ("limits.answer_head_bytes=8192", 8192)]
    {
        let stage = Stage::new(&[limit, ONE_POOL[0]]);
        for (headers, bytes) in [(2, 2000), (100, 4000), (101, 4000), (300, 8000), (20, largest)] {
            stage.upstream.script([answer_with(headers, bytes)]);
            let answer = stage.sidecar.raw(payment("R-1"));
            assert_eq!(
                (answer.status, answer.text()),
                (200, PAID),
                "{headers} headers, {bytes} bytes, {limit}"
            );
            let gateway = |(name, _): &&(String, String)| name.to_ascii_lowercase().starts_with("x-gateway-");
            assert_eq!(answer.headers.iter().filter(gateway).count(), headers - 1);
        }
        for (headers, bytes) in [(301, 8000), (20, largest + 1), (20, 3 * largest)] {
            stage.upstream.script([answer_with(headers, bytes)]);
            let answer = stage.sidecar.raw(payment("R-1"));
            answer.assert_failure(502, "answer_unclear");
            assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
            assert_eq!(
                (&answer.json()["respcd"], &answer.json()["out_trade_no"]),
                (&"1298".into(), &"R-1".into())
            );
        }
        // A head without an end is one too large.
        stage.upstream.script([Reply::raw("HTTP/1.1 200 OK\r\n").then_repeat("X-A: b\r\n", 100_000)]);
        stage.sidecar.raw(payment("R-1")).assert_failure(502, "answer_unclear");
    }
}

/// How a caller goes away in the middle of its call.
#[derive(Clone, Copy, Debug)]
enum GoesAway {
    /// It closes in order.
    Closes,
    /// It only says that it sends no more.
    StopsSending,
    Resets,
    /// The same, right after a body for which it had asked whether it may be sent.
    ResetsAfterExpect,
}

impl GoesAway {
    /// Sends a payment and goes away, once it has arrived if it says so.
    fn play(self, mut caller: Connection, id: &str, arrived: &Receiver<()>) -> Option<Connection> {
        let form = "out_trade_no=AWAY-1";
        let expect = if matches!(self, Self::ResetsAfterExpect) { "Expect: 100-continue\r\n" } else { "" };
        caller.write(format!(
            "POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {id}\r\n{expect}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ));
        if !matches!(self, Self::ResetsAfterExpect) {
            arrived.recv_timeout(SOON).unwrap();
        }
        match self {
            Self::Closes => {}
            Self::StopsSending => {
                caller.end();
                return Some(caller);
            }
            Self::Resets | Self::ResetsAfterExpect => {
                rustix::net::sockopt::set_socket_linger(&caller.0, Some(Duration::ZERO)).unwrap();
            }
        }
        None
    }
}

/// QFPay, slow: says when a request has come, looks for a while whether its connection is cut, and answers.
struct Slow {
    port: u16,
    arrived: Receiver<()>,
    /// Whether the connection was still there when the answer began.
    waited: Receiver<bool>,
}

impl Slow {
    fn start(tls: Option<Arc<ServerConfig>>, answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ((arrives, arrived), (waits, waited)) = (channel(), channel());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                stream.set_read_timeout(Some(SOON)).unwrap();
                let socket = stream.try_clone().unwrap();
                match &tls {
                    None => serve(stream, &socket, &answer, &arrives, &waits),
                    Some(config) => {
                        let tls = ServerConnection::new(config.clone()).unwrap();
                        serve(StreamOwned::new(tls, stream), &socket, &answer, &arrives, &waits);
                    }
                }
            }
        });
        Self { port, arrived, waited }
    }
}

fn serve(
    mut stream: impl Read + Write,
    socket: &TcpStream,
    answer: &[u8],
    arrives: &Sender<()>,
    waits: &Sender<bool>,
) {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"out_trade_no=AWAY-1") {
        match uninterrupted(|| stream.read(&mut byte)) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let _ = arrives.send(());
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let looked = uninterrupted(|| socket.peek(&mut byte));
    let is_open = looked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    let _ = waits.send(is_open);
    // Nobody may be there any more to take it.
    let _ = stream.write_all(answer).and_then(|()| stream.flush());
}

#[test]
fn a_caller_that_goes_away_takes_no_payment_with_it() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let tls = Arc::new(tls);
    let small = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{PAID}", PAID.len());
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n{}", "x".repeat(3_000_000));
    for (scheme, tls) in [("http", None), ("https", Some(tls))] {
        for answer in [&small, &large] {
            let upstream = Slow::start(tls.clone(), answer.clone().into_bytes());
            let config = Stage::config(&format!("{scheme}://127.0.0.1:{}", upstream.port));
            let launch = Launch::new(&config).file("ca.pem", authority.pem(), 0o644);
            let sidecar = launch.set("upstream.ca_file={folder}/ca.pem").start();
            for goes_away in
                [GoesAway::Closes, GoesAway::StopsSending, GoesAway::Resets, GoesAway::ResetsAfterExpect]
            {
                let what = format!("{goes_away:?}, {scheme}, an answer of {} bytes", answer.len());
                let id = format!("{goes_away:?}");
                let rest = goes_away.play(sidecar.connect(), &id, &upstream.arrived);
                if matches!(goes_away, GoesAway::ResetsAfterExpect) {
                    // Whether it was quicker than its own reset is open; what was sent is not cut.
                    let Ok(is_open) = upstream.waited.recv_timeout(Duration::from_secs(1)) else { continue };
                    assert!(is_open, "{what}");
                    upstream.arrived.recv_timeout(SOON).unwrap();
                } else {
                    assert!(upstream.waited.recv_timeout(SOON).unwrap(), "{what}");
                }
                sidecar.wait_for_log(&[&format!("request_id={id}"), "delivery="]);
                drop(rest);
            }
        }
    }
}
