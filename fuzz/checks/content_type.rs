//! How a body is to be read: the choice by media type, charset and encoding.

use hyper::http::HeaderMap;
use hyper::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

use percent_encoding::percent_decode;

use super::{decode, decode_as};

/// The first line is the Content-Type, the second the Content-Encoding, each left out when empty; then the body.
pub fn check(input: &[u8]) {
    let mut lines = input.splitn(3, |&b| b == b'\n');
    let (media_type, encoding) = (lines.next().unwrap_or(b""), lines.next().unwrap_or(b""));
    let body = lines.next().unwrap_or(b"");
    let mut headers = HeaderMap::new();
    for (name, value) in [(CONTENT_TYPE, media_type), (CONTENT_ENCODING, encoding)] {
        if !value.is_empty() {
            let Ok(value) = HeaderValue::from_bytes(value) else { return };
            headers.insert(name, value);
        }
    }
    let decoded = decode(None, &headers, body).map(|decoded| decoded.params);
    // Without a body there is nothing to read, whatever the headers say about it.
    if body.is_empty() {
        return assert!(decoded.unwrap().names().next().is_none());
    }
    let Ok(params) = decoded else { return };

    let changes_nothing = [
        "",
        "identity",
        "utf-8",
        "utf8",
        "unicode-1-1-utf-8",
        "unicode11utf8",
        "unicode20utf8",
        "x-unicode20utf8",
    ];
    let encoding = encoding.to_ascii_lowercase();
    let encoding = String::from_utf8(encoding).expect("it was read");
    let encoding = encoding.trim_matches([' ', '\t', '"', '\'']);
    assert!(changes_nothing.contains(&encoding), "an encoding was ignored");
    let media_type = String::from_utf8(media_type.to_ascii_lowercase()).expect("it was read");
    // What is no UTF-8 is converted; ASCII is the same in every charset that is taken.
    let converted = charsets(&media_type).any(|charset| !charset.starts_with("utf"));
    let refused = ["utf-16", "utf-7", "utf-32", "iso-2022", "x-user-defined"];
    let plain = match media_type.split(';').next().unwrap().trim() {
        "" | "application/x-www-form-urlencoded" => "application/x-www-form-urlencoded",
        "application/json" => "application/json",
        "multipart/form-data" => return,
        other => panic!("{other} was read"),
    };
    if plain != "application/json" {
        assert!(!charsets(&media_type).any(|charset| refused.iter().any(|name| charset.starts_with(name))));
        if converted && !percent_decode(body).all(|b| b.is_ascii()) {
            return;
        }
    }
    assert!(decode_as(Some(plain), body) == Ok(params), "read as something else than {plain}");
}

/// The charset parameters of a media type in lower case.
fn charsets(media_type: &str) -> impl Iterator<Item = &str> {
    let named =
        media_type.split(';').skip(1).filter_map(|attribute| attribute.trim().strip_prefix("charset"));
    named
        .filter_map(|rest| rest.trim_start().strip_prefix('='))
        .map(|value| value.trim_start_matches([' ', '\t', '"', '\'']))
}
