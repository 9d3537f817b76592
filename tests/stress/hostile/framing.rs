//! Requests that could be read in two ways, or are none. Each row is sent at once, byte by byte, and with the caller's
//! end closed: refused with an answer, or forwarded once with a signature over exactly what was sent.

use std::net::Shutdown;

use crate::support::*;

/// What becomes of a row.
enum Fate {
    /// The first answer is the sidecar's own, with one of these codes; the upstream sees nothing.
    Refused(&'static [&'static str]),
    /// The upstream sees one request with these parameters; whatever follows on the connection is refused.
    Sent(&'static str),
    /// The upstream sees requests with these paths and parameters, and they are answered in this order.
    InOrder(Vec<(&'static str, &'static str)>),
}
use Fate::{InOrder, Refused, Sent};

const MALFORMED: Fate = Refused(&["head_malformed"]);

/// A POST with these lines, each with its line end, and all that follows the head.
fn post(lines: &str, rest: &str) -> Vec<u8> {
    format!("POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{rest}").into_bytes()
}

/// A head as it stands.
fn raw(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const BODY: &str = "7\r\ntxamt=1\r\n0\r\n\r\n";
const PAYMENT: &str = "/trade/v1/payment";
const REFUND: &str = "/trade/v1/refund";
/// A second request that would move money if it were taken for one.
const SMUGGLED: &str =
    "POST /trade/v1/refund HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\ntxamt=99";
/// The same where it is one: behind a request whose end every reader finds.
const BEHIND: &str = SMUGGLED;

fn lengths() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let chunked = |line: &str| post(line, BODY);
    let length = |line: &str| post(line, "txamt=1");
    vec![
        (
            "length, then chunked",
            chunked("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n"),
            Sent("txamt=1"),
        ),
        (
            "chunked, then length",
            chunked("Transfer-Encoding: chunked\r\nContent-Length: 7\r\n"),
            Sent("txamt=1"),
        ),
        (
            "chunked, then a nonsense length",
            chunked("Transfer-Encoding: chunked\r\nContent-Length: x\r\n"),
            Sent("txamt=1"),
        ),
        (
            "length, chunked, and a request behind",
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("{BODY}{SMUGGLED}")),
            Sent("txamt=1"),
        ),
        (
            "chunked that ends at once, and a request behind",
            post(&format!("{CHUNKED}Content-Length: 90\r\n"), &format!("0\r\n\r\n{SMUGGLED}")),
            Refused(&["parameter_missing"]),
        ),
        ("chunked twice", chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), MALFORMED),
        (
            "identity, then chunked",
            chunked("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
            MALFORMED,
        ),
        (
            "chunked, then identity",
            chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            MALFORMED,
        ),
        ("xchunked", chunked("Transfer-Encoding: xchunked\r\n"), MALFORMED),
        ("chunked, identity", chunked("Transfer-Encoding: chunked, identity\r\n"), MALFORMED),
        ("chunked, chunked", chunked("Transfer-Encoding: chunked, chunked\r\n"), MALFORMED),
        ("gzip, chunked", chunked("Transfer-Encoding: gzip, chunked\r\n"), MALFORMED),
        ("a comma before chunked", chunked("Transfer-Encoding: ,chunked\r\n"), MALFORMED),
        ("quoted chunked", chunked("Transfer-Encoding: \"chunked\"\r\n"), MALFORMED),
        ("chunked with a parameter", chunked("Transfer-Encoding: chunked;a=b\r\n"), MALFORMED),
        ("no coding", chunked("Transfer-Encoding: \r\n"), MALFORMED),
        ("chunked behind spaces and a tab", chunked("Transfer-Encoding:  \t chunked \r\n"), Sent("txamt=1")),
        ("Chunked in other letters", chunked("tRANSFER-eNCODING: ChunKed\r\n"), Sent("txamt=1")),
        ("chunked behind a vertical tab", chunked("Transfer-Encoding: \u{b}chunked\r\n"), MALFORMED),
        ("a space before the colon of a coding", chunked("Transfer-Encoding : chunked\r\n"), MALFORMED),
        ("a coding behind a fold", chunked("X: y\r\n Transfer-Encoding: chunked\r\n"), MALFORMED),
        ("a coding on a folded line", chunked("Transfer-Encoding:\r\n chunked\r\n"), MALFORMED),
        (
            "an underscore in the coding's name",
            length("Transfer_Encoding: chunked\r\nContent-Length: 7\r\n"),
            Sent("txamt=1"),
        ),
        (
            "chunked in HTTP/1.0",
            raw(&format!("POST /trade/v1/payment HTTP/1.0\r\nHost: localhost\r\n{CHUNKED}\r\n{BODY}")),
            MALFORMED,
        ),
        ("the same length twice", length("Content-Length: 7\r\nContent-Length: 7\r\n"), Sent("txamt=1")),
        ("two lengths", length("Content-Length: 7\r\nContent-Length: 8\r\n"), MALFORMED),
        ("no length, then one", length("Content-Length: 0\r\nContent-Length: 7\r\n"), MALFORMED),
        ("a list of lengths", length("Content-Length: 7, 7\r\n"), MALFORMED),
        ("a plus", length("Content-Length: +7\r\n"), MALFORMED),
        ("a minus", length("Content-Length: -7\r\n"), MALFORMED),
        ("hex", length("Content-Length: 0x7\r\n"), MALFORMED),
        ("a fraction", length("Content-Length: 7.0\r\n"), MALFORMED),
        ("an exponent", length("Content-Length: 7e0\r\n"), MALFORMED),
        ("an empty length", length("Content-Length: \r\n"), MALFORMED),
        ("a space inside", length("Content-Length: 0 7\r\n"), MALFORMED),
        ("spaces around", length("Content-Length: \t 7 \t\r\n"), Sent("txamt=1")),
        ("zeros in front", length("Content-Length: 007\r\n"), Sent("txamt=1")),
        ("a space before the colon", length("Content-Length : 7\r\n"), MALFORMED),
        ("a length above all bounds", length("Content-Length: 18446744073709551616\r\n"), MALFORMED),
        (
            "the largest length",
            length("Content-Length: 18446744073709551615\r\n"),
            Refused(&["head_too_large"]),
        ),
        ("a length above the bound", length("Content-Length: 104857600\r\n"), Refused(&["body_too_large"])),
        (
            "a length too long for its body",
            length("Content-Length: 8\r\n"),
            Refused(&["body_incomplete", "body_too_slow"]),
        ),
        (
            "a request behind the length",
            post("Content-Length: 7\r\n", &format!("txamt=1{BEHIND}")),
            InOrder(vec![(PAYMENT, "txamt=1"), (REFUND, "txamt=99")]),
        ),
        (
            "a request without a length, and one behind",
            raw(&format!("POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\n\r\n{BEHIND}")),
            InOrder(vec![("/trade/v1/query", ""), (REFUND, "txamt=99")]),
        ),
    ]
}

