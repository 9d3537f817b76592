//! What the scripted upstream does once a request was read.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{SOON, uninterrupted};

/// What happens once a request was read.
#[derive(Clone, Debug)]
pub struct Reply {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Pause(Duration),
    Drip(Vec<u8>, Duration),
    Repeat(Vec<u8>, usize),
    Hold,
    Wait(Gate),
    Close,
    Reset,
}

/// Holds a reply back until the test says go on.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everything through, now and later.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let shut = self.0.0.lock().unwrap();
        let _ = self.0.1.wait_timeout_while(shut, SOON, |open| !*open).unwrap();
    }
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

    /// The same reply, a while later.
    pub fn after(mut self, pause: Duration) -> Self {
        self.steps.insert(0, Step::Pause(pause));
        self
    }

    /// After what came so far, the connection is closed in order.
    pub fn then_close(self) -> Self {
        self.then(Step::Close)
    }

    /// After what came so far, nothing more comes.
    pub fn then_hang(self) -> Self {
        self.then(Step::Hold)
    }

    /// After what came so far, nothing more comes until the test opens the gate.
    pub fn then_wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    /// After what came so far, these bytes.
    pub fn then_bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Bytes(bytes.as_ref().to_vec()))
    }

    /// After what came so far, nothing for a while.
    pub fn then_pause(self, pause: Duration) -> Self {
        self.then(Step::Pause(pause))
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

    pub(super) fn resets(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Reset))
    }

    /// Says whether the connection may carry another request.
    pub(super) fn play(&self, stream: &mut TcpStream) -> bool {
        for step in &self.steps {
            let done = match step {
                Step::Pause(pause) => {
                    thread::sleep(*pause);
                    Ok(())
                }
                Step::Bytes(bytes) => stream.write_all(bytes),
                Step::Repeat(bytes, times) => (0..*times).try_for_each(|_| stream.write_all(bytes)),
                Step::Drip(bytes, pause) => bytes.iter().try_for_each(|byte| {
                    thread::sleep(*pause);
                    stream.write_all(&[*byte])
                }),
                Step::Wait(gate) => {
                    gate.wait();
                    Ok(())
                }
                // Ends when the peer goes away, or the test.
                Step::Hold => {
                    uninterrupted(|| stream.read(&mut [0])).and(Err(std::io::ErrorKind::BrokenPipe.into()))
                }
                Step::Close | Step::Reset => return false,
            };
            if done.is_err() {
                return false;
            }
        }
        true
    }
}
