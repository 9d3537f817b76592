//! Every effective value and where it comes from, for the `check` command. Shows no key, and nothing that could be one.

use figment::value::Value;

use super::command;
use super::errors::{NOT_SHOWN, shown, shown_source, without_keys};
use super::quota::shown_path;
use super::raw::Raw;
use super::readers::written;
use super::sections::defaults_of;
use super::unknown;
use crate::credentials::AppCode;
use crate::quota::StoreAddress;

/// One effective setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The full path of the key, such as `limits.body_bytes`.
    pub key: String,
    /// The value as people may see it: an `app_code` is shortened, what could be a key is left out.
    pub value: String,
    /// `default`, `config/test.toml:12`, `environment variable QFPAY__...`, `flag --listen`.
    pub source: String,
    /// Whether it is another value than that of `config/default.toml`.
    pub differs: bool,
}

impl Effective {
    /// Leaves an `app_code` out, of which something is shown otherwise.
    pub fn leave_out_code(&mut self) {
        if self.key.ends_with(".app_code") && self.value != EMPTY {
            NOT_SHOWN.clone_into(&mut self.value);
        }
    }
}

/// How an empty text is shown.
const EMPTY: &str = "''";

/// Every setting, in the order of the key paths.
pub(super) fn list(raw: &Raw) -> Vec<Effective> {
    let show = |key: &str, value: &Value| match unknown::is_known(raw, key) {
        true => value_for_people(key, value),
        false => format!("{NOT_SHOWN}, unknown key"),
    };
    let settings = raw.settings.iter();
    settings
        .map(|(key, setting)| Effective {
            key: without_keys(key),
            value: show(key, &setting.value),
            source: setting.place.clone(),
            differs: differs(raw, key, &setting.value),
        })
        .collect()
}

/// Compared as text: a variable says `"30000"` where a file says `30000`.
fn differs(raw: &Raw, key: &str, value: &Value) -> bool {
    let default = match key.rsplit_once('.').and_then(|(section, name)| Some((defaults_of(section)?, name))) {
        Some((section, name)) => raw.defaults.get(&format!("{section}.{name}")),
        None => raw.defaults.get(key),
    };
    default.is_none_or(|default| plain(default) != plain(value))
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Array(_, items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        value => written(value),
    }
}

fn value_for_people(key: &str, value: &Value) -> String {
    let name = key.rsplit('.').next().unwrap_or(key);
    match (name, value) {
        (_, Value::String(_, text)) if text.is_empty() => EMPTY.to_owned(),
        // A wrong one may hold a password.
        ("store", Value::String(_, text)) => {
            StoreAddress::parse(text).map_or_else(|_| NOT_SHOWN.to_owned(), |store| store.to_string())
        }
        ("store_password_file" | "proxy_credentials_file", Value::String(_, text)) => shown_path(text),
        ("app_code", Value::String(_, text)) => {
            AppCode::new(text).map_or_else(|_| NOT_SHOWN.to_owned(), |code| code.shortened())
        }
        ("client_key_command" | "client_key_previous_command", Value::Array(_, items)) => {
            let parts: Vec<_> =
                items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
            match parts.len() {
                0 => "[]".to_owned(),
                1 => format!("[{}]", command::shown(&parts)),
                count => format!("[{}, {} not shown]", command::shown(&parts), count - 1),
            }
        }
        ("client_key_command" | "client_key_previous_command", _) => NOT_SHOWN.to_owned(),
        (name, value)
            if name.starts_with("client_key_") || ["local_key_file", "token_file"].contains(&name) =>
        {
            value.as_str().map_or_else(|| NOT_SHOWN.to_owned(), shown_source)
        }
        ("mchid" | "app_code", value) if value.as_str().is_none() => NOT_SHOWN.to_owned(),
        (_, Value::Array(_, items)) => {
            let items: Vec<_> =
                items.iter().map(|item| item.as_str().map_or_else(|| written(item), shown)).collect();
            format!("[{}]", items.join(", "))
        }
        (_, value) => written(value),
    }
}
