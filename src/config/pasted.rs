//! Secrets that stand in another setting as well: each would be sent to QFPay, or logged, as what that setting is for.

use super::effective::plain;
use super::errors::could_hold_key;
use super::raw::Raw;
use crate::access::Access;
use crate::credentials::{App, LocalKey, PreviousKey};

/// Refuses settings that hold what QFPay issued.
pub(super) fn client_keys(raw: &mut Raw, apps: &[App], previous: &[PreviousKey]) {
    let own = apps.iter().map(|app| (&app.client_key, &app.name));
    let keys: Vec<_> = own.chain(previous.iter().map(|key| (&key.client_key, &key.app))).collect();
    refuse(raw, could_hold_key, |text| {
        let (_, app) = keys.iter().find(|(secret, _)| secret.blot_out(text) != text)?;
        Some(format!("the client_key of apps.{app}"))
    });
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
    refuse(
        raw,
        |text| text.len() >= LocalKey::SHORTEST,
        |text| {
            let (_, setting) = keys.iter().find(|(secret, _)| secret.blot_out(text) != text)?;
            Some(format!("the secret of {setting}"))
        },
    );
}

/// Refuses settings in which a secret is found. Those that could hold one are few, and secrets may be thousands.
fn refuse(raw: &mut Raw, could_hold: impl Fn(&str) -> bool, found: impl Fn(&str) -> Option<String>) {
    let texts = raw.settings.iter().map(|(key, setting)| (key, plain(&setting.value)));
    let suspicious = texts.filter(|(key, text)| !key.ends_with("app_code") && could_hold(text));
    let pasted = suspicious.filter_map(|(key, text)| Some((key.clone(), found(&text)?)));
    for (key, whose) in pasted.collect::<Vec<_>>() {
        raw.problem(&key, format!("{whose} stands in this value; take it out"));
    }
}
