//! Tokens, known by their digests.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::credentials::LocalKey;

/// The tokens of all callers, as digests that are keyed anew in each process: what is looked up is no part of a token, so how
/// long a look takes tells nothing of one, and there may be thousands.
pub(super) struct Tokens {
    keyed: Sha256,
    /// By the first bytes of the digest: the rest of it, and whose it is.
    digests: HashMap<u64, Vec<([u8; 32], usize)>>,
}

impl Tokens {
    /// Each token with the place of its caller.
    pub fn new<'t>(tokens: impl IntoIterator<Item = (&'t LocalKey, usize)>) -> Self {
        let random = RandomState::new();
        let keyed =
            Sha256::new_with_prefix([0_u8, 1].map(|n| random.hash_one(n).to_ne_bytes()).as_flattened());
        let mut digests: HashMap<u64, Vec<_>> = HashMap::new();
        for (token, place) in tokens {
            let mut hasher = keyed.clone();
            token.feed(&mut hasher);
            let digest = hasher.finalize().into();
            digests.entry(beginning(&digest)).or_default().push((digest, place));
        }
        Self { keyed, digests }
    }

    /// The place of the caller whose token this is. The digests are compared in constant time.
    pub fn owner(&self, token: &[u8]) -> Option<usize> {
        let mut hasher = self.keyed.clone();
        hasher.update(token);
        let digest: [u8; 32] = hasher.finalize().into();
        let alike = self.digests.get(&beginning(&digest))?;
        alike.iter().find(|(known, _)| bool::from(known.ct_eq(&digest))).map(|(_, place)| *place)
    }
}

fn beginning(digest: &[u8; 32]) -> u64 {
    digest.first_chunk().map_or(0, |first: &[u8; 8]| u64::from_ne_bytes(*first))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.digests.len())
    }
}
