//! Readers of one value each. They forgive text where a number, a list or a flag is meant: variables are text.
//!
//! A reader records what is wrong and answers `None`, so that one run finds every problem.

use std::fmt::Display;
use std::net::Ipv6Addr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use figment::value::{Num, Value};

use super::document::scalar;
use super::errors::shown;
use super::files;
use super::raw::Raw;
use crate::client;
use crate::settings::Reader;

impl Reader for Raw {
    fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(_, text) => Some(text),
            Value::Num(..) | Value::Bool(..) => self.refuse(key, "this is text; write it in quotes"),
            _ => self.refuse(key, "this must be one text in quotes"),
        }
    }

    fn parsed<T, E: Display>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => self.refuse(key, format!("{}: {error}", shown(&text))),
        }
    }

    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(key, |text| {
            let words = || choices.iter().map(|(word, _)| if word.is_empty() { "\"\"" } else { *word });
            let found = choices.iter().find(|(word, _)| *word == text);
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| format!("write {}", words().collect::<Vec<_>>().join(" or ")))
        })
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Bool(_, flag) => Some(flag),
            Value::String(_, text) if text == "true" => Some(true),
            Value::String(_, text) if text == "false" => Some(false),
            other => self.refuse(key, format!("{} is neither true nor false", written(&other))),
        }
    }

    fn number<N: TryFrom<u64>>(&mut self, key: &str, unit: &str, range: RangeInclusive<u64>) -> Option<N> {
        let value = self.value(key)?;
        match whole_number(&value).filter(|number| range.contains(number)).map(N::try_from) {
            Some(Ok(number)) => Some(number),
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

    fn list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(Vec<String>) -> Result<T, (Option<String>, E)>,
    ) -> Option<T> {
        let entries = self.entries(key)?;
        match parse(entries) {
            Ok(value) => Some(value),
            Err((None, error)) => self.refuse(key, error.to_string()),
            Err((Some(entry), error)) => self.refuse(key, format!("{}: {error}", shown(&entry))),
        }
    }

    fn ca_file(&mut self, key: &str) -> Option<Option<PathBuf>> {
        self.optional(key, |path| {
            let content =
                files::read(Path::new(path)).map_err(|error| format!("this file cannot be read: {error}"))?;
            let pem = b"-----BEGIN CERTIFICATE-----";
            if !content.windows(pem.len()).any(|window| window == pem) {
                return Err("this file holds no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned());
            }
            client::judge_roots(&content).map(|()| PathBuf::from(path)).map_err(|bad| bad.to_string())
        })
    }
}

impl Raw {
    /// A list of texts; as text, it is a TOML or JSON array, or separated by commas.
    pub fn entries(&mut self, key: &str) -> Option<Vec<String>> {
        let items = match self.value(key)? {
            Value::Array(_, items) => items,
            Value::String(_, text) if text.trim_start().starts_with('[') && !begins_with_ipv6(&text) => {
                match text.trim().parse::<toml_edit::Value>().as_ref().map(scalar) {
                    Ok(Value::Array(_, items)) => items,
                    _ => return self.refuse(key, "this is not a list; write [\"a\", \"b\"] or a,b"),
                }
            }
            Value::String(_, text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(Value::from).collect()
            }
            _ => {
                return self
                    .refuse(key, "this must be text in quotes, or a list of texts, such as [\"a\", \"b\"]");
            }
        };
        let texts: Option<Vec<String>> = items.into_iter().map(Value::into_string).collect();
        texts.or_else(|| self.refuse(key, "every entry of this list must be text in quotes"))
    }

    fn refuse<T>(&mut self, key: &str, what: impl AsRef<str>) -> Option<T> {
        self.problem(key, what);
        None
    }
}

/// Whether a text begins with an address such as `[::1]:8787`, which begins like a list.
fn begins_with_ipv6(text: &str) -> bool {
    let inside = text.trim_start().trim_start_matches('[').split(']').next();
    inside.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
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
