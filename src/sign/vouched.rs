//! Whether the shop's server signed the parameters of a page, with a key of its own.
//!
//! It signs as QFPay's samples do, so the parameters are hashed as they were received, before any of them is renamed,
//! added or dropped. The samples disagree about `sign_type`, `lang` and empty values; any reading of these is taken, and
//! no other difference.

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{OwnSignature, Params, Signature};
use crate::credentials::{LocalKey, SignType};

/// Parameters that the shop's server has signed: there is no other way to make one.
#[derive(Debug)]
pub struct Vouched<'k> {
    /// The key that did.
    pub key: &'k LocalKey,
    /// What it signed, and `lang`, which the customer may choose.
    pub params: Params,
}

/// What the shop may have left out before it signed.
#[derive(Clone, Copy)]
struct Reading {
    sign_type: bool,
    lang: bool,
    empty: bool,
}

impl Reading {
    /// Every reading: eight, of which some agree.
    fn all() -> impl Iterator<Item = Self> {
        (0..8_u8).map(|bits| Self { sign_type: bits & 1 == 0, lang: bits & 2 == 0, empty: bits & 4 == 0 })
    }

    fn includes(self, name: &str, value: &[u8]) -> bool {
        (self.sign_type || name != "sign_type")
            && (self.lang || name != "lang")
            && (self.empty || !value.is_empty())
    }
}

impl<'k> Vouched<'k> {
    /// Finds the key that signed these parameters. Every key is tried with every reading, each in constant time.
    ///
    /// `None` when there is no signature, more than one, or a wrong one: the caller shall not learn which.
    pub fn find(among: &'k [LocalKey], params: Params, own: &OwnSignature) -> Option<Self> {
        let [sign] = &own.sign[..] else { return None };
        let digest = hex::decode(sign).ok()?;
        let sign_type = match digest.len() {
            16 => SignType::Md5,
            32 => SignType::Sha256,
            _ => return None,
        };
        let pairs = received(&params, own)?;
        let mut found = None;
        for reading in Reading::all() {
            let text = joined(&pairs, reading);
            for key in among {
                if bool::from(matches(key, sign_type, &text, &digest)) {
                    found = found.or(Some((key, reading)));
                }
            }
        }
        let (key, reading) = found?;
        Some(Self { key, params: kept(params, reading) })
    }
}

/// The parameters with the `sign_type` that was sent among them, in signing order; `None` if it was sent twice.
fn received<'p>(params: &'p Params, own: &'p OwnSignature) -> Option<Vec<(&'p str, &'p [u8])>> {
    let mut pairs: Vec<_> = params.iter().map(|(name, value)| (name, own.received(name, value))).collect();
    match &own.sign_type[..] {
        [] => {}
        [sign_type] => pairs.push(("sign_type", sign_type.as_bytes())),
        _ => return None,
    }
    pairs.sort_unstable();
    Some(pairs)
}

fn joined(pairs: &[(&str, &[u8])], reading: Reading) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in pairs.iter().filter(|(name, value)| reading.includes(name, value)) {
        if !text.is_empty() {
            text.push(b'&');
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value);
    }
    text
}

fn matches(key: &LocalKey, sign_type: SignType, text: &[u8], digest: &[u8]) -> Choice {
    hash(key, sign_type, text).ct_eq(digest)
}

fn hash(key: &LocalKey, sign_type: SignType, text: &[u8]) -> Vec<u8> {
    fn over<D: Digest>(key: &LocalKey, text: &[u8]) -> Vec<u8> {
        let mut hasher = D::new_with_prefix(text);
        key.feed(&mut hasher);
        hasher.finalize().to_vec()
    }
    match sign_type {
        SignType::Md5 => over::<Md5>(key, text),
        SignType::Sha256 => over::<Sha256>(key, text),
    }
}

/// Without empty values that the shop has not signed: the customer's browser may have added them.
fn kept(params: Params, reading: Reading) -> Params {
    match reading.empty {
        true => params,
        false => params.without_empty(),
    }
}

/// Signs parameters as the shop's server does, for `qfpay-sidecar sign`.
pub fn sign_locally(key: &LocalKey, sign_type: SignType, params: &Params) -> Signature {
    let pairs: Vec<_> = params.iter().map(|(name, value)| (name, value.as_bytes())).collect();
    let all = Reading { sign_type: true, lang: true, empty: true };
    Signature::of(&hash(key, sign_type, &joined(&pairs, all)))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::sign::Sent;

    fn key(text: &str) -> LocalKey {
        LocalKey::new(Zeroizing::new(text.as_bytes().to_vec()), "a test".to_owned()).unwrap()
    }

    /// GBK for a word of two characters, and the digest of `goods_name=` with these bytes and the second key, by md5sum.
    const GBK: &[u8] = b"\xb2\xe2\xca\xd4";
    const DIGEST: &[u8] = b"e6548faa04f9a5232a5d2c0f05f09542";

    #[test]
    fn what_is_hashed_are_the_bytes_as_received_and_the_key_is_told() {
        let keys =
            [key("the-first-key-of-at-least-32-letters"), key("the-second-key-of-at-least-32-letters")];
        let mut sent = Sent::default();
        sent.push_as(b"goods_name", GBK, "\u{6d4b}\u{8bd5}".as_bytes()).unwrap();
        sent.push(b"sign", DIGEST).unwrap();
        let vouched = Vouched::find(&keys, sent.params.clone(), &sent.own).unwrap();
        assert_eq!(vouched.key.fingerprint(), keys[1].fingerprint());
        assert_eq!(vouched.params.get("goods_name"), Some("\u{6d4b}\u{8bd5}"));
        assert!(Vouched::find(&keys[..1], sent.params, &sent.own).is_none());
    }
}