fn lines() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let with = |line: &str| post(&format!("{line}Content-Length: 7\r\n"), "txamt=1");
    let first = |line: &str| raw(&format!("{line}\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ntxamt=1"));
    vec![
        (
            "lines that end in LF",
            raw("POST /trade/v1/payment HTTP/1.1\nHost: localhost\nContent-Length: 7\n\ntxamt=1"),
            MALFORMED,
        ),
        ("one line that ends in LF", with("X: a\n"), MALFORMED),
        (
            "a first line that ends in LF",
            raw("POST /trade/v1/payment HTTP/1.1\nHost: localhost\r\nContent-Length: 7\r\n\r\ntxamt=1"),
            MALFORMED,
        ),
        (
            "an empty line of LF",
            raw("POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\ntxamt=1"),
            MALFORMED,
        ),
        ("LF CR", with("X: a\n\r"), MALFORMED),
        ("a folded value", with("X: a\r\n b\r\n"), MALFORMED),
        ("a folded value by a tab", with("X: a\r\n\tb\r\n"), MALFORMED),
        (
            "a fold in the first header",
            raw("GET /trade/v1/query HTTP/1.1\r\n Host: localhost\r\n\r\n"),
            MALFORMED,
        ),
        ("a bare CR in a value", with("X: a\rb\r\n"), MALFORMED),
        ("a bare CR at the end of a line", with("X: a\rY: b\r\n"), MALFORMED),
        ("CR CR LF", with("X: a\r\r\n"), MALFORMED),
        ("NUL in a value", with("X: a\0b\r\n"), MALFORMED),
        ("NUL in a name", with("X\0: a\r\n"), MALFORMED),
        ("a control character in a value", with("X: a\u{1}b\r\n"), MALFORMED),
        ("DEL in a value", with("X: a\u{7f}b\r\n"), MALFORMED),
        ("a control character in a name", with("X\u{1}Y: a\r\n"), MALFORMED),
        ("a space in a name", with("X Y: a\r\n"), MALFORMED),
        ("a tab before the colon", with("X\t: a\r\n"), MALFORMED),
        ("an empty name", with(": a\r\n"), MALFORMED),
        ("no colon", with("X\r\n"), MALFORMED),
        ("a name beyond ASCII", with("X\u{e4}: a\r\n"), MALFORMED),
        ("brackets in a name", with("X[1]: a\r\n"), MALFORMED),
        ("a value beyond ASCII", with("X: \u{6e2f}\r\n"), Sent("txamt=1")),
        (
            "a foreign signature by the caller",
            with("X-QF-SIGN: 0\r\nX_QF_SIGN: 0\r\nX-QF-SIGN: 1\r\n"),
            Sent("txamt=1"),
        ),
        (
            "no Host",
            raw("POST /trade/v1/payment HTTP/1.1\r\nContent-Length: 7\r\n\r\ntxamt=1"),
            Refused(&["host_refused"]),
        ),
        ("two Hosts", with("Host: localhost\r\n"), Refused(&["host_refused"])),
        ("NUL in the target", first("POST /trade/v1/payment\0 HTTP/1.1"), MALFORMED),
        ("a tab in the target", first("POST /trade/v1/\tpayment HTTP/1.1"), MALFORMED),
        ("a control character in the target", first("POST /trade/v1/payment\u{1} HTTP/1.1"), MALFORMED),
        ("a space in the target", first("POST /trade/v1/pay ment HTTP/1.1"), MALFORMED),
        ("two spaces in the first line", first("POST  /trade/v1/payment HTTP/1.1"), MALFORMED),
        ("a space in front", first(" POST /trade/v1/payment HTTP/1.1"), MALFORMED),
        ("a space behind the version", first("POST /trade/v1/payment HTTP/1.1 "), MALFORMED),
        ("no target", first("POST HTTP/1.1"), MALFORMED),
        ("no version", first("POST /trade/v1/payment"), MALFORMED),
        ("HTTP/0.9", raw("GET /trade/v1/query?syssn=1\r\n"), Refused(&["head_malformed", "head_too_slow"])),
        ("HTTP/1.2", first("POST /trade/v1/payment HTTP/1.2"), MALFORMED),
        ("HTTP/2.0 in the first line", first("POST /trade/v1/payment HTTP/2.0"), MALFORMED),
        ("http/1.1 in small letters", first("POST /trade/v1/payment http/1.1"), MALFORMED),
        ("HTTP/1.10", first("POST /trade/v1/payment HTTP/1.10"), MALFORMED),
        (
            "a method in small letters",
            first("post /trade/v1/payment HTTP/1.1"),
            Refused(&["method_not_allowed"]),
        ),
        ("an unknown method", first("PAY /trade/v1/payment HTTP/1.1"), Refused(&["method_not_allowed"])),
        ("a method with a slash", first("PO/ST /trade/v1/payment HTTP/1.1"), MALFORMED),
        (
            "empty lines in front",
            raw(
                "\r\n\r\nPOST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ntxamt=1",
            ),
            Sent("txamt=1"),
        ),
    ]
}

