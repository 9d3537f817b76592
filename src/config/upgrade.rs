//! What this version does otherwise than the version before it, where this configuration is touched by that: for `check`,
//! before an upgrade.

use super::Listen;
use super::raw::Raw;
use crate::browser;
use crate::credentials::Keyring;
use crate::server::Address;

/// Each change in a sentence, with the setting that has the say.
pub(super) fn notes(
    raw: &Raw,
    listen: &Listen,
    browser: &browser::Settings,
    keyring: &Keyring,
) -> Vec<String> {
    let mut notes = Vec::new();
    let changed = |key: &str| raw.settings.get(key).is_some_and(|setting| setting.place != "default");
    let socket = listen.addresses().any(|(_, address)| matches!(address, Address::Unix(_)));

    let behind_a_server = browser.public_prefix.is_some() || changed("listen.allowed_hosts") || socket;
    if (behind_a_server || listen.allow_non_loopback) && !listen.allow_forwarded {
        notes.push(
            "listen.allow_forwarded: calls that came through a web server (X-Forwarded-For, Via and the like) are refused \
             with 403 forwarded_refused; if they come so on purpose, set it to true"
                .to_owned(),
        );
    }
    if let Some(app) = keyring.apps().iter().find(|app| app.mchid.is_some()) {
        notes.push(format!(
            "apps.{}.mchid: a call that names mchid and leaves it empty is refused with 400 parameter_empty; before, this \
             one was put in its place",
            app.name
        ));
    }
    if keyring.apps().len() > 1 {
        notes.push(
            "default_app: a call that names an app code and leaves it empty is refused with 400 parameter_empty; before, \
             this app signed"
                .to_owned(),
        );
    }
    if socket && raw.known.contains("listen.socket_mode") && !changed("listen.socket_mode") {
        notes.push(
            "listen.socket_mode: a unix socket is open to the sidecar's own user only; before, the umask decided. For shops \
             of other users set it, and listen.socket_group"
                .to_owned(),
        );
    }
    notes
}
