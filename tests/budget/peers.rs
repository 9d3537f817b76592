//! QFPay and a shop that allocate nothing per call: each connection has a thread and a buffer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A payment as a PHP shop sends it.
const BODY: &str = "txamt=1200&txcurrcd=HKD&pay_type=800201&out_trade_no=A-2026-000123&txdtm=2026-01-31+12%3A00%3A00\
                    &goods_name=%E5%A5%B6%E8%8C%B6+%26+%E8%8F%A0%E8%98%BF%E5%8C%85&udid=till-7&mchid=eqqmYMn0Zj6pncw2xDyj2bKm1jGaGm";

/// QFPay's answer to it.
const ANSWER: &str = concat!(
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 31 Jan 2026 04:00:00 GMT\r\n",
    "Content-Type: application/json; charset=utf-8\r\nContent-Length: 310\r\nConnection: keep-alive\r\n",
    "X-QF-SIGN: 0123456789ABCDEF0123456789ABCDEF\r\nX-Request-Id: 6f1c\r\n\r\n",
    r#"{"pay_type": "800201", "sysdtm": "2026-01-31 12:00:00", "paydtm": "2026-01-31 12:00:00", "txdtm": "2026-01-31 12:00:00", "#,
    r#""udid": "till-7", "txcurrcd": "HKD", "txamt": "1200", "resperr": "", "respmsg": "OK", "respcd": "0000", "#,
    r#""out_trade_no": "A-2026-000123", "syssn": "20260131000300020000000001", "cardcd": ""}"#
);

/// Answers every request on every connection. Returns where.
pub fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while message(&mut stream, &mut buffer) {
                    if stream.write_all(ANSWER.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A shop on a kept connection.
pub struct Caller {
    stream: TcpStream,
    request: String,
    buffer: [u8; 16 * 1024],
}

impl Caller {
    pub fn connect(api: &str) -> Self {
        let stream = TcpStream::connect(api).unwrap();
        stream.set_nodelay(true).unwrap();
        let request = format!(
            "POST /trade/v1/payment HTTP/1.1\r\nHost: {api}\r\nUser-Agent: shop/1.0\r\nAccept: */*\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        Self { stream, request, buffer: [0; 16 * 1024] }
    }

    /// Pays once.
    pub fn pay(&mut self) {
        self.stream.write_all(self.request.as_bytes()).unwrap();
        assert!(message(&mut self.stream, &mut self.buffer), "the sidecar closed the connection");
        let status = &self.buffer[..12];
        assert_eq!(status, b"HTTP/1.1 200", "{}", self.buffer[..600].escape_ascii());
    }
}

/// Reads one message with a `Content-Length` into a buffer; false when the connection has ended.
fn message(stream: &mut TcpStream, buffer: &mut [u8]) -> bool {
    let mut read = 0;
    loop {
        match stream.read(&mut buffer[read..]) {
            Ok(0) | Err(_) => return false,
            Ok(more) => read += more,
        }
        if let Some(head) = buffer[..read].windows(4).position(|end| end == b"\r\n\r\n")
            && read == head + 4 + content_length(&buffer[..head])
        {
            return true;
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    let field = b"content-length: ";
    let at = head.windows(field.len()).position(|part| part.eq_ignore_ascii_case(field)).unwrap();
    let digits = head[at + field.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}

/// The counts below are worth something only if the answer is as long as it says.
#[test]
fn the_answer_is_whole() {
    let (head, body) = ANSWER.split_once("\r\n\r\n").unwrap();
    assert_eq!(content_length(head.as_bytes()), body.len());
}
