//! A multipart body beside what it was built from, and beside a reader of a few lines.

use qfpay_sidecar::sign::{ParamError, Params};

use super::{decode_as, pieces, same};

const CONTENT_TYPE: &str = "multipart/form-data; boundary=XX";

/// What callers write into a part beside its name: PHP nothing, Java a type and an encoding, Node a charset.
const EXTRA: [&str; 6] = [
    "",
    "Content-Type: text/plain; charset=UTF-8\r\n",
    "Content-Type: text/plain;charset=us-ascii\r\nContent-Transfer-Encoding: 8bit\r\n",
    "content-transfer-encoding: binary\r\n",
    "Content-Type: application/octet-stream\r\n",
    "X-Other: 1\r\n",
];

/// A first byte of 0xfe: names and values follow, from which a body is built. Otherwise the input is the body.
pub fn check(input: &[u8]) {
    match input.strip_prefix(b"\xfe") {
        Some(input) => built(input),
        None => raw(input),
    }
}

fn built(input: &[u8]) {
    let mut pieces = pieces(input);
    let (mut body, mut expected) = (Vec::new(), Ok(Params::new()));
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        // Quoting has no agreed rule for these, and a boundary must not stand in a value.
        if name.iter().any(|b| matches!(b, b'"' | b'\\' | b'\r' | b'\n')) || holds(value, b"--XX") {
            return;
        }
        let extra = EXTRA[value.len() % EXTRA.len()];
        body.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"");
        body.extend_from_slice(name);
        body.extend_from_slice(format!("\"\r\n{extra}\r\n").as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
        // Bytes beyond ASCII under a label that has none.
        let lacking = extra.contains("us-ascii") && !value.is_ascii();
        let line_end = matches!(value.last(), Some(b'\r' | b'\n'));
        expected = expected.and_then(|mut params| match lacking || line_end {
            true => Err(ParamError::NotUtf8(String::new())),
            false => params.push(name, value).map(|()| params),
        });
    }
    body.extend_from_slice(b"--XX--\r\n");
    match (decode_as(Some(CONTENT_TYPE), &body), expected) {
        (Ok(seen), Ok(expected)) => same(&seen, &expected),
        (Err(_), Err(_)) => {}
        // A header line with a control character cannot be read; no name with one is legal either.
        (seen, expected) => panic!("seen {seen:?}, expected {expected:?}"),
    }
}

fn raw(body: &[u8]) {
    if body.is_empty() {
        return;
    }
    let Ok(params) = decode_as(Some(CONTENT_TYPE), body) else { return };
    // A part may name the charset of its text, which is converted then; ASCII stays what it is.
    let labelled = holds(&body.to_ascii_lowercase(), b"charset");
    for (name, value) in params.iter() {
        let converted = labelled && !value.is_ascii();
        let stands = holds(body, name.as_bytes()) && (converted || holds(body, value.as_bytes()));
        assert!(stands, "{name} is not in the body");
    }
    if let Some(expected) = read(body) {
        same(&params, &expected);
    }
}

/// The plainest form of RFC 7578, and nothing where a body is written in another way.
fn read(body: &[u8]) -> Option<Params> {
    let mut rest = body.strip_prefix(b"--XX")?;
    let mut params = Params::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let part = part.strip_prefix(b"Content-Disposition: form-data; name=\"")?;
        let name = &part[..find(part, b"\"\r\n\r\n")?];
        let value = &part[name.len() + 5..];
        let end = find(value, b"\r\n--XX")?;
        params.push(name, &value[..end]).ok()?;
        rest = &value[end + 6..];
    }
    rest.starts_with(b"--\r\n").then_some(params)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || find(text, part).is_some()
}
