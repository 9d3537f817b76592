//! A request's head, judged from its bytes before hyper sees any of them: hyper meets only heads that are whole, that can
//! be read in one way, and whose body's end is known.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Request, Status};
use hyper::Uri;

use super::{Limits, Refusal};

/// The first byte of a TLS record that opens a connection (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// How HTTP/2 with prior knowledge begins (RFC 9113 section 3.4).
const HTTP_2: &[u8] = b"PRI * HTTP/2";
/// The longest target that hyper takes, in bytes.
const LONGEST_TARGET: usize = 65_534;
/// The longest header name that hyper takes, in bytes.
const LONGEST_NAME: usize = 65_535;
/// The longest body that hyper takes, in bytes.
const LONGEST_BODY: u64 = u64::MAX - 2;
/// How requests begin that an HTTP library writes.
const METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"PUT ", b"DELETE ", b"HEAD ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE "];
/// For this many headers the parser needs no memory of its own.
const USUAL_HEADERS: usize = 128;

/// What bytes are, read as the beginning of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Right so far; more has to come.
    Incomplete,
    /// A whole head.
    Whole(Head),
    /// No head that is taken.
    Refused(Refusal),
}

/// A head that hyper may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its bytes, with empty lines before it and the one at its end.
    pub(super) length: usize,
    pub(super) body: BodyLength,
    /// The target holds a `#`: hyper's URI drops what stands behind it.
    pub(super) fragment: bool,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    /// After this many bytes.
    Known(u64),
    /// Where its last chunk says so.
    Chunked,
}

/// Whether a request has begun: empty lines before it are none (RFC 9112 section 2.2).
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
}

/// Whether what stands behind a request is the end of its own body, which was announced too short: it begins no other request,
/// and no line ends in it, as in text that somebody took for one.
pub(super) fn is_rest_of_body(bytes: &[u8]) -> bool {
    let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let line = &bytes[begin..];
    let may_begin = METHODS.iter().any(|method| method.starts_with(line) || line.starts_with(method));
    !may_begin && !line.contains(&b'\n')
}

/// Judges what has come since the last request.
pub(super) fn judge(bytes: &[u8], limits: &Limits) -> Judged {
    if bytes.first() == Some(&TLS_HANDSHAKE) {
        return Judged::Refused(Refusal::Tls);
    }
    if bytes.starts_with(HTTP_2) {
        return Judged::Refused(Refusal::Http2);
    }
    let (mut length, mut lines, mut ends) = (0, 0, false);
    for line in bytes.split_inclusive(|&byte| byte == b'\n').take_while(|line| line.ends_with(b"\n")) {
        // Some parsers end a line at a bare LF and some do not (RFC 9112 section 2.2 allows both).
        if !line.ends_with(b"\r\n") {
            return Judged::Refused(Refusal::BareLineFeed);
        }
        length += line.len();
        ends = line.len() == 2 && lines > 0;
        if ends {
            break;
        }
        lines += usize::from(line.len() > 2);
    }
    let too_large = if ends { length > limits.head_bytes } else { bytes.len() >= limits.head_bytes };
    if too_large {
        let in_request_line = lines == 0 && begins(bytes);
        return Judged::Refused(if in_request_line { Refusal::TargetTooLong } else { Refusal::HeadTooLarge });
    }
    match parsed(&bytes[..if ends { length } else { bytes.len() }], limits.headers) {
        Ok(Some(head)) if head.length == length => Judged::Whole(head),
        Ok(None) if !ends => Judged::Incomplete,
        // Two readers that find different ends.
        Ok(_) => Judged::Refused(Refusal::Malformed),
        Err(refusal) => Judged::Refused(refusal),
    }
}

/// The head by hyper's own parser; nothing when it is not whole.
fn parsed(bytes: &[u8], headers: usize) -> Result<Option<Head>, Refusal> {
    let mut usual = [const { MaybeUninit::uninit() }; USUAL_HEADERS];
    let mut many = Vec::new();
    let room: &mut [MaybeUninit<Header<'_>>] = if headers <= USUAL_HEADERS {
        &mut usual[..headers]
    } else {
        many.resize(headers, MaybeUninit::uninit());
        &mut many
    };
    let mut request = Request::new(&mut []);
    match ParserConfig::default().parse_request_with_uninit_headers(&mut request, bytes, room) {
        Ok(Status::Partial) => Ok(None),
        Ok(Status::Complete(length)) => {
            let method = request.method.unwrap_or_default().as_bytes();
            // The end of the body before it, which was announced too short: `0000POST`.
            if METHODS
                .iter()
                .any(|known| method.len() >= known.len() && method.ends_with(known.trim_ascii_end()))
            {
                return Err(Refusal::Overrun);
            }
            let target = request.path.unwrap_or_default();
            if target.len() > LONGEST_TARGET {
                return Err(Refusal::TargetTooLong);
            }
            // Most targets hold nothing that a URI could be refused for.
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'.' | b'-');
            let is_plain = target.starts_with('/') && target.bytes().all(plain);
            if !is_plain && Uri::try_from(target).is_err() {
                return Err(Refusal::Malformed);
            }
            let body = body_length(request.headers, request.version == Some(1))?;
            Ok(Some(Head { length, body, fragment: target.contains('#') }))
        }
        Err(httparse::Error::TooManyHeaders) => Err(Refusal::HeadTooLarge),
        Err(_) if has_space_in_target(bytes) => Err(Refusal::SpaceInTarget),
        Err(_) => Err(Refusal::Malformed),
    }
}

