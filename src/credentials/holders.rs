//! Which apps have a key: for looking at many keys at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::{App, ClientKey, Keyring};

/// The apps by their keys, the previous ones too, and by their codes. Found by digests that are keyed anew each time, and then
/// compared in constant time.
pub struct Holders<'k> {
    keyring: &'k Keyring,
    keyed: RandomState,
    by_key: HashMap<u64, Vec<&'k App>>,
    by_code: HashMap<u64, &'k App>,
}

impl<'k> Holders<'k> {
    /// The apps of a ring.
    pub fn of(keyring: &'k Keyring) -> Self {
        let keyed = RandomState::new();
        let mut by_key: HashMap<u64, Vec<&App>> = HashMap::new();
        let mut by_code = HashMap::new();
        for app in keyring.apps() {
            for key in keyring.keys_of(app) {
                by_key.entry(key.digest_by(&keyed)).or_default().push(app);
            }
            by_code.insert(keyed.hash_one(app.app_code.as_str().as_bytes()), &**app);
        }
        Self { keyring, keyed, by_key, by_code }
    }

    /// Other apps that have a key in common with this one, such as the built-in one of the sandbox, in the order of their names.
    pub fn beside(&self, name: &str) -> Vec<&'k str> {
        let keys = self.keyring.by_name(name).into_iter().flat_map(|app| self.keyring.keys_of(app));
        let mut others: Vec<_> = keys.flat_map(|key| self.having(key)).map(|app| app.name.as_str()).collect();
        others.retain(|other| *other != name);
        others.sort_unstable();
        others.dedup();
        others
    }

    /// The apps that have this key.
    pub(super) fn having(&self, key: &ClientKey) -> impl Iterator<Item = &'k App> {
        let alike = self.by_key.get(&key.digest_by(&self.keyed)).into_iter().flatten().copied();
        alike.filter(|app| self.keyring.keys_of(app).any(|own| own.equals(key)))
    }

    /// The app of which this is the `app_code`.
    pub(super) fn coded(&self, key: &ClientKey) -> Option<&'k App> {
        let alike = self.by_code.get(&key.digest_by(&self.keyed)).copied();
        alike.filter(|app| key.is_text(app.app_code.as_str()))
    }
}
