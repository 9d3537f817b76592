//! Keys that stand in texts, in whatever case: for looking for many keys in many texts.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::ClientKey;

/// Shorter ones are only looked for as the whole of a text: as a part of it they may be there by chance.
const LEAST_WITHIN: usize = 16;

/// Keys and whose they are, by digests that are keyed anew each time. How long a look takes does not grow with the keys.
pub struct FoundKeys<'k> {
    keyed: RandomState,
    owners: HashMap<u64, &'k str>,
    lengths: Vec<usize>,
}

impl<'k> FoundKeys<'k> {
    /// Takes keys, and the names of their apps. Of one that several have, the first is named.
    pub fn of(keys: impl IntoIterator<Item = (&'k ClientKey, &'k str)>) -> Self {
        let keyed = RandomState::new();
        let (mut owners, mut lengths) = (HashMap::new(), Vec::new());
        for (key, owner) in keys {
            owners.entry(key.digest_without_case(&keyed)).or_insert(owner);
            if !lengths.contains(&key.length()) {
                lengths.push(key.length());
            }
        }
        Self { keyed, owners, lengths }
    }

    /// Whose key stands in this text.
    pub fn owner_in(&self, text: &str) -> Option<&'k str> {
        let text = text.to_ascii_lowercase();
        let text = text.as_bytes();
        let lengths = self.lengths.iter().filter(|&&length| length >= LEAST_WITHIN || length == text.len());
        let mut parts = lengths.flat_map(|&length| text.windows(length));
        parts.find_map(|part| self.owners.get(&self.keyed.hash_one(part)).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_any_case_and_within_a_longer_text() {
        let key = |text: &str| ClientKey::new(text.as_bytes().to_vec().into(), true).unwrap();
        let [long, short] = [key("0123456789ABCDEF0123456789ABCDEF"), key("789012")];
        let found = FoundKeys::of([(&long, "shop"), (&short, "old"), (&long, "twin")]);
        for text in ["0123456789ABCDEF0123456789ABCDEF", "x0123456789abcdef0123456789abcdefx"] {
            assert_eq!(found.owner_in(text), Some("shop"), "{text}");
        }
        assert_eq!(found.owner_in("789012"), Some("old"));
        for text in ["", "0123456789ABCDEF0123456789ABCDE", "7890123"] {
            assert_eq!(found.owner_in(text), None, "{text}");
        }
    }
}
