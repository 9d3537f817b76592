//! Requests that must be refused: one that would be taken, with one thing wrong.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;

use super::case::{APPS, Case, Named, Place, cases, moves_money};
use super::spelling::BOUNDARY;
use super::wire::Wire;

/// What is wrong, and the statuses of the answer.
#[derive(Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    pub status: u16,
    spoil: fn(&Case) -> Option<Wire>,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn fault(name: &'static str, status: u16, spoil: fn(&Case) -> Option<Wire>) -> Fault {
    Fault { name, status, spoil }
}

/// Each gives nothing where it does not apply.
pub const FAULTS: [Fault; 47] = [
    fault("a name twice", 400, |case| {
        Some(Wire::with(case, &[one(case, b"a.b", b"1"), one(case, b"a.b", b"2")]))
    }),
    fault("a name twice, equal", 400, |case| {
        Some(Wire::with(case, &[one(case, b"a.b", b"1"), one(case, b"a.b", b"1")]))
    }),
    fault("a name with a blank", 400, |case| Some(Wire::with(case, &[one(case, b"a+b", b"1")]))),
    fault("a name with brackets", 400, |case| Some(Wire::with(case, &[one(case, b"goods[]", b"1")]))),
    fault("a name that is too long", 400, |case| Some(Wire::with(case, &[one(case, &[b'n'; 65], b"1")]))),
    fault("no name", 400, |case| Some(Wire::with(case, &[one(case, b"", b"1")]))),
    fault("a name that hides a parameter", 400, |case| {
        let name: &[u8] = if is_form(case) { b"x%26txamt%3D1%26y" } else { b"x&txamt=1&y" };
        Some(Wire::with(case, &[one(case, name, b"1")]))
    }),
    fault("not UTF-8", 400, |case| {
        let value: &[u8] = if case.place == Place::Query { b"%B2%E2" } else { b"\xb2\xe2" };
        Some(unlabelled(case, Wire::with(case, &[one(case, b"gbk", value)])))
    }),
    fault("an overlong encoding", 400, |case| {
        is_form(case).then(|| unlabelled(case, Wire::with(case, &[one(case, b"x", b"%C0%A6txamt=1")])))
    }),
    fault("half a surrogate", 400, |case| {
        (case.place == Place::Json).then(|| Wire::with(case, &[one(case, b"x", b"\\ud83c")]))
    }),
    fault("a bare percent", 400, |case| is_form(case).then(|| Wire::with(case, &[one(case, b"x", b"50%")]))),
    fault("half an escape", 400, |case| is_form(case).then(|| Wire::with(case, &[one(case, b"x", b"%4")]))),
    fault("no escape", 400, |case| is_form(case).then(|| Wire::with(case, &[one(case, b"x", b"%u8336")]))),
    fault("a part without '='", 400, |case| is_form(case).then(|| Wire::with(case, &[b"Jerry".to_vec()]))),
    fault("query and body", 400, |case| {
        let mut wire = Wire::with(case, &[one(case, b"x", b"1")]);
        match case.place {
            Place::Query => wire.body = b"y=2".to_vec(),
            _ => wire.target.extend(b"?y=2"),
        }
        (wire.method != "GET").then_some(wire)
    }),
    fault("a body on GET", 400, |case| {
        let wire = Wire::of(case);
        (wire.method == "GET").then(|| Wire { body: b"y=2".to_vec(), ..wire })
    }),
    fault("a file", 415, |case| {
        let part = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\n\
             Content-Type: image/png\r\n\r\n1\r\n"
        );
        (case.place == Place::Multipart).then(|| Wire::with(case, &[part.into_bytes()]))
    }),
    fault("a body that breaks off", 400, |case| {
        let mut wire = Wire::with(case, &[one(case, b"x", b"1")]);
        let whole = wire.body.len();
        wire.body.truncate(whole.saturating_sub(if case.place == Place::Multipart { 8 } else { 5 }));
        (matches!(case.place, Place::Json | Place::Multipart)).then_some(wire)
    }),
    fault("something behind the JSON", 400, |case| {
        let mut wire = Wire::of(case);
        wire.body.extend(b"{}");
        (case.place == Place::Json).then_some(wire)
    }),
    fault("a list", 400, |case| {
        let mut wire = Wire::of(case);
        wire.body = [b"[", &wire.body[..], b"]"].concat();
        (case.place == Place::Json).then_some(wire)
    }),
    fault("JSON that says it is a form", 415, |case| {
        let type_ = b"application/x-www-form-urlencoded";
        (case.place == Place::Json).then(|| with_type(case, type_))
    }),
    fault("a charset that cannot be split", 415, |case| {
        let type_: &[u8] = match case.place {
            Place::Form => b"application/x-www-form-urlencoded; charset=UTF-16",
            Place::Multipart => b"multipart/form-data; charset=ISO-2022-JP; boundary=x",
            Place::Json | Place::Query => return None,
        };
        has_body(case).then(|| with_type(case, type_))
    }),
    fault("a byte that the charset lacks", 400, |case| {
        (case.place == Place::Form).then(|| {
            let mut wire = Wire::with(case, &[one(case, b"x", b"%FF")]);
            let type_ = b"application/x-www-form-urlencoded; charset=Big5".to_vec();
            wire.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            wire.headers.push(("Content-Type".to_owned(), type_));
            wire
        })
    }),
    fault("a raw line end behind a value", 400, |case| {
        (case.place == Place::Form).then(|| Wire::with(case, &[one(case, b"x", b"1\r\n")]))
    }),
    fault("a line end behind a text field", 400, |case| {
        (case.place == Place::Multipart).then(|| Wire::with(case, &[one(case, b"x", b"1\n")]))
    }),
    fault("lines that nothing joins", 400, |case| {
        (case.place == Place::Form).then(|| Wire::with(case, &[one(case, b"x", b"1\ny=2")]))
    }),
    fault("UTF-8 that is said to be ISO-8859-1", 400, |case| {
        (case.place == Place::Form).then(|| {
            let mut wire = Wire::with(case, &[one(case, b"x", b"%E6%B8%AF")]);
            let type_ = b"application/x-www-form-urlencoded; charset=ISO-8859-1".to_vec();
            wire.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            wire.headers.push(("Content-Type".to_owned(), type_));
            wire
        })
    }),
    fault("nothing, and money would move", 400, |case| {
        let silent = Case { params: Vec::new(), stale: 0, named: Named::Header, ..case.clone() };
        (moves_money(case.endpoint.1) && case.place != Place::Multipart).then(|| Wire::of(&silent))
    }),
    fault("an empty merchant", 400, |case| {
        let issued = case.endpoint.2 && !APPS[case.app].mchid.is_empty();
        issued.then(|| Wire::with(case, &[one(case, b"mchid", b"")]))
    }),
    fault("an empty app code", 400, |case| Some(with_header(case, "X-QF-APPCODE", b""))),
    fault("another merchant", 400, |case| Some(with_header(case, "X_QF_MCHCODE", b"ANOTHER"))),
    fault("a key", 400, |case| Some(Wire::with(case, &[one(case, b"key", APPS[1].client_key.as_bytes())]))),
    fault("a key in a header", 400, |case| {
        Some(with_header(case, "X-Client-Key", APPS[2].client_key.as_bytes()))
    }),
    fault("a web server", 403, |case| Some(with_header(case, "X-Forwarded-For", b"203.0.113.9"))),
    fault("an opened link", 403, |case| Some(with_header(case, "Sec-Fetch-Mode", b"navigate"))),
    fault("another type", 415, |case| has_body(case).then(|| with_type(case, b"text/plain"))),
    fault("a compressed body", 415, |case| {
        let mut wire = Wire::with(case, &[one(case, b"x", b"1")]);
        wire.headers.push(("Content-Encoding".to_owned(), b"gzip".to_vec()));
        has_body(case).then_some(wire)
    }),
    fault("two types", 415, |case| {
        let mut wire = with_type(case, b"application/json");
        wire.headers.push(("Content-Type".to_owned(), b"application/json; charset=utf-8".to_vec()));
        has_body(case).then_some(wire)
    }),
    fault("too large a body", 413, |case| {
        has_body(case).then(|| Wire::with(case, &[one(case, b"x", &[b'1'; 70_000])]))
    }),
    fault("an unknown app", 403, |case| {
        (case.named == Named::No)
            .then(|| with_header(case, "X-QF-APPCODE", b"F1B2C3D4E5F60718293A4B5C6D7E8F9F"))
    }),
    fault("two apps", 400, |case| {
        let other = APPS[(case.app + 1) % APPS.len()].app_code;
        (case.named != Named::No).then(|| with_header(case, "X-QF-APPCODE", other.as_bytes()))
    }),
    fault("no such endpoint", 404, |case| Some(with_path(case, "/checkout/v1/payment"))),
    fault("an endpoint that is not served", 403, |case| Some(with_path(case, "/customer/v1/create"))),
    fault("a path that leads elsewhere", 400, |case| {
        Some(with_path(case, "/tool/v1/../../trade/v1/payment"))
    }),
    fault("a path that is escaped", 400, |case| Some(with_path(case, "/trade/v1/%70ayment"))),
    fault("a web page", 403, |case| Some(with_header(case, "Origin", b"https://evil.example"))),
    fault("another method", 405, |case| {
        let wire = Wire::of(case);
        Some(Wire { method: if wire.method == "POST" { "PUT" } else { "DELETE" }.to_owned(), ..wire })
    }),
];

