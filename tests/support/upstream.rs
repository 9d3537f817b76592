//! A scripted HTTP/1.1 server: it keeps every request byte for byte and answers from a script, wrongly if told so.

mod recorded;
mod reply;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use super::{SOON, uninterrupted};

pub use recorded::Recorded;
pub use reply::{Gate, Reply};

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
    standing: Mutex<Option<Reply>>,
    requests: Mutex<Vec<Recorded>>,
    arrived: Condvar,
    streams: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// The server. Without a script it answers every request with a success.
pub struct FakeUpstream {
    /// `127.0.0.1:PORT`.
    pub address: String,
    shared: Arc<Shared>,
}

/// The body of an unscripted answer. It names no order, so it fits every call.
pub const SUCCESS: &str = r#"{"respcd": "0000", "resperr": "success"}"#;

impl FakeUpstream {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// Starts at a known address.
    pub fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let server = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if server.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let number = server.connections.fetch_add(1, Ordering::SeqCst) + 1;
                server.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let server = server.clone();
                thread::spawn(move || serve(stream, number, &server));
            }
        });
        Self { address, shared }
    }

    /// What the next requests are answered with, in this order.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.script.lock().unwrap().extend(replies);
    }

    /// What requests without a scripted reply are answered with from now on.
    pub fn always(&self, reply: Reply) {
        *self.shared.standing.lock().unwrap() = Some(reply);
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.shared.requests.lock().unwrap().clear();
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have come.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<Recorded> {
        let deadline = Instant::now() + SOON;
        let mut requests = self.shared.requests.lock().unwrap();
        while requests.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} requests came", requests.len());
            requests = self.shared.arrived.wait_timeout(requests, left).unwrap().0;
        }
        requests.clone()
    }

    /// Writes bytes that nobody asked for to every open connection.
    pub fn send_unasked(&self, bytes: impl AsRef<[u8]>) {
        for stream in self.shared.streams.lock().unwrap().iter_mut() {
            let _ = stream.write_all(bytes.as_ref());
        }
    }

    /// Ends every open connection, as a server does that is restarted, and returns once their ends were sent.
    pub fn close_connections(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
        self.close_connections();
    }
}

fn serve(mut stream: TcpStream, connection: usize, shared: &Shared) {
    loop {
        let mut first = [0];
        if !uninterrupted(|| stream.peek(&mut first)).is_ok_and(|seen| seen == 1) {
            return;
        }
        let scripted = shared.script.lock().unwrap().pop_front();
        let standing = || shared.standing.lock().unwrap().clone();
        let reply = scripted.or_else(standing).unwrap_or_else(|| Reply::ok(SUCCESS));
        let Some(request) = read(&mut stream, connection, reply.resets()) else { return };
        shared.requests.lock().unwrap().push(request);
        shared.arrived.notify_all();
        if !reply.play(&mut stream) {
            if !reply.resets() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            // The clone for `close_connections` would keep the socket open.
            let peer = stream.peer_addr().ok();
            shared.streams.lock().unwrap().retain(|other| other.peer_addr().ok() != peer);
            return;
        }
    }
}

/// Reads one request. With `unread` its last byte is seen, but left in the socket, so that closing resets.
fn read(stream: &mut TcpStream, connection: usize, unread: bool) -> Option<Recorded> {
    let mut raw = Vec::new();
    // The head byte by byte, so that nothing behind the request is taken.
    while !raw.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if uninterrupted(|| stream.peek(&mut byte)).ok()? == 0 {
            return None;
        }
        raw.push(byte[0]);
        if unread && raw.ends_with(b"\r\n\r\n") && content_length(&raw) == 0 {
            break;
        }
        stream.read_exact(&mut byte).ok()?;
    }
    let head = raw.len();
    raw.resize(head + content_length(&raw), 0);
    match raw.len() - head {
        0 => {}
        length if unread => {
            stream.read_exact(&mut raw[head..head + length - 1]).ok()?;
            uninterrupted(|| stream.peek(&mut raw[head + length - 1..])).ok().filter(|seen| *seen == 1)?;
        }
        _ => stream.read_exact(&mut raw[head..]).ok()?,
    }
    Some(Recorded::new(raw, head, connection))
}

/// The announced length. The sidecar knows every body whole, so it never sends one in chunks.
fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    assert!(!head.contains("\r\ntransfer-encoding:"), "the sidecar sent a chunked body");
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
