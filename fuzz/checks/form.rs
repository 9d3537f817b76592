//! A form, in a body and in a query, beside the reader of the URL standard and the sandbox's own.

use std::collections::BTreeSet;

use hyper::http::HeaderMap;
use percent_encoding::percent_decode;
use qfpay_sidecar::explain;
use qfpay_sidecar::sign::Canonical;
use url::form_urlencoded;

use super::{canonical, decode, decode_as, is_legal, is_signature};

/// The input is the form.
pub fn check(input: &[u8]) {
    let decoded = decode_as(None, input);
    assert_eq!(decoded.is_ok(), is_form(input), "{decoded:?}");
    if let Ok(query) = std::str::from_utf8(input) {
        let in_query = decode(Some(query), &HeaderMap::new(), b"").map(|decoded| decoded.params);
        assert!(in_query == decoded, "a query is read as a form is: {in_query:?}, {decoded:?}");
    }
    let Ok(params) = decoded else { return };

    // As every server reads it.
    let mut expected: Vec<_> = form_urlencoded::parse(input).collect();
    expected.retain(|(name, _)| !is_signature(name.as_bytes()));
    expected.sort();
    let seen: Vec<_> = params.iter().collect();
    assert!(expected.iter().map(|(name, value)| (&**name, &**value)).eq(seen), "the URL standard differs");
    let expected = canonical(expected.iter().map(|(name, value)| (&**name, &**value)));
    assert!(Canonical::of(&params).as_str() == expected);

    // As the sandbox reads it.
    match explain::pairs(input) {
        Ok(pairs) => assert!(explain::canonical(&pairs, &["sign", "sign_type"]) == expected),
        Err(explain::BadPairs::TooMany) => {}
        Err(explain::BadPairs::Repeated(name)) => assert!(is_signature(name.as_bytes())),
        Err(other) => panic!("the sandbox cannot read it: {other}"),
    }
}

/// Whether this is a form of legal parameters, each once, in UTF-8, and nothing else.
fn is_form(input: &[u8]) -> bool {
    // A boundary with a '=' in it would be a name.
    if input.trim_ascii_start().starts_with(b"--") && begins_a_part(input) {
        return false;
    }
    let mut names = BTreeSet::new();
    input.split(|&b| b == b'&').filter(|part| !part.is_empty()).all(|part| {
        let whole = part.split(|&b| b == b'%').skip(1).all(|escape| {
            let digits: Vec<_> = escape.iter().take(2).collect();
            digits.len() == 2 && digits.iter().all(|b| b.is_ascii_hexdigit())
        });
        let mut halves = part.splitn(2, |&b| b == b'=');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else { return false };
        let name: Vec<u8> = percent_decode(name).collect();
        let utf8 = percent_decode(value).decode_utf8().is_ok();
        let line_end = matches!(value.last(), Some(b'\r' | b'\n')) || holds_a_line(value);
        // A name with '+' is one with a space.
        whole && !line_end && utf8 && is_legal(&name) && (is_signature(&name) || names.insert(name))
    })
}

/// Whether one of the lines behind the first is `name=...`, as in a file of lines.
fn holds_a_line(value: &[u8]) -> bool {
    let lines = value.split(|b| b"\r\n".contains(b)).skip(1);
    lines.filter(|line| line.contains(&b'=')).any(|line| {
        let name = line.split(|&b| b == b'=').next().unwrap();
        is_legal(name.trim_ascii_start())
    })
}

/// Whether the header of a part stands near the beginning.
fn begins_a_part(input: &[u8]) -> bool {
    let beginning = input.trim_ascii_start();
    let beginning = &beginning[..beginning.len().min(512)];
    let line = beginning.split(|&b| b == b'\n').next().unwrap();
    let rest = String::from_utf8_lossy(&beginning[line.len()..]).to_lowercase();
    line.len() <= 74 && rest.contains("content-disposition: form-data")
}
