//! The `[quota]` section: how many calls an app may send, who waits how long, and where the count is kept.

use std::path::Path;

use zeroize::Zeroizing;

use super::keys;
use super::raw::Raw;
use crate::quota::{Settings, StoreAddress, StorePassword, StoreSettings};
use crate::settings::Reader;

/// Reads the section, and judges its settings together.
pub(super) fn quota(raw: &mut Raw) -> (Option<Settings>, Option<Option<StoreSettings>>) {
    let (settings, store) = (Settings::read(raw), store(raw));
    let mut number = |key: &str| raw.again(|raw| raw.number::<u64>(key, "", 0..=u64::MAX));
    let (pause, longest) = (number("quota.pause_ms"), number("quota.pause_max_ms"));
    let rates = [number("quota.per_second"), number("quota.per_minute")];
    if pause > longest && longest.is_some() {
        let place = raw.place("quota.pause_max_ms");
        let what = format!("this is longer than quota.pause_max_ms ({place}), the longest pause");
        raw.problem("quota.pause_ms", what);
    }
    if rates == [Some(0), Some(0)] && matches!(store, Some(Some(_))) {
        let places = (raw.place("quota.per_second"), raw.place("quota.per_minute"));
        let what = format!(
            "there is nothing to share: quota.per_second ({}) and quota.per_minute ({}) are both 0; leave this empty, or \
             set one of them",
            places.0, places.1
        );
        raw.problem("quota.store", what);
    }
    (settings, store)
}

/// The outer `None` is a problem.
fn store(raw: &mut Raw) -> Option<Option<StoreSettings>> {
    let key = "quota.store";
    let text = raw.text(key);
    let file = raw.text("quota.store_password_file");
    let timeout = raw.milliseconds("quota.store_timeout_ms", 1..=10_000);
    let local_percent = raw.number("quota.local_percent", "percent", 1..=100);
    let (text, file, timeout, local_percent) = (text?, file?, timeout?, local_percent?);
    if text.is_empty() {
        if !file.is_empty() {
            let what = "this is the password of quota.store, which is empty; name the Redis there, or leave both empty";
            raw.problem("quota.store_password_file", what);
            return None;
        }
        return Some(None);
    }
    let address = StoreAddress::parse(&text).map_err(|bad| raw.problem(key, bad.to_string())).ok();
    let password = match file.is_empty() {
        true => Some(None),
        false => password(&file).map(Some).map_err(|bad| raw.problem("quota.store_password_file", bad)).ok(),
    };
    Some(Some(StoreSettings { address: address?, password: password?, timeout, local_percent }))
}

/// Read as key files are: private, small, one line.
fn password(file: &str) -> Result<StorePassword, String> {
    let content = keys::secret_file(Path::new(file), &shown_path(file))?;
    let text = std::str::from_utf8(&content).map_err(|_| "the password in this file is not UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() || text.contains(char::is_control) {
        true => Err("this file must hold the password and nothing else, in one line".to_owned()),
        false => Ok(Zeroizing::new(text.to_owned()).into()),
    }
}

/// The name of a password file, if it is one for sure: it may be the password itself.
pub(super) fn shown_path(file: &str) -> String {
    match file.starts_with(['/', '.']) {
        true => super::errors::shown_source(file),
        false => "(not shown, it could be the password itself; begin paths with / or ./)".to_owned(),
    }
}
