//! A scripted HTTP/1.1 server: it keeps every request byte for byte and answers from a script, wrongly if told so.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{SOON, form};

/// What happens once a request was read.
#[derive(Clone, Debug)]
pub struct Reply {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Drip(Vec<u8>, Duration),
    Repeat(Vec<u8>, usize),
    Hold,
    Close,
    Reset,
}

impl Reply {
    /// A plain 200 with `Content-Length`; the connection stays open.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::of("200 OK", "Content-Type: application/json\r\n", body)
    }

    /// Any status line, any further headers (each with its line end), and a body with `Content-Length`.
    pub fn of(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        Self::raw([head.as_bytes(), body].concat())
    }

    /// These bytes and nothing else; the connection stays open.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self { steps: vec![Step::Bytes(bytes.as_ref().to_vec())] }
    }

    /// Nothing; the connection stays open.
    pub fn hang() -> Self {
        Self { steps: vec![Step::Hold] }
    }

    /// Nothing; the connection is closed in order.
    pub fn close() -> Self {
        Self { steps: vec![Step::Close] }
    }

    /// Nothing; the connection is reset, by closing it while the request's last byte is unread.
    pub fn reset() -> Self {
        Self { steps: vec![Step::Reset] }
    }

    /// After what came so far, the connection is closed in order.
    pub fn then_close(self) -> Self {
        self.then(Step::Close)
    }

    /// After what came so far, nothing more comes.
    pub fn then_hang(self) -> Self {
        self.then(Step::Hold)
    }

    /// After what came so far, these bytes one by one.
    pub fn then_drip(self, bytes: impl AsRef<[u8]>, pause: Duration) -> Self {
        self.then(Step::Drip(bytes.as_ref().to_vec(), pause))
    }

    /// After what came so far, these bytes many times.
    pub fn then_repeat(self, bytes: impl AsRef<[u8]>, times: usize) -> Self {
        self.then(Step::Repeat(bytes.as_ref().to_vec(), times))
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn resets(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Reset))
    }

    /// Says whether the connection may carry another request.
    fn play(&self, stream: &mut TcpStream) -> bool {
        for step in &self.steps {
            let done = match step {
                Step::Bytes(bytes) => stream.write_all(bytes),
                Step::Repeat(bytes, times) => (0..*times).try_for_each(|_| stream.write_all(bytes)),
                Step::Drip(bytes, pause) => bytes.iter().try_for_each(|byte| {
                    thread::sleep(*pause);
                    stream.write_all(&[*byte])
                }),
                // Ends when the peer goes away, or the test.
                Step::Hold => stream.read(&mut [0]).and(Err(std::io::ErrorKind::BrokenPipe.into())),
                Step::Close | Step::Reset => return false,
            };
            if done.is_err() {
                return false;
            }
        }
        true
    }
}

/// A request as it stood on the wire.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Head and body, byte for byte.
    pub raw: Vec<u8>,
    /// Which connection it came on, counted from 1.
    pub connection: usize,
    head: usize,
}

impl Recorded {
    fn lines(&self) -> impl Iterator<Item = &str> {
        let head = std::str::from_utf8(&self.raw[..self.head]).expect("a signed request's head is ASCII");
        head.split("\r\n").filter(|line| !line.is_empty())
    }

    fn first_line(&self) -> Vec<&str> {
        self.lines().next().unwrap().split(' ').collect()
    }

    pub fn method(&self) -> &str {
        self.first_line()[0]
    }

    pub fn target(&self) -> &str {
        self.first_line()[1]
    }

    pub fn path(&self) -> &str {
        self.target().split('?').next().unwrap()
    }

    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    pub fn headers(&self) -> Vec<(&str, &str)> {
        let pair = |line| str::split_once(line, ':').unwrap();
        self.lines().skip(1).map(pair).map(|(name, value)| (name, value.trim())).collect()
    }

    /// The value of a header that must not be repeated.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers();
        let mut found = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| *value);
        assert!(found.next().is_none(), "{name} is repeated: {headers:?}");
        value
    }

    /// The names of all headers, in lower case, sorted.
    pub fn header_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    }

    pub fn body(&self) -> &[u8] {
        &self.raw[self.head..]
    }

    /// The parameters, wherever they stand, in the order in which they stand.
    pub fn params(&self) -> Vec<(String, String)> {
        match (self.query(), self.body()) {
            (None, body) => form::decode(body),
            (Some(query), b"") => form::decode(query.as_bytes()),
            (Some(_), _) => panic!("parameters in query and body"),
        }
    }

    /// The value of a parameter.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params().into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Reply>>,
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

/// The body of an unscripted answer.
pub const SUCCESS: &str =
    r#"{"respcd": "0000", "resperr": "success", "syssn": "20251117000100020000000001"}"#;

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
        if !stream.peek(&mut first).is_ok_and(|seen| seen == 1) {
            return;
        }
        let reply = shared.script.lock().unwrap().pop_front().unwrap_or_else(|| Reply::ok(SUCCESS));
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
    let mut head = 0;
    let mut whole = usize::MAX;
    while raw.len() < whole {
        let mut byte = [0];
        if stream.peek(&mut byte).ok()? == 0 {
            return None;
        }
        raw.push(byte[0]);
        if head == 0 && raw.ends_with(b"\r\n\r\n") {
            head = raw.len();
            whole = head + content_length(&raw);
        }
        if !unread || raw.len() < whole {
            stream.read_exact(&mut byte).ok()?;
        }
    }
    Some(Recorded { raw, connection, head })
}

/// The announced length. The sidecar knows every body whole, so it never sends one in chunks.
fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    assert!(!head.contains("\r\ntransfer-encoding:"), "the sidecar sent a chunked body");
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
