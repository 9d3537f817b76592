//! Whether the shop's server signed the parameters of a page, with a key of its own.
//!
//! It signs as QFPay's samples do, so the parameters are hashed as they were received, before any of them is renamed,
//! added or dropped. The samples disagree about `sign_type`, `lang` and empty values; any reading of these is taken, and
//! no other difference.

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

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
    /// Every reading: eight, of which some agree; the first of those that do is the one that leaves nothing out.
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
    pub fn find(
        among: impl IntoIterator<Item = &'k LocalKey>,
        params: Params,
        own: &OwnSignature,
    ) -> Option<Self> {
        let Found { key, reading, .. } = Found::by(among, &params, own)?;
        Some(Self { key, params: kept(params, reading) })
    }
}

/// The key that signed the parameters of a call.
#[derive(Debug)]
pub struct CallSigner<'k> {
    /// The key.
    pub key: &'k LocalKey,
    /// Whether the signature may be that of a page, which a customer holds. What is hashed tells: how it is cut into names
    /// and values is not signed.
    pub may_be_a_page: bool,
}

impl<'k> CallSigner<'k> {
    /// Finds the key as [`Vouched::find`] does; the parameters stay as they are.
    pub fn find(
        among: impl IntoIterator<Item = &'k LocalKey>,
        params: &Params,
        own: &OwnSignature,
    ) -> Option<Self> {
        let Found { key, text, .. } = Found::by(among, params, own)?;
        let is_mark = |name: &[u8]| OF_PAGES.iter().any(|mark| name.starts_with(mark));
        let may_be_a_page = text.split(|&b| b == b'&').any(is_mark)
            || OF_PAGES
                .iter()
                .any(|mark| params.names().any(|name| mark.strip_suffix(b"=") == Some(name.as_bytes())));
        Some(Self { key, may_be_a_page })
    }
}

/// One of these stands in whatever a shop signs for a page: QFPay's sign-in has no use without the first, its checkout none
/// without the second.
const OF_PAGES: [&[u8]; 2] = [b"redirect_uri=", b"paysource="];

/// A key, and what of the parameters it signed.
struct Found<'k> {
    key: &'k LocalKey,
    reading: Reading,
    text: Vec<u8>,
}

impl<'k> Found<'k> {
    fn by(
        among: impl IntoIterator<Item = &'k LocalKey>,
        params: &Params,
        own: &OwnSignature,
    ) -> Option<Self> {
        let [sign] = &own.sign[..] else { return None };
        let digest = hex::decode(sign).ok()?;
        let pairs = received(params, own)?;
        let mut texts: Vec<(Reading, Vec<u8>)> = Vec::with_capacity(2);
        for reading in Reading::all() {
            let text = joined(&pairs, reading);
            if !texts.iter().any(|(_, other)| *other == text) {
                texts.push((reading, text));
            }
        }
        let (key, at) = match digest.len() {
            16 => scan::<Md5>(among, &texts, &digest),
            32 => scan::<Sha256>(among, &texts, &digest),
            _ => None,
        }?;
        let (reading, text) = texts.swap_remove(at);
        Some(Self { key, reading, text })
    }
}

/// Tries every key with every text, each in constant time. A text is hashed once, however many keys there are.
fn scan<'k, D: Digest + Clone>(
    among: impl IntoIterator<Item = &'k LocalKey>,
    texts: &[(Reading, Vec<u8>)],
    digest: &[u8],
) -> Option<(&'k LocalKey, usize)> {
    let hashed: Vec<_> = texts.iter().map(|(_, text)| D::new_with_prefix(text)).collect();
    let mut found = None;
    for key in among {
        for (at, hashed) in hashed.iter().enumerate() {
            let mut hasher = hashed.clone();
            key.feed(&mut hasher);
            if bool::from(hasher.finalize().as_slice().ct_eq(digest)) {
                found = found.or(Some((key, at)));
            }
        }
    }
    found
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
