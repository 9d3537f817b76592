//! `browser.local_key_file`: the key with which the shop's server signs the pages that it sends customers to.

use std::path::Path;

use super::errors::{looks_like_key, shown_source};
use super::keys;
use super::raw::Raw;
use crate::browser;
use crate::credentials::{Holders, Keyring, LocalKey};
use crate::settings::Reader;

const KEY: &str = "browser.local_key_file";

/// Reads the key, if one is named. The outer `None` is a problem.
pub(super) fn read(raw: &mut Raw) -> Option<Option<LocalKey>> {
    read_at(raw, KEY)
}

/// Reads the secret of the shop's own in the file that a setting names, if it does. The outer `None` is a problem.
pub(super) fn read_at(raw: &mut Raw, setting: &str) -> Option<Option<LocalKey>> {
    let file = raw.text(setting)?;
    if file.is_empty() {
        return Some(None);
    }
    match from_file(&file) {
        Ok(key) => Some(Some(key)),
        Err(what) => {
            raw.problem(setting, what);
            None
        }
    }
}

fn from_file(file: &str) -> Result<LocalKey, String> {
    if looks_like_key(file) {
        return Err(
            "this looks like the key itself; write it to a file (chmod 600) and name the file".to_owned()
        );
    }
    let source = format!("file {}", shown_source(file));
    let content = keys::secret_file(Path::new(file), &shown_source(file))?;
    LocalKey::new(content, source.clone()).map_err(|bad| format!("{source}: {bad}"))
}

/// The key is none of QFPay's, and there are pages that need it.
pub(super) fn contradictions(
    raw: &mut Raw,
    browser: &browser::Settings,
    key: &LocalKey,
    keyring: Option<&Keyring>,
) {
    if let Some(Err(not)) = keyring.map(|keyring| key.is_apart_from(&Holders::of(keyring))) {
        raw.problem(KEY, not.to_string());
    }
    if browser.public_prefix.is_none() {
        raw.advise(
            KEY,
            "this does nothing while browser.public_prefix is empty: only pages below it are vouched for",
        );
    }
}
