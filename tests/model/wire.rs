//! A request as bytes, in any of the spellings that a caller may choose.

use std::fmt;

use super::case::{APPS, Case, Named, Place, Value};

/// A request just before it is written.
#[derive(Clone)]
pub struct Wire {
    pub method: String,
    pub target: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub chunks: Option<Vec<usize>>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        write!(f, "{}", bytes[..bytes.len().min(2000)].escape_ascii())
    }
}

/// The value of the caller's `User-Agent`, which is passed on.
pub const USER_AGENT: &str = "shop/1.0 (model)";

/// Divides the parts of multipart bodies; no value holds it.
pub const BOUNDARY: &str = "----model7Zq0boundary1fX";

impl Wire {
    /// The case in its own spelling.
    pub fn of(case: &Case) -> Self {
        Self::with(case, &[])
    }

    /// The same with more parameters, already encoded for their place.
    pub fn with(case: &Case, more: &[Vec<u8>]) -> Self {
        let mut choose = Choices::of(&case.spelling);
        let mut pieces: Vec<_> =
            case.params.iter().map(|(n, v)| piece(case.place, n, v, &mut choose)).collect();
        if case.stale & 1 != 0 {
            // Also twice: what is left out cannot be repeated.
            let sign = Value::Text("0123456789abcdef0123456789abcdef".to_owned());
            pieces.insert(0, piece(case.place, "sign", &sign, &mut choose));
            pieces.push(piece(case.place, "sign_type", &Value::Text("SHA256".to_owned()), &mut choose));
            pieces.push(piece(case.place, "sign", &sign, &mut choose));
        }
        pieces.extend_from_slice(more);
        let mut wire = Self {
            method: case.endpoint.0.to_owned(),
            target: case.endpoint.1.into(),
            headers: headers(case, &mut choose),
            body: Vec::new(),
            chunks: None,
        };
        match case.place {
            Place::Query if pieces.is_empty() => {}
            Place::Query => {
                wire.target.push(b'?');
                wire.target.extend(form(&pieces, &mut choose));
            }
            Place::Form => wire.body = form(&pieces, &mut choose),
            Place::Json => wire.body = json(&pieces, &mut choose),
            Place::Multipart => {
                wire.body = pieces.concat();
                wire.body.extend(format!("--{BOUNDARY}--").as_bytes());
                wire.body.extend_from_slice([&b"\r\n"[..], b""][choose.below(2)]);
            }
        }
        wire.headers.extend(content_type(case.place, &mut choose));
        if wire.method != "GET" {
            wire.chunks = case.chunks.clone();
        }
        wire
    }

    /// The bytes to write.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.method.clone().into_bytes();
        bytes.push(b' ');
        bytes.extend(&self.target);
        bytes.extend(b" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            bytes.extend(name.as_bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        match &self.chunks {
            Some(sizes) => {
                bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                let (mut rest, mut sizes) = (&self.body[..], sizes.iter().cycle());
                while !rest.is_empty() {
                    let size = rest.len().min(*sizes.next().unwrap());
                    bytes.extend(format!("{size:x}\r\n").as_bytes());
                    bytes.extend(&rest[..size]);
                    bytes.extend(b"\r\n");
                    rest = &rest[size..];
                }
                bytes.extend(b"0\r\n\r\n");
            }
            None if self.method == "GET" && self.body.is_empty() => bytes.extend(b"\r\n"),
            None => {
                bytes.extend(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
                bytes.extend(&self.body);
            }
        }
        bytes
    }
}

/// Turns bytes of the generator into choices, over and over; without bytes always the first.
struct Choices<'a> {
    bytes: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl<'a> Choices<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter().cycle() }
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(*self.bytes.next().unwrap_or(&0)) % count
    }

    fn text<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

fn headers(case: &Case, choose: &mut Choices<'_>) -> Vec<(String, Vec<u8>)> {
    let mut headers = vec![
        (
            choose.text(&["Host", "host"]).to_owned(),
            choose.text(&["127.0.0.1", "localhost:80", "[::1]"]).into(),
        ),
        ("User-Agent".to_owned(), USER_AGENT.into()),
        ("Cookie".to_owned(), b"session=caller".to_vec()),
        ("Accept-Encoding".to_owned(), b"gzip".to_vec()),
    ];
    if case.named == Named::Header {
        let name = choose.text(&["X-QF-APPCODE", "x-qf-appcode", "X_QF_APPCODE"]);
        headers.push((name.to_owned(), APPS[case.app].app_code.into()));
    }
    if case.stale & 2 != 0 {
        headers.push((choose.text(&["X-QF-SIGN", "x-qf-sign", "X-QF_SIGN"]).to_owned(), b"STALE".to_vec()));
    }
    if case.stale & 4 != 0 {
        headers.push((choose.text(&["X-QF-SIGNTYPE", "X_QF_SIGNTYPE"]).to_owned(), b"SHA256".to_vec()));
    }
    if case.stale & 8 != 0 {
        headers.push(("Connection".to_owned(), b"keep-alive, X-QF-SIGN, X-QF-APPCODE".to_vec()));
    }
    headers
}

