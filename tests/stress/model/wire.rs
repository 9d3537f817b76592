//! A request as bytes: head, target and body, in any of the forms that a caller may choose.

use std::fmt;

use super::case::{APPS, Case, Named, Place, Value};
use super::spelling::{BOUNDARY, Choices, form, json, piece};

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
        wire.headers.extend(content_type(case, &mut choose));
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

fn content_type(case: &Case, choose: &mut Choices<'_>) -> Option<(String, Vec<u8>)> {
    let ascii = case.params.iter().all(|(_, value)| matches!(value, Value::Text(text) if text.is_ascii()));
    let value = match case.place {
        Place::Query => return None,
        // ASCII is the same in these.
        Place::Form if ascii && choose.below(2) == 1 => choose.text(&[
            "application/x-www-form-urlencoded; charset=ISO-8859-1",
            "application/x-www-form-urlencoded;charset=GBK",
            "application/x-www-form-urlencoded; charset=\"Shift_JIS\"",
        ]),
        Place::Form => choose.text(&[
            "application/x-www-form-urlencoded",
            "",
            "application/x-www-form-urlencoded; charset=UTF-8",
            "Application/X-WWW-Form-Urlencoded;charset=\"utf-8\"",
        ]),
        Place::Json => choose.text(&[
            "application/json",
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/json; charset=ISO-8859-1",
        ]),
        Place::Multipart => {
            let value = choose.text(&["multipart/form-data; boundary=", "Multipart/Form-Data;boundary="]);
            return Some(("Content-Type".to_owned(), format!("{value}{BOUNDARY}").into()));
        }
    };
    (!value.is_empty()).then(|| (choose.text(&["Content-Type", "content-type"]).to_owned(), value.into()))
}
