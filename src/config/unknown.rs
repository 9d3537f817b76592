//! Keys that do not exist: all of them, each with what was probably meant.

use std::collections::BTreeSet;

use super::errors::Problem;
use super::raw::Raw;
use super::sections::{APP_DEFAULTS, CALLER_DEFAULTS, ROUTES, defaults_of, is_currency};
use crate::runtime;

/// Names under which people try to put the key itself into the configuration.
const KEY_NAMES: [&str; 8] =
    ["client_key", "clientkey", "app_key", "appkey", "key", "secret", "api_key", "client_secret"];

/// Below this likeness (0 to 1) a suggestion confuses more than it helps.
const ALIKE: f64 = 0.8;

/// Every key that no setting has, in the order of the key paths. Those of a section whose header is wrong are told once.
pub(super) fn keys(raw: &Raw) -> Vec<Problem> {
    let unknown = raw.settings.iter().filter(|(key, _)| !is_known(raw, key) && !is_bare(raw, key));
    let mut told = BTreeSet::new();
    let problems = unknown.filter_map(|(key, setting)| match header(raw, key) {
        Some((header, what)) => told.insert(header).then(|| Problem::new(&setting.place, header, &what)),
        None => Some(Problem::new(&setting.place, key, &what(raw, key))),
    });
    problems.collect()
}

/// The section whose header is wrong, where that is what is wrong with this key, and how it is written.
fn header<'k>(raw: &Raw, key: &'k str) -> Option<(&'k str, String)> {
    let (section, rest) = key.split_once('.')?;
    let named = |several: &str| {
        let name = rest.split_once('.').map(|(name, _)| name)?;
        Some((
            &key[..section.len() + 1 + name.len()],
            format!("unknown section; did you mean [{several}.{name}]?"),
        ))
    };
    match section {
        "app" => named("apps"),
        "caller" => named("callers"),
        "apps" | "callers" => {
            let defaults = if section == "apps" { APP_DEFAULTS } else { CALLER_DEFAULTS };
            let own = raw.known.contains(&format!("{defaults}.{rest}"));
            let what = format!(
                "{rest} stands in [{section}] itself, and belongs to one of several; write [{section}.NAME] above it"
            );
            own.then_some((section, what))
        }
        _ => None,
    }
}

/// Whether a setting of this name exists; every app has those of `[app_defaults]`, every caller those of
/// `[caller_defaults]`, every route those of `[notifications.route_defaults]`.
pub(super) fn is_known(raw: &Raw, key: &str) -> bool {
    runtime::give_way();
    let repeated = key.rsplit_once('.').and_then(|(section, name)| Some((defaults_of(section)?, name)));
    match repeated {
        Some((defaults, name)) => raw.known.contains(&format!("{defaults}.{name}")),
        None => raw.known.contains(key) || is_currency(key),
    }
}

/// `[apps]`, `[apps.NAME]`, `[callers.NAME]` or `[[notifications.routes]]` without content: no unknown key, but an app or a route that
/// lacks everything.
fn is_bare(raw: &Raw, key: &str) -> bool {
    let empty = raw.settings.get(key).is_some_and(|setting| setting.value.as_dict().is_some());
    empty && (["apps", "callers", ROUTES].contains(&key) || defaults_of(key).is_some())
}

fn what(raw: &Raw, key: &str) -> String {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    if KEY_NAMES.contains(&name) {
        return "a client_key never stands in the configuration; write it to a file (chmod 600) and name the file \
                in client_key_file"
            .to_owned();
    }
    if ["token", "local_key"].contains(&name) && defaults_of(section) == Some(CALLER_DEFAULTS) {
        return format!(
            "secrets never stand in the configuration; write it to a file (chmod 600) and name the file in {name}_file"
        );
    }
    if key == ROUTES || section == ROUTES {
        return "routes are sections in double brackets, because there may be several; write each below its own \
                [[notifications.routes]]"
            .to_owned();
    }
    let below = format!("{key}.");
    if ["apps", "callers"].iter().any(|several| key == *several || section == *several)
        || raw.known.iter().any(|known| known.starts_with(&below))
    {
        return format!("{key} is a section, not a value; write its keys below [{key}]");
    }
    if is_known(raw, section) {
        return format!("{section} is a single value, it has no keys of its own");
    }
    match closest(raw, key, section, name) {
        Some(meant) => format!("unknown key; did you mean {meant}?"),
        None => "unknown key; config/default.toml lists every key".to_owned(),
    }
}

/// The known key that is most like this one: by its name within the section, otherwise by the whole path.
fn closest(raw: &Raw, key: &str, section: &str, name: &str) -> Option<String> {
    let defaults = defaults_of(section);
    let candidates = raw.known.iter().map(|known| {
        let (known_section, known_name) = known.rsplit_once('.').unwrap_or(("", known));
        let same_section = known_section == section || defaults == Some(known_section);
        let likeness = match (same_section, known_name == name) {
            (true, _) => strsim::jaro_winkler(name, known_name),
            (false, true) => 0.95,
            (false, false) => strsim::jaro_winkler(key, known) - 0.05,
        };
        let shown = if defaults.is_some() && same_section {
            format!("{section}.{known_name}")
        } else {
            known.clone()
        };
        (likeness, shown)
    });
    let best = candidates.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}