/// Whether a target with a raw space may be why the request line cannot be read.
fn has_space_in_target(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n'));
    let first = lines.find(|line| !line.is_empty()).unwrap_or_default();
    first.iter().filter(|&&byte| byte == b' ').count() > 2
}

/// Where the body ends, if every reader finds the same end (RFC 9112 section 6.3). hyper itself takes any list of codings
/// that ends in `chunked`.
fn body_length(headers: &[Header<'_>], http_1_1: bool) -> Result<BodyLength, Refusal> {
    let (mut length, mut chunked) = (None, false);
    for header in headers {
        if header.name.len() > LONGEST_NAME {
            return Err(Refusal::HeadTooLarge);
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !http_1_1 || !header.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::Malformed);
            }
            chunked = true;
        } else if header.name.eq_ignore_ascii_case("content-length") && !chunked {
            let announced = decimal(header.value).ok_or(Refusal::Malformed)?;
            if length.is_some_and(|length| length != announced) {
                return Err(Refusal::Malformed);
            }
            length = Some(announced);
        }
    }
    match length.unwrap_or(0) {
        _ if chunked => Ok(BodyLength::Chunked),
        length if length > LONGEST_BODY => Err(Refusal::HeadTooLarge),
        length => Ok(BodyLength::Known(length)),
    }
}

/// Digits and nothing else.
fn decimal(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        headers: 8,
        head_bytes: 8192,
        header_timeout: Duration::ZERO,
        idle_timeout: Duration::ZERO,
        grace_period: Duration::ZERO,
    };

    fn whole(text: &str) -> Option<Head> {
        match judge(text.as_bytes(), &LIMITS) {
            Judged::Whole(head) => Some(head),
            _ => None,
        }
    }

    #[test]
    fn a_head_ends_at_its_empty_line_and_not_before() {
        let head = "\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(judge(&head.as_bytes()[..end], &LIMITS), Judged::Incomplete, "{end}");
        }
        let expected = Head { length: head.len(), body: BodyLength::Known(3), fragment: false };
        for behind in ["", "abc", "abcGET / HTTP/1.1\r\n\r\n", "\n\n"] {
            assert_eq!(whole(&format!("{head}{behind}")), Some(expected), "{behind:?}");
        }
    }

    #[test]
    fn a_number_sign_in_the_target_is_seen_and_one_elsewhere_is_not() {
        assert!(whole("GET /a#b HTTP/1.1\r\n\r\n").is_some_and(|head| head.fragment));
        assert!(whole("GET /a HTTP/1.1\r\nX: #\r\n\r\n#").is_some_and(|head| !head.fragment));
    }

    #[test]
    fn what_has_two_ends_or_none_is_refused() {
        let refused = |text: &str| match judge(text.as_bytes(), &LIMITS) {
            Judged::Refused(refusal) => Some(refusal),
            _ => None,
        };
        let post = |line: &str| refused(&format!("POST /a HTTP/1.1\r\n{line}\r\n\r\n"));
        for line in ["Transfer-Encoding: gzip, chunked", "Content-Length: +7", "Content-Length:"] {
            assert_eq!(post(line), Some(Refusal::Malformed), "{line:?}");
        }
        assert_eq!(post("X: a\nY: b"), Some(Refusal::BareLineFeed));
        assert_eq!(refused("0000POST /a HTTP/1.1\r\n\r\n"), Some(Refusal::Overrun));
        assert_eq!(post("Content-Length: 7\r\nContent-Length: 8"), Some(Refusal::Malformed));
        assert_eq!(post("Content-Length: 18446744073709551615"), Some(Refusal::HeadTooLarge));
        assert_eq!(post(&"X: y\r\n".repeat(9)), Some(Refusal::HeadTooLarge));
        assert_eq!(post(&"y".repeat(9000)), Some(Refusal::HeadTooLarge));
        assert_eq!(refused(&"\r\n".repeat(5000)), Some(Refusal::HeadTooLarge));
        assert_eq!(refused(&format!("GET /{}", "a".repeat(9000))), Some(Refusal::TargetTooLong));
        assert_eq!(refused("GET /a b HTTP/1.1\r\n"), Some(Refusal::SpaceInTarget));
        assert_eq!(refused("\x16\x03"), Some(Refusal::Tls));
        assert_eq!(refused("PRI * HTTP/2.0\r\n"), Some(Refusal::Http2));
    }
}
