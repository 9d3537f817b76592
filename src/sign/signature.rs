//! The hash over bytes and key.

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::hash_value::HashValue;
use super::{Canonical, Params};
use crate::credentials::{ClientKey, HexCase, SignType};

/// A signature. It has no time, path or nonce in it, so any reader can use it again: never log it.
///
/// There is no `==`: use [`Signature::matches`], which takes the same time for every wrong guess.
///
/// ```
/// # use qfpay_sidecar::{credentials::HexCase, sign::Signature};
/// fn same(one: &Signature, other: &Signature) -> bool {
///     one.matches(&other.to_hex(HexCase::Lower))
/// }
/// ```
///
/// ```compile_fail
/// # use qfpay_sidecar::{credentials::HexCase, sign::Signature};
/// fn same(one: &Signature, other: &Signature) -> bool {
///     one == other
/// }
/// ```
#[derive(Clone)]
pub struct Signature {
    digest: HashValue,
}

impl Signature {
    pub(super) fn of(digest: &[u8]) -> Self {
        Self { digest: HashValue::new(digest) }
    }

    /// The digest as hex.
    pub fn to_hex(&self, case: HexCase) -> String {
        let digits = match case {
            HexCase::Upper => b"0123456789ABCDEF",
            HexCase::Lower => b"0123456789abcdef",
        };
        let hex = self.digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text = hex.map(|digit| digits[usize::from(digit)]).collect();
        String::from_utf8(text).expect("hex digits are ASCII")
    }

    /// Whether a received hex text, in either case, is this signature. Constant time over the digest.
    pub fn matches(&self, received: &str) -> bool {
        let received = HashValue::of_hex(received.as_bytes());
        received.is_some_and(|received| bool::from(self.digest.ct_eq(&received)))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(redacted)")
    }
}

/// A key together with the hash that it signs with.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The secret.
    pub key: &'a ClientKey,
    /// The hash.
    pub sign_type: SignType,
}

impl Signer<'_> {
    /// Signs a call: the canonical string of its parameters.
    pub fn sign_params(&self, params: &Params) -> Signature {
        self.sign(Canonical::of(params).as_str().as_bytes())
    }

    /// Hashes bytes, then the key. The two are fed separately, so the pre-image never exists in memory.
    ///
    /// For notifications and answers the bytes are the raw body; for a call see [`Signer::sign_params`].
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        match self.sign_type {
            SignType::Md5 => hash::<Md5>(bytes, self.key),
            SignType::Sha256 => hash::<Sha256>(bytes, self.key),
        }
    }
}

fn hash<D: Digest>(bytes: &[u8], key: &ClientKey) -> Signature {
    let mut hasher = D::new();
    hasher.update(bytes);
    key.feed(&mut hasher);
    Signature::of(&hasher.finalize())
}
