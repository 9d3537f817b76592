//! A request's head, as its bytes came: what the parser hides, or takes although others would read it differently.

use hyper::Request;
use hyper::http::HeaderMap;
use hyper::http::header::TRANSFER_ENCODING;

/// The first byte of a TLS record that opens a connection (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// What was seen of a head so far.
#[derive(Debug, Default)]
pub(super) struct Head {
    part: Part,
    first: u8,
    previous: u8,
    /// The length of the request line, and of the line that is coming.
    request_line: usize,
    line: usize,
    fragment: bool,
    /// Spaces in the request line.
    spaces: usize,
    bare_lf: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    RequestLine,
    Fields,
    Whole,
}

/// What a request looked like before it was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// As the parser gives it.
    Whole,
    /// Its target held a `#`, behind which the URI parser drops everything.
    Fragment,
    /// Not all of it was seen: the request was pipelined.
    NotWhole,
    /// It could be read in two ways.
    Ambiguous,
}

impl Head {
    /// Looks at bytes, up to the end of the head.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match (self.part, byte) {
                (Part::Whole, _) => return,
                (_, b'\n') => self.end_line(),
                (Part::RequestLine, b'#') => (self.fragment, self.line) = (true, self.line + 1),
                (Part::RequestLine, b' ') => (self.spaces, self.line) = (self.spaces + 1, self.line + 1),
                (_, b'\r') => {}
                _ => self.line += 1,
            }
            self.first = if self.first == 0 { byte } else { self.first };
            self.previous = byte;
        }
    }

    fn end_line(&mut self) {
        // Some parsers end a line here and some do not (RFC 9112 section 2.2 allows both).
        self.bare_lf |= self.previous != b'\r';
        let line = std::mem::take(&mut self.line);
        match self.part {
            Part::RequestLine => (self.part, self.request_line) = (Part::Fields, line),
            Part::Fields if line == 0 => self.part = Part::Whole,
            Part::Fields | Part::Whole => {}
        }
    }

    /// Whether the request line has not ended.
    pub(super) fn is_in_request_line(&self) -> bool {
        self.part == Part::RequestLine
    }

    /// Whether this is no HTTP but TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.first == TLS_HANDSHAKE
    }

    /// Whether a target with a raw space may be why the request line cannot be read.
    pub(super) fn has_space_in_target(&self) -> bool {
        self.spaces > 2
    }

    /// Compares with what hyper made of it.
    pub(super) fn compare<B>(&self, parsed: &Request<B>) -> Seen {
        if self.bare_lf || has_unclear_length(parsed.headers()) {
            return Seen::Ambiguous;
        }
        let same_line = request_line(parsed).is_none_or(|length| length == self.request_line);
        match (self.part, self.fragment) {
            (Part::Whole, true) => Seen::Fragment,
            (Part::Whole, false) if same_line => Seen::Whole,
            _ => Seen::NotWhole,
        }
    }
}

/// Whether other readers could find another end of the body. For hyper any list that ends in `chunked` is good enough.
fn has_unclear_length(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => false,
        (Some(coding), None) => !coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => true,
    }
}

/// The length of a request line from what hyper made of it; nothing for a target that names a host.
fn request_line<B>(request: &Request<B>) -> Option<usize> {
    let (method, uri) = (request.method().as_str(), request.uri());
    let target = uri.path_and_query().filter(|_| uri.authority().is_none())?;
    Some(method.len() + " ".len() + target.as_str().len() + " HTTP/1.1".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &str, target: &str) -> Seen {
        let mut head = Head::default();
        // However the bytes are cut.
        bytes.as_bytes().iter().for_each(|&byte| head.read(&[byte]));
        head.compare(&Request::post(target).body(()).unwrap())
    }

    #[test]
    fn what_the_parser_hides_is_seen() {
        assert_eq!(seen("POST /a HTTP/1.1\r\nHost: x\r\n\r\n#\n", "/a"), Seen::Whole);
        assert_eq!(seen("POST /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "/a"), Seen::Fragment);
        assert_eq!(seen("POST /a HTTP/1.1\r\nX: #\r\n\r\n", "/a"), Seen::Whole);
        // The end of a head whose beginning came behind another request.
        for rest in ["b HTTP/1.1\r\nHost: x\r\n\r\n", " HTTP/1.1\r\n\r\n", "st: x\r\n\r\n", "x\r\n"] {
            assert_eq!(seen(rest, "/a"), Seen::NotWhole, "{rest:?}");
        }
        for bare in ["POST /a HTTP/1.1\nHost: x\r\n\r\n", "POST /a HTTP/1.1\r\nHost: x\n\n"] {
            assert_eq!(seen(bare, "/a"), Seen::Ambiguous, "{bare:?}");
        }
    }
}
