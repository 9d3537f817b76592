//! How a parameter may be written in its place: raw, escaped, quoted, as libraries and people do.

use super::case::{Place, Value};

/// Divides the parts of multipart bodies; no value holds it.
pub const BOUNDARY: &str = "----model7Zq0boundary1fX";

/// Turns bytes of the generator into choices, over and over; without bytes always the first.
pub struct Choices<'a> {
    bytes: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl<'a> Choices<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter().cycle() }
    }

    pub fn below(&mut self, count: usize) -> usize {
        usize::from(*self.bytes.next().unwrap_or(&0)) % count
    }

    pub fn text<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// One parameter, encoded for its place.
pub fn piece(place: Place, name: &str, value: &Value, choose: &mut Choices<'_>) -> Vec<u8> {
    let (text, literal) = match value {
        Value::Text(text) => (text.as_str(), false),
        Value::Literal(text) => (*text, true),
        Value::Null => ("null", true),
    };
    match place {
        Place::Query | Place::Form => {
            let mut piece = escaped(name, place, choose);
            piece.push(b'=');
            let value = escaped(text, place, choose);
            // At its end a raw line end is refused, and before what may be another parameter.
            let is_refused = value.contains(&b'=') || matches!(value.last(), Some(b'\r' | b'\n'));
            for byte in value {
                match byte {
                    b'\r' if is_refused => piece.extend(b"%0D"),
                    b'\n' if is_refused => piece.extend(b"%0A"),
                    other => piece.push(other),
                }
            }
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
            let labels = [
                "",
                "Content-Type: text/plain; charset=UTF-8\r\n",
                "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n",
                // Apache's default, whatever the text; ASCII is the same in it.
                "Content-Type: text/plain; charset=ISO-8859-1\r\n",
                "Content-Type: text/plain;charset=\"Big5\"\r\n",
            ];
            let more = choose.text(if text.is_ascii() { &labels } else { &labels[..3] });
            format!("--{BOUNDARY}\r\n{name}{more}\r\n{text}\r\n").into_bytes()
        }
    }
}

/// Pieces joined, with empty parts here and there.
pub fn form(pieces: &[Vec<u8>], choose: &mut Choices<'_>) -> Vec<u8> {
    let mut form = pieces.join(&b'&');
    match choose.below(4) {
        1 => form.push(b'&'),
        2 if !form.is_empty() => form.splice(..0, *b"&&").for_each(drop),
        _ => {}
    }
    form
}

pub fn json(pieces: &[Vec<u8>], choose: &mut Choices<'_>) -> Vec<u8> {
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
