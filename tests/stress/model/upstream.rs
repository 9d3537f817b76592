//! QFPay's place: takes requests from many connections, keeps each as it stood on the wire, answers with a success.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"respcd\": \"0000\"}";

/// The server. Its threads end with their connections, and the listener with the process.
pub struct Upstream {
    pub address: String,
    requests: Receiver<Vec<u8>>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { address, requests }
    }

    /// What arrived since the last look. A request is here before its answer is written.
    pub fn arrived(&self) -> Vec<Vec<u8>> {
        self.requests.try_iter().collect()
    }
}

fn serve(stream: TcpStream, requests: &Sender<Vec<u8>>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        if requests.send(request).is_err() || writer.write_all(ANSWER).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut raw).ok()? == 0 {
            return None;
        }
    }
    let head = String::from_utf8_lossy(&raw).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    raw.extend(body);
    Some(raw)
}