/// Any request with any fault that it can have.
pub fn faulty() -> impl Strategy<Value = (Fault, Case, Wire)> {
    let pair = (select(&FAULTS[..]), cases());
    pair.prop_filter_map("the fault does not apply", |(fault, case)| {
        let wire = (fault.spoil)(&case)?;
        Some((fault, case, wire))
    })
}

fn is_form(case: &Case) -> bool {
    matches!(case.place, Place::Query | Place::Form)
}

/// Whether the case has a body in whatever way it is spelt.
fn has_body(case: &Case) -> bool {
    case.place != Place::Query
        && !(case.place == Place::Form && case.params.is_empty() && case.stale & 1 == 0)
}

/// A parameter in the plainest encoding of its place; name and value are as they are to stand there.
fn one(case: &Case, name: &[u8], value: &[u8]) -> Vec<u8> {
    match case.place {
        Place::Query | Place::Form => [name, b"=", value].concat(),
        Place::Json => [b"\"", name, b"\":\"", value, b"\""].concat(),
        Place::Multipart => {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"");
            [head.as_bytes(), name, b"\"\r\n\r\n", value, b"\r\n"].concat()
        }
    }
}

fn with_header(case: &Case, name: &str, value: &[u8]) -> Wire {
    let mut wire = Wire::of(case);
    wire.headers.push((name.to_owned(), value.to_vec()));
    wire
}

/// A form that names no charset, so that it is UTF-8.
fn unlabelled(case: &Case, mut wire: Wire) -> Wire {
    let is_label = |name: &str| case.place == Place::Form && name.eq_ignore_ascii_case("content-type");
    wire.headers.retain(|(name, _)| !is_label(name));
    wire
}

/// The same call on another path.
fn with_path(case: &Case, path: &str) -> Wire {
    let mut wire = Wire::of(case);
    wire.target.splice(..case.endpoint.1.len(), path.bytes());
    wire
}

/// The body under another media type.
fn with_type(case: &Case, media_type: &[u8]) -> Wire {
    let mut wire = Wire::of(case);
    wire.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    wire.headers.push(("Content-Type".to_owned(), media_type.to_vec()));
    wire
}
