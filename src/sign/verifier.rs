//! Who can verify what QFPay signed, and nothing else.

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::ReceivedSignature;
use crate::credentials::{App, ClientKey, Keyring, SignType};

/// The keys of one app, for verifying only: they stand in a private field and no method gives a signature away, so a
/// service that holds verifiers and no [`App`] cannot sign.
///
/// QFPay signs notifications and answers over their raw bytes (protocol sheet 4 and 5, proved by a published sample):
/// the digest of the body followed by the key.
#[derive(Debug)]
pub struct Verifier {
    app: String,
    keys: Vec<ClientKey>,
}

impl Verifier {
    /// The keys of an app: its own, and the one before it while a rotation lasts.
    pub fn of(app: &App, keyring: &Keyring) -> Self {
        Self { app: app.name.clone(), keys: keyring.keys_of(app).map(ClientKey::share).collect() }
    }

    /// One for every app, in the order of their names.
    pub fn all(keyring: &Keyring) -> Vec<Self> {
        keyring.apps().iter().map(|app| Self::of(app, keyring)).collect()
    }

    /// The name of the app.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The first of several that made this signature over these bytes.
    ///
    /// Every key of every verifier is tried, each in constant time, so that the time tells nothing about how much of
    /// a guess was right, nor which app it was. The bytes are hashed once, however many keys there are.
    pub fn find<'v>(
        among: impl IntoIterator<Item = &'v Self>,
        bytes: &[u8],
        received: &ReceivedSignature,
    ) -> Option<&'v Self> {
        match received.sign_type {
            SignType::Md5 => scan::<Md5>(among, bytes, &received.digest),
            SignType::Sha256 => scan::<Sha256>(among, bytes, &received.digest),
        }
    }

    /// Whether this app made this signature over these bytes.
    pub fn verifies(&self, bytes: &[u8], received: &ReceivedSignature) -> bool {
        Self::find(std::slice::from_ref(self), bytes, received).is_some()
    }
}

fn scan<'v, D: Digest + Clone>(
    among: impl IntoIterator<Item = &'v Verifier>,
    bytes: &[u8],
    digest: &[u8],
) -> Option<&'v Verifier> {
    let body = D::new_with_prefix(bytes);
    let mut found = None;
    for verifier in among {
        let mut matches = Choice::from(0);
        for key in &verifier.keys {
            let mut hasher = body.clone();
            key.feed(&mut hasher);
            matches |= hasher.finalize().as_slice().ct_eq(digest);
        }
        if bool::from(matches) {
            found = found.or(Some(verifier));
        }
    }
    found
}
