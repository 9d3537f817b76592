//! The merged settings as they were written, with their places, and the problems found so far.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use figment::value::Value;
use figment::{Figment, Profile};

use super::errors::{ConfigError, Problem};
use super::layers::{Layers, defaults};
use super::sections::{APP_DEFAULTS, CALLER_DEFAULTS, ROUTE_DEFAULTS, ROUTES};
use crate::runtime;

/// One value and where it was written.
pub(super) struct Setting {
    pub value: Value,
    pub place: String,
}

/// Every effective setting by its key path, the keys that exist, and what was found to be wrong, or better done otherwise.
pub(super) struct Raw {
    pub settings: BTreeMap<String, Setting>,
    pub known: BTreeSet<String>,
    /// The values of `config/default.toml`, by key path.
    pub defaults: BTreeMap<String, Value>,
    pub problems: Vec<Problem>,
    pub advice: Vec<String>,
    /// Whether programs that settings name may be run.
    pub runs_programs: bool,
    /// Known keys that no reader asked for.
    unread: BTreeSet<String>,
}

impl Raw {
    pub fn new(layers: &Layers) -> Result<Self, ConfigError> {
        let defaults: BTreeMap<_, _> = flatten(&Figment::from(defaults()?))?
            .into_iter()
            .map(|(key, setting)| (key, setting.value))
            .collect();
        let known: BTreeSet<_> = defaults.keys().cloned().collect();
        let settings = flatten(&layers.figment)?;
        Ok(Self {
            settings,
            unread: known.clone(),
            known,
            defaults,
            problems: Vec::new(),
            advice: layers.advice.clone(),
            runs_programs: false,
        })
    }

    /// Records a problem with a key, at the place where its value was written.
    pub fn problem(&mut self, key: &str, what: impl AsRef<str>) {
        let place = self.place(key);
        self.problems.push(Problem::new(&place, key, what.as_ref()));
    }

