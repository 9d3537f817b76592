//! The merged settings as they were written, and the forgiving readers of one value each.
//!
//! A reader records what is wrong and answers `None`, so that one run finds every problem.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::{Num, Value};
use figment::{Figment, Profile};

use super::document::scalar;
use super::errors::{ConfigError, Problem, shown};
use super::layers::{Layers, defaults};

/// One value and where it was written.
pub(super) struct Setting {
    pub value: Value,
    pub place: String,
}

/// Every effective setting by its key path, the keys that exist, and what was found to be wrong.
pub(super) struct Raw {
    pub settings: BTreeMap<String, Setting>,
    pub known: BTreeSet<String>,
    pub problems: Vec<Problem>,
    read: BTreeSet<String>,
}

/// The section that gives every app what its own section leaves out.
pub(super) const APP_DEFAULTS: &str = "app_defaults";

impl Raw {
    pub fn new(layers: &Layers) -> Result<Self, ConfigError> {
        let known = flatten(&Figment::from(defaults()?))?.into_keys().collect();
        let settings = flatten(&layers.figment)?;
        Ok(Self { settings, known, problems: Vec::new(), read: BTreeSet::new() })
    }

    /// Records a problem with a key, at the place where its value was written.
    pub fn problem(&mut self, key: &str, what: impl AsRef<str>) {
        let place = self.place(key);
        self.problems.push(Problem::new(&place, key, what.as_ref()));
    }

    /// Where a key was written; for a key that an app lacks, where the app begins.
    pub fn place(&self, key: &str) -> String {
        let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
        let below = format!("{section}.");
        let near = || self.settings.iter().find(|(other, _)| *other == section || other.starts_with(&below));
        let setting = self.settings.get(key).or_else(|| near().map(|(_, setting)| setting));
        setting.map_or_else(|| "configuration".to_owned(), |setting| setting.place.clone())
    }

    /// The names of the `[apps.NAME]` sections, sorted.
    pub fn app_names(&self) -> Vec<String> {
        let names = self.settings.keys().filter_map(|key| key.strip_prefix("apps."));
        let names: BTreeSet<_> = names.map(|rest| rest.split('.').next().unwrap_or(rest)).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The key path that holds an app's setting: its own, or the one that all apps share.
    pub fn app_key(&mut self, app: &str, name: &str) -> String {
        let (own, shared) = (format!("apps.{app}.{name}"), format!("{APP_DEFAULTS}.{name}"));
        self.read.insert(shared.clone());
        if self.settings.contains_key(&own) { own } else { shared }
    }

    /// Text as written.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(_, text) => Some(text),
            Value::Num(..) | Value::Bool(..) => self.refuse(key, "this is text; write it in quotes"),
            _ => self.refuse(key, "this must be one text in quotes"),
        }
    }

    /// Text that means something to `parse`; its error says what is wrong with it.
    pub fn parsed<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => self.refuse(key, format!("{}: {error}", shown(&text))),
        }
    }

    /// Like [`Raw::parsed`]; empty text means "none".
    pub fn optional<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        self.parsed(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// One of a few words, to the letter.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            let words = || choices.iter().map(|(word, _)| if word.is_empty() { "\"\"" } else { *word });
            let found = choices.iter().find(|(word, _)| *word == text);
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("write {}", words().collect::<Vec<_>>().join(" or ")))
        })
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(_, flag) => Some(flag),
            Value::String(_, text) if text == "true" => Some(true),
            Value::String(_, text) if text == "false" => Some(false),
            other => self.refuse(key, format!("{} is neither true nor false", written(&other))),
        }
    }

    /// A whole number of `unit`s within `range`.
    pub fn number(&mut self, key: &str, unit: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        match whole_number(&value) {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let (low, high) = (range.start(), range.end());
                let what = format!(
                    "{} is not a number of {unit} that makes sense here; write a whole number from {low} to {high}",
                    written(&value)
                );
                self.refuse(key, what)
            }
        }
    }

    /// A whole number of things or bytes held in memory.
    pub fn count(&mut self, key: &str, unit: &str, range: RangeInclusive<u64>) -> Option<usize> {
        self.number(key, unit, range).and_then(|number| usize::try_from(number).ok())
    }

    /// A time in milliseconds, from one millisecond to ten minutes.
    pub fn milliseconds(&mut self, key: &str) -> Option<Duration> {
        self.number(key, "milliseconds", 1..=600_000).map(Duration::from_millis)
    }

    /// A list of texts; as text, it is a TOML or JSON array, or separated by commas.
    pub fn list(&mut self, key: &str) -> Option<Vec<String>> {
        let items = match self.value(key)? {
            Value::Array(_, items) => items,
            Value::String(_, text) if text.trim_start().starts_with('[') => {
                match text.trim().parse::<toml_edit::Value>().as_ref().map(scalar) {
                    Ok(Value::Array(_, items)) => items,
                    _ => return self.refuse(key, "this is not a list; write [\"a\", \"b\"] or a,b"),
                }
            }
            Value::String(_, text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(Value::from).collect()
            }
            _ => return self.refuse(key, "this must be a list of texts, such as [\"a\", \"b\"]"),
        };
        let texts: Option<Vec<String>> = items.into_iter().map(Value::into_string).collect();
        texts.or_else(|| self.refuse(key, "every entry of this list must be text in quotes"))
    }

    /// Known keys that nobody has read: empty, or `default.toml` promises what the code does not know.
    #[cfg(test)]
    pub fn unread(&self) -> Vec<&String> {
        self.known.difference(&self.read).collect()
    }

    fn value(&mut self, key: &str) -> Option<Value> {
        debug_assert!(
            self.known.contains(key) || key.starts_with("apps."),
            "config/default.toml has no key {key}"
        );
        self.read.insert(key.to_owned());
        if let Some(setting) = self.settings.get(key) {
            return Some(setting.value.clone());
        }
        // A value where the section should be, or a section where the value should be, was reported as unknown.
        let below = format!("{key}.");
        let hidden = key.match_indices('.').any(|(end, _)| self.settings.contains_key(&key[..end]))
            || self.settings.keys().any(|other| other.starts_with(&below));
        if !hidden {
            self.problem(key, "this key has no value");
        }
        None
    }

    fn refuse<T>(&mut self, key: &str, what: impl AsRef<str>) -> Option<T> {
        self.problem(key, what);
        None
    }
}

/// A value as people wrote it, for errors about harmless keys.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Num(_, number) => plain(number),
        Value::Bool(_, flag) => flag.to_string(),
        Value::String(_, text) => shown(text),
        Value::Array(..) => "a list".to_owned(),
        _ => "a section".to_owned(),
    }
}

fn plain(number: &Num) -> String {
    match (number.to_i128(), number.to_f64()) {
        (Some(whole), _) => whole.to_string(),
        (None, Some(float)) => float.to_string(),
        (None, None) => "a number".to_owned(),
    }
}

fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::Num(_, number) => u64::try_from(number.to_i128()?).ok(),
        Value::String(_, text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
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
