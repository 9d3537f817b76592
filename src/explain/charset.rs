//! Texts in character sets that programs take for the usual one.

use encoding_rs::{BIG5, Encoding, GBK};

use super::Fault;
use super::search::Search;

/// Tries the text in other character sets.
pub(super) fn try_all(search: &mut Search<'_>) {
    let right = search.right;
    let Ok(text) = std::str::from_utf8(right) else { return };
    if text.is_ascii() {
        return;
    }
    for (name, encoding) in [("GBK", GBK), ("Big5", BIG5)] {
        search.text(Fault::Charset(name), || encoded(text, encoding));
    }
    // Java's getBytes("ISO-8859-1") and PHP's utf8_decode write '?' for what the set lacks.
    search.text(Fault::Charset("ISO-8859-1"), || {
        text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect::<Vec<u8>>()
    });
    search.text(Fault::Charset("ASCII"), || {
        text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect::<String>()
    });
    search.text(Fault::Utf8Twice, || right.iter().map(|byte| char::from(*byte)).collect::<String>());
}

/// The text in this set; what the set lacks is `?`, as most libraries write it.
fn encoded(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    for c in text.chars() {
        let mut buffer = [0; 4];
        let (bytes, _, lacking) = encoding.encode(c.encode_utf8(&mut buffer));
        out.extend_from_slice(if lacking { b"?" } else { &bytes });
    }
    out
}