fn forms() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let to = |method: &str, target: &str, host: &str| {
        raw(&format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 7\r\n\r\ntxamt=1"))
    };
    let with = |line: &str| post(&format!("{line}Content-Length: 7\r\n"), "txamt=1");
    vec![
        (
            "absolute-form, own host",
            to("POST", "http://localhost/trade/v1/payment", "localhost"),
            Refused(&["target_refused"]),
        ),
        (
            "absolute-form, other host",
            to("POST", "http://evil.test/trade/v1/payment", "localhost"),
            Refused(&["target_refused"]),
        ),
        (
            "absolute-form, https",
            to("POST", "https://localhost/trade/v1/payment", "localhost"),
            Refused(&["target_refused"]),
        ),
        (
            "absolute-form, another scheme",
            to("POST", "gopher://localhost/trade/v1/payment", "localhost"),
            Refused(&["target_refused"]),
        ),
        ("authority-form", to("POST", "localhost:443", "localhost"), Refused(&["target_refused"])),
        ("asterisk-form", to("OPTIONS", "*", "localhost"), Refused(&["target_refused"])),
        ("asterisk-form by POST", to("POST", "*", "localhost"), Refused(&["target_refused"])),
        ("CONNECT", to("CONNECT", "openapi-hk.qfapi.com:443", "localhost"), Refused(&["target_refused"])),
        (
            "CONNECT to a path",
            to("CONNECT", "/trade/v1/payment", "localhost"),
            Refused(&["target_refused", "method_not_allowed"]),
        ),
        ("a fragment", to("POST", "/trade/v1/payment#a", "localhost"), Refused(&["target_refused"])),
        ("a user in Host", to("POST", "/trade/v1/payment", "a@localhost"), Refused(&["host_refused"])),
        (
            "websocket",
            with(
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
            ),
            Sent("txamt=1"),
        ),
        (
            "h2c",
            with(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            ),
            Sent("txamt=1"),
        ),
        (
            "h2c, and a request behind",
            post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 7\r\n", &format!("txamt=1{BEHIND}")),
            InOrder(vec![(PAYMENT, "txamt=1"), (REFUND, "txamt=99")]),
        ),
        ("the HTTP/2 preface", raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"), MALFORMED),
        ("TLS", b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03tls-client-hello\r\n".to_vec(), MALFORMED),
        ("SSH", raw("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), MALFORMED),
        ("a bare LF flood and SMTP", raw("\n\nEHLO localhost\r\nMAIL FROM:<a@b>\r\n"), MALFORMED),
        ("Redis", raw("*1\r\n$4\r\nPING\r\n"), MALFORMED),
        (
            "HTTP/1.0",
            raw("POST /trade/v1/payment HTTP/1.0\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ntxamt=1"),
            Sent("txamt=1"),
        ),
        (
            "HTTP/1.0, kept alive",
            raw(
                "POST /trade/v1/payment HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 7\r\n\r\ntxamt=1",
            ),
            Sent("txamt=1"),
        ),
        (
            "HTTP/1.0 without Host",
            raw("POST /trade/v1/payment HTTP/1.0\r\nContent-Length: 7\r\n\r\ntxamt=1"),
            Refused(&["host_refused"]),
        ),
        (
            "GET with a body",
            raw("GET /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1"),
            Refused(&["body_on_get"]),
        ),
        (
            "GET with a request for a body",
            raw(&format!(
                "GET /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{SMUGGLED}",
                SMUGGLED.len()
            )),
            Refused(&["body_on_get"]),
        ),
        ("an expectation that nobody knows", with("Expect: nonsense\r\n"), Sent("txamt=1")),
        ("100-continue without waiting", with("Expect: 100-continue\r\n"), Sent("txamt=1")),
        (
            "100-continue with a body too large",
            post("Expect: 100-continue\r\nContent-Length: 104857600\r\n", ""),
            Refused(&["body_too_large"]),
        ),
        (
            "two requests",
            post(
                "Content-Length: 7\r\n",
                &format!("txamt=1{}", String::from_utf8(post("Content-Length: 7\r\n", "txamt=2")).unwrap()),
            ),
            InOrder(vec![(PAYMENT, "txamt=1"), (PAYMENT, "txamt=2")]),
        ),
        (
            "a hundred requests",
            String::from_utf8(post("Content-Length: 7\r\n", "txamt=1")).unwrap().repeat(100).into_bytes(),
            InOrder(vec![(PAYMENT, "txamt=1"); 100]),
        ),
        (
            "a request, and garbage behind",
            post("Content-Length: 7\r\n", "txamt=1\u{1}\u{2}\r\n\r\n"),
            Sent("txamt=1"),
        ),
    ]
}

fn chunks() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let body = |body: &str| post(CHUNKED, body);
    const BROKEN: Fate = Refused(&["body_incomplete"]);
    vec![
        ("a chunk", body(BODY), Sent("txamt=1")),
        ("a short extension", body("7;a=b\r\ntxamt=1\r\n0;c\r\n\r\n"), Sent("txamt=1")),
        (
            "an extension of 10 MB",
            body(&format!("7;{}\r\ntxamt=1\r\n0\r\n\r\n", "a".repeat(10 << 20))),
            BROKEN,
        ),
        (
            "many extensions of some size",
            body(&format!("{}0\r\n\r\n", format!("1;{}\r\n&\r\n", "a".repeat(2000)).repeat(1000))),
            BROKEN,
        ),
        ("a bare LF in an extension", body("7;a\nb\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("a size of 2 to the 64", body("10000000000000000\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        (
            "a size above the bound",
            body("ffffffff\r\ntxamt=1\r\n"),
            Refused(&["body_too_large", "body_incomplete", "body_too_slow"]),
        ),
        ("a minus in a size", body("-7\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("0x before a size", body("0x7\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("a letter that is no digit", body("g\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("an empty size", body("\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("a space before a size", body(" 7\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("a size with bare LF", body("7\ntxamt=1\n0\n\n"), BROKEN),
        ("a chunk longer than its size", body("6\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("a chunk shorter than its size", body("8\r\ntxamt=1\r\n0\r\n\r\n"), BROKEN),
        ("no last chunk", body("7\r\ntxamt=1\r\n"), Refused(&["body_incomplete", "body_too_slow"])),
        ("trailers", body("7\r\ntxamt=1\r\n0\r\nX-Note: a\r\n\r\n"), Sent("txamt=1")),
        (
            "trailers that sign and frame",
            body(
                "7\r\ntxamt=1\r\n0\r\nX-QF-SIGN: 0\r\nContent-Length: 99\r\nHost: evil.test\r\nX-QF-APPCODE: evil\r\n\r\n",
            ),
            Sent("txamt=1"),
        ),
        (
            "a thousand trailers",
            body(&format!("7\r\ntxamt=1\r\n0\r\n{}\r\n", "X: y\r\n".repeat(1000))),
            BROKEN,
        ),
        ("endless trailers", body(&format!("7\r\ntxamt=1\r\n0\r\nX: {}", "y".repeat(1 << 20))), BROKEN),
        ("trailers that are no headers", body("7\r\ntxamt=1\r\n0\r\nno header\r\n\r\n"), BROKEN),
        ("a request behind the last chunk", body(&format!("{BODY}{SMUGGLED}")), Sent("txamt=1")),
        ("a request in place of a trailer", body(&format!("7\r\ntxamt=1\r\n0\r\n{SMUGGLED}")), BROKEN),
        ("small chunks", body("1\r\nt\r\n1\r\nx\r\n5\r\namt=1\r\n0\r\n\r\n"), Sent("txamt=1")),
        ("zeros in front of a size", body("0000000007\r\ntxamt=1\r\n000\r\n\r\n"), Sent("txamt=1")),
    ]
}

/// How the bytes leave.
#[derive(Clone, Copy, Debug)]
enum Sending {
    /// And the caller waits.
    AtOnce,
    /// And the caller closes its end.
    ThenEnd,
    /// One by one, and the caller closes its end.
    ByteByByte,
}

/// Sends a row and reads what comes: all answers when the caller has closed its end, else as many as `expected`.
fn answers(stage: &Stage, bytes: &[u8], sending: Sending, expected: usize) -> Vec<Answer> {
    let mut connection = stage.sidecar.connect();
    connection.0.set_nodelay(true).unwrap();
    match sending {
        Sending::ByteByByte => bytes.iter().for_each(|byte| connection.write([*byte])),
        Sending::AtOnce | Sending::ThenEnd => connection.write(bytes),
    }
    if !matches!(sending, Sending::AtOnce) {
        let _ = connection.0.shutdown(Shutdown::Write); // it may be closed already
    }
    let mut answers = Vec::new();
    while let Some(answer) = connection.try_read() {
        let interim = answer.status == 100;
        if !interim {
            answers.push(stage.sidecar.seen(answer));
        }
        if answers.len() == expected && matches!(sending, Sending::AtOnce) {
            break;
        }
    }
    answers
}

fn check(stage: &Stage, name: &str, bytes: &[u8], fate: &Fate, sending: Sending) {
    let shown = format!("{name}, {sending:?}");
    let expected = if let InOrder(requests) = fate { requests.len() } else { 1 };
    let answers = answers(stage, bytes, sending, expected);
    let first = answers.first().unwrap_or_else(|| panic!("{shown}: closed without an answer"));
    let further = match fate {
        Refused(codes) => {
            let code = first.header("X-Sidecar-Error").unwrap_or_else(|| panic!("{shown}: {}", first.text()));
            assert!(codes.contains(&code), "{shown}: {code}");
            assert_eq!(first.header("X-Sidecar-Delivery"), Some("not_sent"), "{shown}");
            assert_eq!(first.json()["error"]["code"], code, "{shown}");
            assert_eq!(stage.upstream.requests().len(), 0, "{shown}: the upstream saw something");
            &answers[1..]
        }
        Sent(form) => {
            assert_eq!((first.status, first.is_failure()), (200, false), "{shown}: {}", first.text());
            assert_eq!(stage.only_request().params(), decode(form.as_bytes()), "{shown}");
            assert_eq!(stage.only_request().path(), "/trade/v1/payment", "{shown}");
            &answers[1..]
        }
        InOrder(expected) => {
            let seen: Vec<_> = stage.upstream.requests();
            assert_eq!(seen.len(), expected.len(), "{shown}: requests at the upstream");
            for ((path, form), request) in expected.iter().zip(&seen) {
                assert_eq!((request.path(), request.params()), (*path, decode(form.as_bytes())), "{shown}");
            }
            assert!(answers[..expected.len()].iter().all(|answer| answer.status == 200), "{shown}");
            &answers[expected.len()..]
        }
    };
    for answer in further {
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"), "{shown}: {}", answer.text());
    }
    stage.upstream.forget();
    // The next caller finds everything as it should be.
    let next = stage.sidecar.raw(post("Content-Length: 7\r\n", "txamt=7"));
    assert_eq!((next.status, next.is_failure()), (200, false), "{shown}");
    assert_eq!(stage.only_request().params(), decode(b"txamt=7"), "{shown}");
    stage.upstream.forget();
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_or_sent_once_as_signed() {
    let patient = Stage::new(&["log.level=info"]);
    let impatient =
        Stage::new(&["limits.header_timeout_ms=1000", "limits.body_timeout_ms=1000", "log.level=info"]);
    let (mut rows, mut cases) = (0, 0);
    for (name, bytes, fate) in [lengths(), lines(), forms(), chunks()].into_iter().flatten() {
        rows += 1;
        for sending in [Sending::AtOnce, Sending::ThenEnd, Sending::ByteByByte] {
            if bytes.len() > 2000 && matches!(sending, Sending::ByteByByte) {
                continue;
            }
            // Where the caller only waits, a bound has to end it; bytes one by one may take their time.
            let stage = if matches!(sending, Sending::AtOnce) { &impatient } else { &patient };
            check(stage, name, &bytes, &fate, sending);
            cases += 1;
        }
    }
    println!("hostile framing: {rows} rows, {cases} cases");
}
