//! A request as the scripted upstream got it.

use crate::support::form;

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
    pub(super) fn new(raw: Vec<u8>, head: usize, connection: usize) -> Self {
        Self { raw, connection, head }
    }

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
