//! An HTTP answer as a caller sees it, and connections on which requests are written byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::{SOON, uninterrupted};

/// Status, headers in order, body without framing.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header that must not be repeated.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is repeated in {:?}", self.headers);
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|_| panic!("not UTF-8: {:?}", self.body))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Whether the sidecar made this answer itself because something failed.
    pub fn is_failure(&self) -> bool {
        self.header("X-Sidecar-Error").is_some()
    }

    /// Asserts that this is the failure of that name.
    #[track_caller]
    pub fn assert_failure(&self, status: u16, code: &str) {
        let seen = (self.status, self.header("X-Sidecar-Error"));
        assert_eq!(seen, (status, Some(code)), "{}", String::from_utf8_lossy(&self.body));
    }

    /// Splits a head (with its empty line) into status and headers.
    pub fn parse_head(head: &[u8]) -> (u16, Vec<(String, String)>) {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {first:?}"));
        let pair = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_owned(), value.trim().to_owned())
        };
        (status, lines.filter(|line| !line.is_empty()).map(pair).collect())
    }
}

/// A TCP connection to the sidecar, for what curl cannot send.
pub struct Connection(pub TcpStream);

impl Connection {
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(stream)
    }

    /// Writes bytes. The peer may already have answered and closed, which is for [`Connection::read`] to find.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// Tells the sidecar that no more will come, while its answer can still be read.
    pub fn end(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads one answer by its framing, and leaves the connection for the next one.
    pub fn read(&mut self) -> Answer {
        self.try_read().expect("the connection was closed without an answer")
    }

    /// Like [`Connection::read`]; nothing when the connection ends before a byte of an answer.
    pub fn try_read(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.byte() {
                Some(byte) => head.push(byte),
                None if head.is_empty() => return None,
                None => panic!("the answer's head breaks off: {}", head.escape_ascii()),
            }
        }
        let (status, headers) = Answer::parse_head(&head);
        let mut answer = Answer { status, headers, body: Vec::new() };
        if let Some(length) = answer.header("Content-Length") {
            answer.body = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut answer.body).unwrap();
        } else if answer.header("Transfer-Encoding") == Some("chunked") {
            answer.body = self.chunks();
        } else if !matches!(status, 100..=199 | 204 | 304) {
            self.0.read_to_end(&mut answer.body).unwrap();
        }
        Some(answer)
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line(), 16).unwrap();
            let begin = body.len();
            body.resize(begin + size, 0);
            self.0.read_exact(&mut body[begin..]).unwrap();
            assert_eq!(self.line(), "", "a chunk is longer than it said");
            if size == 0 {
                return body;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.byte().expect("the answer breaks off between chunks"));
        }
        String::from_utf8(line[..line.len() - 2].to_vec()).unwrap()
    }

    /// The next byte; nothing at the end, whether it was orderly or a reset.
    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match uninterrupted(|| self.0.read(&mut byte)) {
            Ok(1) => Some(byte[0]),
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("reading the answer: {error}"),
        }
    }
}
