//! The signature of QFPay's notifications and answers: how it is read from headers, and what it verifies.

use bytes::Bytes;
use hyper::http::header::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use qfpay_sidecar::credentials::{App, AppCode, ClientKey, HexCase, Keyring, SignType};
use qfpay_sidecar::headers;
use qfpay_sidecar::sign::{VerifiedNotification, Verifier};
use serde_json::Value;
use sha2::Sha256;

use super::is_for_people;

pub(super) const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";

/// Lines of headers, an empty line, the body. In a header, `GOOD` and `good` stand for the right digest in upper and
/// lower case, which no fuzzer finds. A body with an even number of bytes is signed with MD5, otherwise with SHA256.
pub fn check(input: &[u8]) {
    let end = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let (head, body) = (&input[..end], input.get(end + 2..).unwrap_or(b""));
    let sign_type = if body.len() % 2 == 0 { SignType::Md5 } else { SignType::Sha256 };
    let right = digest(body, sign_type);
    let Some(map) = read_headers(head, &right) else { return };

    let alike: Vec<_> =
        map.iter().filter(|(name, _)| name.as_str().replace('_', "-") == "x-qf-sign").collect();
    let expected = match alike[..] {
        [(name, value)] if name == "x-qf-sign" => Some(value.as_bytes()),
        _ => None,
    };
    let expected =
        expected.filter(|value| value.len() == right.len() && value.iter().all(u8::is_ascii_hexdigit));
    let read = headers::signature(&map, sign_type);
    assert_eq!(read.is_ok(), expected.is_some(), "{read:?}");
    match (read, expected) {
        (Ok(read), Some(value)) => {
            let verified = VerifiedNotification::new(&verifiers(), Bytes::copy_from_slice(body), &read);
            assert_eq!(verified.is_some(), value.eq_ignore_ascii_case(right.as_bytes()));
            assert!(verified.is_none_or(|verified| verified.app() == "shop" && verified.body() == body));
        }
        (Err(error), _) => is_for_people(&error.to_string()),
        (Ok(_), None) => unreachable!("compared above"),
    }

    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        assert_eq!(VerifiedNotification::may_be(body), json.is_object());
    }
}

fn read_headers(head: &[u8], right: &str) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for line in head.split(|&b| b == b'\n') {
        let colon = line.iter().position(|&b| b == b':')?;
        let value = match &line[colon + 1..] {
            b"GOOD" => right.to_ascii_uppercase().into_bytes(),
            b"good" => right.to_owned().into_bytes(),
            other => other.to_vec(),
        };
        map.append(HeaderName::from_bytes(&line[..colon]).ok()?, HeaderValue::from_bytes(&value).ok()?);
    }
    Some(map)
}

/// The digest of the bytes with the key behind them, in lower case.
pub(super) fn digest(bytes: &[u8], sign_type: SignType) -> String {
    let preimage = [bytes, KEY.as_bytes()].concat();
    match sign_type {
        SignType::Md5 => hex::encode(Md5::digest(preimage)),
        SignType::Sha256 => hex::encode(Sha256::digest(preimage)),
    }
}

/// An app with the key.
pub(super) fn app() -> App {
    App {
        name: "shop".to_owned(),
        app_code: AppCode::new("A1B2C3D4E5F60718293A4B5C6D7E8F90").unwrap(),
        client_key: ClientKey::new(KEY.as_bytes().to_vec().into(), false).unwrap(),
        key_source: "file key".to_owned(),
        mchid: Some("MCH01".to_owned()),
        sign_type: SignType::Md5,
        hex_case: HexCase::Upper,
    }
}

fn verifiers() -> Vec<Verifier> {
    Verifier::all(&Keyring::new(vec![app()], "shop").unwrap())
}