    /// Reads what was read before, without recording its problems twice: settings are judged together also where others of
    /// their section are wrong.
    pub fn again<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let recorded = self.problems.len();
        let value = read(self);
        self.problems.truncate(recorded);
        value
    }

    /// Records what is right, but better done otherwise.
    pub fn advise(&mut self, key: &str, what: &str) {
        let Problem { place, key, what } = Problem::new(&self.place(key), key, what);
        self.advice.push(format!("{place}: {key}: {what}"));
    }

    /// Where a key was written; for a key that an app lacks, where the app begins.
    pub fn place(&self, key: &str) -> String {
        let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
        let below = format!("{section}.");
        let near = || self.settings.iter().find(|(other, _)| *other == section || other.starts_with(&below));
        let setting = self.settings.get(key).or_else(|| near().map(|(_, setting)| setting));
        setting.map_or_else(|| "configuration".to_owned(), |setting| setting.place.clone())
    }

    /// Whether somebody gave it a value, were it that of the default.
    pub fn is_written(&self, key: &str) -> bool {
        self.settings.get(key).is_some_and(|setting| setting.place != "default")
    }

    /// The names of the `[apps.NAME]` sections, sorted.
    pub fn app_names(&self) -> Vec<String> {
        self.names_below("apps.")
    }

    /// Whether there is an `[apps.NAME]` section of this name.
    pub fn has_app(&self, name: &str) -> bool {
        !name.contains('.') && self.stands(&format!("apps.{name}"))
    }

    /// The names of the `[callers.NAME]` sections, sorted.
    pub fn caller_names(&self) -> Vec<String> {
        self.names_below("callers.")
    }

    /// A value where a section should be was reported as unknown, and is none.
    fn names_below(&self, sections: &str) -> Vec<String> {
        let named =
            self.settings.iter().filter_map(|(key, setting)| Some((key.strip_prefix(sections)?, setting)));
        let names = named
            .filter(|(rest, setting)| rest.contains('.') || setting.value.as_dict().is_some())
            .map(|(rest, _)| rest);
        let names: BTreeSet<_> = names.map(|rest| rest.split('.').next().unwrap_or(rest)).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The key path that holds a caller's setting: its own, or the one that all callers share.
    pub fn caller_key(&mut self, caller: &str, name: &str) -> String {
        self.key_of(&format!("callers.{caller}"), CALLER_DEFAULTS, name)
    }

    /// The key path that holds an app's setting: its own, or the one that all apps share.
    pub fn app_key(&mut self, app: &str, name: &str) -> String {
        self.key_of(&format!("apps.{app}"), APP_DEFAULTS, name)
    }

    /// The numbers of the `[[notifications.routes]]` sections, in order.
    pub fn route_numbers(&self) -> Vec<u16> {
        let below = |key: &str| key.strip_prefix(ROUTES)?.strip_prefix('.')?.split('.').next()?.parse().ok();
        let numbers: BTreeSet<u16> = self.settings.keys().filter_map(|key| below(key)).collect();
        numbers.into_iter().collect()
    }

    /// The key path that holds a route's setting: its own, or the one that all routes share.
    pub fn route_key(&mut self, number: u16, name: &str) -> String {
        self.key_of(&format!("{ROUTES}.{number}"), ROUTE_DEFAULTS, name)
    }

    fn key_of(&mut self, section: &str, defaults: &str, name: &str) -> String {
        // Asked a dozen times for each app: formatting would be half of what reading an app takes.
        let [own, shared] = [section, defaults].map(|section| [section, ".", name].concat());
        self.note_as_read(&shared);
        if self.stands(&own) { own } else { shared }
    }

    /// Whether this is a setting that was written, or a section with content.
    fn stands(&self, key: &str) -> bool {
        let from = self.settings.range::<str, _>((Bound::Included(key), Bound::Unbounded));
        let mut alike = from.map_while(|(other, _)| other.strip_prefix(key));
        alike.any(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Notes that a section of its own was read.
    pub fn note_as_read(&mut self, key: &str) {
        self.unread.remove(key);
    }

    /// Known keys that no reader asked for: empty, or `default.toml` promises what the code does not know.
    #[cfg(test)]
    pub fn unread(&self) -> Vec<&String> {
        self.unread.iter().collect()
    }

    /// The value of a key, noting that it was asked for. `None` when nothing stands there, which is a problem.
    pub fn value(&mut self, key: &str) -> Option<Value> {
        debug_assert!(
            self.known.contains(key)
                || ["apps.", "callers.", CALLER_DEFAULTS, ROUTES]
                    .iter()
                    .any(|several| key.starts_with(several)),
            "config/default.toml has no key {key}"
        );
        runtime::give_way();
        self.note_as_read(key);
        if let Some(setting) = self.settings.get(key) {
            return Some(setting.value.clone());
        }
        // A value where the section should be, or a section where the value should be, was reported as unknown.
        let hidden = key.match_indices('.').any(|(end, _)| self.settings.contains_key(&key[..end]))
            || self.stands(key);
        if !hidden {
            self.problem(key, "this key has no value");
        }
        None
    }
}

/// The leaves of the merged tree: everything but sections with content.
fn flatten(figment: &Figment) -> Result<BTreeMap<String, Setting>, Problem> {
    // An empty path is the whole tree; figment fails only when a layer failed, and ours do not.
    let tree =
        figment.find_value("").map_err(|_| Problem::of_file("configuration", "it cannot be merged"))?;
    let mut leaves = BTreeMap::new();
    collect(figment, tree, &mut Vec::new(), &mut leaves);
    Ok(leaves)
}

fn collect(figment: &Figment, value: Value, path: &mut Vec<String>, leaves: &mut BTreeMap<String, Setting>) {
    match value {
        Value::Dict(_, entries) if !entries.is_empty() => {
            for (name, inner) in entries {
                runtime::give_way();
                path.push(name);
                collect(figment, inner, path, leaves);
                path.pop();
            }
        }
        leaf => {
            let metadata = figment.get_metadata(leaf.tag());
            let place = metadata.map_or_else(String::new, |found| found.interpolate(&Profile::Default, path));
            leaves.insert(path.join("."), Setting { value: leaf, place });
        }
    }
}