fn content_type(place: Place, choose: &mut Choices<'_>) -> Option<(String, Vec<u8>)> {
    let value = match place {
        Place::Query => return None,
        Place::Form => choose.text(&[
            "application/x-www-form-urlencoded",
            "",
            "application/x-www-form-urlencoded; charset=UTF-8",
            "Application/X-WWW-Form-Urlencoded;charset=\"utf-8\"",
        ]),
        Place::Json => {
            choose.text(&["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
        }
        Place::Multipart => {
            let value = choose.text(&["multipart/form-data; boundary=", "Multipart/Form-Data;boundary="]);
            return Some(("Content-Type".to_owned(), format!("{value}{BOUNDARY}").into()));
        }
    };
    (!value.is_empty()).then(|| (choose.text(&["Content-Type", "content-type"]).to_owned(), value.into()))
}

/// One parameter, encoded for its place.
fn piece(place: Place, name: &str, value: &Value, choose: &mut Choices<'_>) -> Vec<u8> {
    let (text, literal) = match value {
        Value::Text(text) => (text.as_str(), false),
        Value::Literal(text) => (*text, true),
        Value::Null => ("null", true),
    };
    match place {
        Place::Query | Place::Form => {
            let mut piece = escaped(name, place, choose);
            piece.push(b'=');
            piece.extend(escaped(text, place, choose));
            piece
        }
        Place::Json => {
            let space = choose.text(&["", " ", "\r\n\t"]);
            let value = if literal { text.to_owned() } else { quoted(text, choose) };
            format!("{}{space}:{space}{value}{space}", quoted(name, choose)).into_bytes()
        }
        Place::Multipart => {
            let name = match choose.below(3) {
                0 => format!("Content-Disposition: form-data; name=\"{name}\"\r\n"),
                1 => format!("content-disposition: form-data; name={name}\r\n"),
                _ => format!("Content-Disposition: form-data;name=\"{name}\"\r\n"),
            };
            let more = choose.text(&[
                "",
                "Content-Type: text/plain; charset=UTF-8\r\n",
                "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n",
            ]);
            format!("--{BOUNDARY}\r\n{name}{more}\r\n{text}\r\n").into_bytes()
        }
    }
}

/// Pieces joined, with empty parts here and there.
fn form(pieces: &[Vec<u8>], choose: &mut Choices<'_>) -> Vec<u8> {
    let mut form = pieces.join(&b'&');
    match choose.below(4) {
        1 => form.push(b'&'),
        2 if !form.is_empty() => form.splice(..0, *b"&&").for_each(drop),
        _ => {}
    }
    form
}

fn json(pieces: &[Vec<u8>], choose: &mut Choices<'_>) -> Vec<u8> {
    let space = choose.text(&["", " ", "\n  "]).as_bytes();
    let inner = pieces.join(&[b",", space].concat()[..]);
    [space, b"{", space, &inner, b"}", space].concat()
}

/// A text of a form. What has no meaning there may stand raw; in a query only what RFC 3986 allows.
fn escaped(text: &str, place: Place, choose: &mut Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    // Chosen for each value, as libraries do, and now and then for each byte.
    let style = choose.below(4);
    for &byte in text.as_bytes() {
        let unreserved = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let raw_in_query = unreserved || b"!$'()*,/:;=?@".contains(&byte);
        let raw = match place {
            Place::Query => raw_in_query,
            _ => !b"&%+".contains(&byte),
        };
        match (style, byte) {
            (0, b' ') => out.push(b'+'),
            (1, b' ') if place == Place::Form => out.push(b' '),
            (0 | 1, _) if unreserved => out.push(byte),
            (1, _) if raw => out.push(byte),
            (2, _) => out.extend(format!("%{byte:02x}").as_bytes()),
            (3, _) if raw && choose.below(2) == 0 => out.push(byte),
            _ => out.extend(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// A JSON text: raw, escaped by number in either case, or by the short escapes.
fn quoted(text: &str, choose: &mut Choices<'_>) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        let must = c == '"' || c == '\\' || c < ' ';
        let short = match c {
            '"' | '\\' | '/' => Some(c),
            '\n' => Some('n'),
            '\r' => Some('r'),
            '\t' => Some('t'),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            _ => None,
        };
        match (choose.below(4), short) {
            (0 | 1, _) if !must => out.push(c),
            (0 | 2, Some(short)) => out.extend(['\\', short]),
            (2, None) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04X}")),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}")),
        }
    }
    out + "\""
}
