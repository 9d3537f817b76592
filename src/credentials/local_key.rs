//! Secrets of the shop's own: the key with which its server signs pages and calls for the sidecar, and the token of a caller.

use std::fmt;

use sha2::Digest;
use zeroize::Zeroizing;

use super::{BadClientKey, ClientKey, Holders};

/// A secret between a shop and its sidecar, worth nothing at QFPay: a local key, or a token. A type of its own, so that
/// nothing is signed with it for QFPay.
pub struct LocalKey {
    key: ClientKey,
    source: String,
}

/// Why a text cannot be a local key. Never says what the text was.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadLocalKey {
    /// Not one line of printable ASCII.
    #[error(transparent)]
    Text(#[from] BadClientKey),
    /// The customer sees what it signs, and may guess at leisure.
    #[error(
        "a local key or a token has 32 characters or more, but this one has {0}; make one with: openssl rand -hex 32"
    )]
    Short(usize),
}

/// Why a key that could be a local key is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotLocal {
    /// The shop would hold QFPay's key again.
    #[error(
        "this is the client_key of apps.{0}; what stands here is the shop's own: make one with openssl rand -hex 32"
    )]
    ClientKeyOf(String),
    /// Everybody knows it.
    #[error("this is the app_code of apps.{0}, which is no secret; make one with openssl rand -hex 32")]
    AppCodeOf(String),
}

impl LocalKey {
    /// The characters of the shortest one.
    pub const SHORTEST: usize = 32;

    /// Takes the content of a key file. `source` says where it stands, for people.
    ///
    /// # Errors
    /// [`BadLocalKey`] when it is too short, or not one line of printable ASCII.
    pub fn new(content: Zeroizing<Vec<u8>>, source: String) -> Result<Self, BadLocalKey> {
        let key = ClientKey::new(content, true)?;
        match key.length() {
            length if length < Self::SHORTEST => Err(BadLocalKey::Short(length)),
            _ => Ok(Self { key, source }),
        }
    }

    /// Checks that it is none of what QFPay issued.
    ///
    /// # Errors
    /// [`NotLocal`] names the app.
    pub fn is_apart_from(&self, issued: &Holders<'_>) -> Result<(), NotLocal> {
        if let Some(app) = issued.having(&self.key).next() {
            return Err(NotLocal::ClientKeyOf(app.name.clone()));
        }
        match issued.coded(&self.key) {
            Some(app) => Err(NotLocal::AppCodeOf(app.name.clone())),
            None => Ok(()),
        }
    }

    /// The secret itself, for whatever compares secrets. No signer is made of it: nothing outside of this room reads it.
    pub(super) fn key(&self) -> &ClientKey {
        &self.key
    }

    /// Whether another one is the same. Constant time for secrets of one length.
    pub fn equals(&self, other: &Self) -> bool {
        self.key.equals(&other.key)
    }

    /// Feeds the key to a hasher.
    pub(crate) fn feed<D: Digest>(&self, hasher: &mut D) {
        self.key.feed(hasher);
    }

    /// A text with the key blotted out wherever it stands.
    pub fn blot_out(&self, text: &str) -> String {
        self.key.blot_out(text)
    }

    /// Where it was read from, for people.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Eight hex digits by which people recognise a key without seeing it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint()
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey(redacted)")
    }
}
