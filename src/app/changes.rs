//! What a reload changed, in words: names of apps and of settings, and no value.

use std::collections::HashSet;

use crate::config::Written;
use crate::credentials::Keyring;

/// Which apps came, went, or have another key, and which settings beside them are not what they were.
pub(super) fn changes(before: (&Keyring, &Written), now: (&Keyring, &Written)) -> String {
    let (apps, came_or_went) = apps(before.0, now.0);
    let told = |setting: &String| {
        let app = setting.strip_prefix("apps.").and_then(|rest| rest.split('.').next());
        app.is_some_and(|app| came_or_went.contains(app))
    };
    let mut settings = before.1.changed_in(now.1);
    settings.retain(|setting| !told(setting));
    match (apps, settings.is_empty()) {
        (None, true) => "the same apps, with the same keys and settings".to_owned(),
        (None, false) => format!("the same apps, with the same keys; changed {}", few(&settings)),
        (Some(apps), true) => apps,
        (Some(apps), false) => format!("{apps}; changed {}", few(&settings)),
    }
}

/// What became of the apps, and the names of those that came or went.
fn apps(before: &Keyring, now: &Keyring) -> (Option<String>, HashSet<String>) {
    let names = |of: &Keyring, keep: &dyn Fn(&str) -> bool| {
        let names = of.apps().iter().map(|app| app.name.as_str()).filter(|name| keep(name));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let added = names(now, &|name| before.by_name(name).is_none());
    let removed = names(before, &|name| now.by_name(name).is_none());
    let key = |of: &Keyring, name: &str| of.by_name(name).map(|app| app.client_key.fingerprint());
    let rotated = names(now, &|name| before.by_name(name).is_some() && key(before, name) != key(now, name));
    let said = [("added", &added), ("removed", &removed), ("with another key", &rotated)];
    let said = said.into_iter().filter(|(_, names)| !names.is_empty());
    let said: Vec<_> = said.map(|(what, names)| format!("{what} {}", few(names))).collect();
    let apps = (!said.is_empty()).then(|| format!("apps {}", said.join(", ")));
    (apps, added.into_iter().chain(removed).collect())
}

/// The first names of many.
fn few(names: &[String]) -> String {
    const FEW: usize = 10;
    let (shown, more) = names.split_at(names.len().min(FEW));
    match more.len() {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}
