//! Configured keys, recognised in what callers send.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use super::{ClientKey, LocalKey};

/// Knows a configured key when it sees one, by a digest that is keyed anew in each process: no key can be had from it, and
/// how long a look takes tells no more of the keys than how long they are.
pub struct KnownKeys {
    keyed: RandomState,
    digests: HashSet<u64>,
    /// How long the keys are, in bytes: most texts have another length, and need no digest.
    lengths: Vec<usize>,
}

impl KnownKeys {
    /// Takes keys that must never be sent anywhere: those that sign, those that only verify, and the shop's own.
    pub fn new<'k>(
        keys: impl IntoIterator<Item = &'k ClientKey>,
        local: impl IntoIterator<Item = &'k LocalKey>,
    ) -> Self {
        let keyed = RandomState::new();
        let keys: Vec<_> = keys.into_iter().chain(local.into_iter().map(LocalKey::key)).collect();
        let digests = keys.iter().map(|key| key.digest_by(&keyed)).collect();
        let mut lengths: Vec<_> = keys.iter().map(|key| key.length()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Self { keyed, digests, lengths }
    }

    /// Whether a text is one of the keys, blanks around it aside.
    pub fn include(&self, text: &[u8]) -> bool {
        // Most texts are shorter than any key, and not looked at further.
        if self.lengths.first().is_none_or(|&shortest| text.len() < shortest) {
            return false;
        }
        let text = text.trim_ascii();
        self.lengths.contains(&text.len()) && self.digests.contains(&self.keyed.hash_one(text))
    }

    /// Whether a message holds one of the keys as a word: names of parameters are shown, and a key may have been sent as
    /// one.
    pub fn stand_in(&self, message: &str) -> bool {
        let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        message.split(|c| !in_word(c)).any(|word| self.include(word.as_bytes()))
    }
}

impl fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownKeys({})", self.digests.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_and_nothing_else() {
        let key = ClientKey::new(b"0123456789ABCDEF0123456789ABCDEF".to_vec().into(), false).unwrap();
        let known = KnownKeys::new([&key], &[]);
        assert!(known.include(b"0123456789ABCDEF0123456789ABCDEF"));
        assert!(known.include(b" 0123456789ABCDEF0123456789ABCDEF\r\n"));
        assert!(known.stand_in("parameter '0123456789ABCDEF0123456789ABCDEF' was sent more than once"));
        for other in ["", "0123456789ABCDEF0123456789ABCDE", "0123456789abcdef0123456789abcdef"] {
            assert!(!known.include(other.as_bytes()), "{other}");
        }
        assert!(!format!("{known:?}").contains("0123"));
    }
}
