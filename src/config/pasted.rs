//! Secrets that stand in another setting as well: each would be sent to QFPay, or logged, as what that setting is for.

use super::effective::plain;
use super::errors::could_hold_key;
use super::raw::Raw;
use crate::access::Access;
use crate::credentials::{App, FoundKeys, LocalKey, PreviousKey};

/// Refuses settings that hold what QFPay issued. An `app_code` has the shape of a key, so each is looked at; where no host of
/// QFPay's is called, `is_live`, keys are made up, and codes with them.
pub(super) fn client_keys<'k>(
    raw: &mut Raw,
    apps: impl Iterator<Item = &'k App>,
    previous: impl Iterator<Item = &'k PreviousKey>,
    is_live: bool,
) {
    let own = apps.map(|app| (&app.client_key, app.name.as_str()));
    let found = FoundKeys::of(own.chain(previous.map(|key| (&key.client_key, key.app.as_str()))));
    let could_hold = |key: &str, text: &str| is_code(key) || could_hold_key(text);
    let whose = |text: &str| Some(format!("the client_key of apps.{}", found.owner_in(text)?));
    for (key, whose) in holding(raw, could_hold, whose) {
        match is_live || !is_code(&key) {
            true => refuse(raw, &key, &whose),
            false => raw.advise(
                &key,
                &format!("{whose} stands in this value; with a host of QFPay's that is refused"),
            ),
        }
    }
}

/// Refuses settings that hold a secret of the shop's own.
pub(super) fn local_keys(raw: &mut Raw, browser: Option<&LocalKey>, access: Option<&Access>) {
    let callers = access.into_iter().flat_map(Access::callers).flat_map(|caller| {
        let of = |name| format!("callers.{}.{name}", caller.name);
        let token = caller.token.as_ref().map(|token| (token, of("token_file")));
        token.into_iter().chain(caller.local_key.as_ref().map(|key| (key, of("local_key_file"))))
    });
    let own = browser.map(|key| (key, "browser.local_key_file".to_owned()));
    let keys: Vec<_> = own.into_iter().chain(callers).collect();
    // One that is an app's code is refused where it is read.
    let could_hold = |key: &str, text: &str| !is_code(key) && text.len() >= LocalKey::SHORTEST;
    let whose = |text: &str| {
        let (_, setting) = keys.iter().find(|(secret, _)| secret.blot_out(text) != text)?;
        Some(format!("the secret of {setting}"))
    };
    for (key, whose) in holding(raw, could_hold, whose) {
        refuse(raw, &key, &whose);
    }
}

fn is_code(key: &str) -> bool {
    key.ends_with(".app_code")
}

/// The settings in which a secret is found, and whose it is. Those that could hold one are few, and secrets may be thousands.
fn holding(
    raw: &Raw,
    could_hold: impl Fn(&str, &str) -> bool,
    whose: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let texts = raw.settings.iter().map(|(key, setting)| (key, plain(&setting.value)));
    let suspicious = texts.filter(|(key, text)| could_hold(key, text));
    suspicious.filter_map(|(key, text)| Some((key.clone(), whose(&text)?))).collect()
}

fn refuse(raw: &mut Raw, key: &str, whose: &str) {
    raw.problem(key, format!("{whose} stands in this value; take it out"));
}
