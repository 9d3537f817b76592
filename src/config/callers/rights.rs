//! What a caller may do: `apps`, `mchids`, `endpoints` and `max_amount` of its section.

use std::collections::BTreeMap;
use std::sync::Arc;

use figment::value::Value;

use super::super::document;
use super::super::errors::shown;
use super::super::raw::Raw;
use crate::access::{Endpoints, Rights};
use crate::credentials::{App, Keyring};
use crate::settings::Reader;

/// The largest amount that QFPay's tables have room for (Int(11)).
const LARGEST_AMOUNT: u64 = 99_999_999_999;

/// Reads what this caller may do.
pub(super) fn rights(raw: &mut Raw, name: &str, keyring: Option<&Keyring>) -> Option<Rights> {
    let key = raw.caller_key(name, "apps");
    let apps = raw.entries(&key).and_then(|names| apps(raw, &key, &names, keyring));
    let key = raw.caller_key(name, "mchids");
    let mchids = raw.entries(&key).and_then(|values| mchids(raw, &key, values));
    let key = raw.caller_key(name, "endpoints");
    let endpoints = raw.list(&key, Endpoints::new);
    let key = raw.caller_key(name, "max_amount");
    let max_amount = ceilings(raw, &key);
    let rights = Rights { apps: apps?, mchids: mchids?, endpoints: endpoints?, max_amount: max_amount? };
    merchants_of_apps(raw, name, &rights, keyring?)?;
    Some(rights)
}

fn apps(raw: &mut Raw, key: &str, names: &[String], keyring: Option<&Keyring>) -> Option<Vec<Arc<App>>> {
    if let Some(other) = names.iter().find(|name| !raw.has_app(name)) {
        let what = format!("{} is no app; the apps are: {}", shown(other), raw.app_names().join(", "));
        raw.problem(key, what);
        return None;
    }
    let keyring = keyring?;
    let mut apps: Vec<_> = names.iter().filter_map(|name| keyring.by_name(name).cloned()).collect();
    apps.sort_by(|one, other| one.name.cmp(&other.name));
    apps.dedup_by(|one, other| one.name == other.name);
    Some(apps)
}

fn mchids(raw: &mut Raw, key: &str, values: Vec<String>) -> Option<Vec<String>> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_illegal = |value: &&String| !(1..=64).contains(&value.len()) || !value.bytes().all(legal);
    if let Some(value) = values.iter().find(is_illegal) {
        let what =
            format!("{}: each has 1 to 64 letters, digits, '_' or '-', as QFPay writes it", shown(value));
        raw.problem(key, what);
        return None;
    }
    let mut values = values;
    values.sort_unstable();
    values.dedup();
    Some(values)
}

/// A caller's merchants come before an app's own, which would never be used, and was probably meant.
fn merchants_of_apps(raw: &mut Raw, name: &str, rights: &Rights, keyring: &Keyring) -> Option<()> {
    if rights.mchids.is_empty() {
        return Some(());
    }
    let apps = if rights.apps.is_empty() { keyring.apps() } else { &rights.apps };
    let outside = |app: &&Arc<App>| app.mchid.as_ref().is_some_and(|own| !rights.mchids.contains(own));
    let Some(app) = apps.iter().find(outside) else { return Some(()) };
    let own = raw.app_key(&app.name, "mchid");
    let place = raw.place(&own);
    let what = format!(
        "this caller may have apps.{} sign, whose mchid ({place}) is none of these; add it here, or name other apps in \
         callers.{name}.apps",
        app.name
    );
    let key = raw.caller_key(name, "mchids");
    raw.problem(&key, what);
    None
}

/// `max_amount`: a section of its own or an inline table; in variables and flags as text.
pub(super) fn ceilings(raw: &mut Raw, key: &str) -> Option<BTreeMap<String, u64>> {
    let below = format!("{key}.");
    let currencies: Vec<_> =
        raw.settings.keys().filter_map(|key| key.strip_prefix(&below)).map(str::to_owned).collect();
    if !currencies.is_empty() {
        raw.note_as_read(key);
        let ceilings: Vec<_> = currencies
            .into_iter()
            .map(|currency| {
                let key = format!("{key}.{currency}");
                let ceiling = raw.number(&key, "smallest units of that currency", 1..=LARGEST_AMOUNT);
                is_currency(raw, &key, &currency).then_some((currency, ceiling?))
            })
            .collect();
        return ceilings.into_iter().collect();
    }
    let written = match raw.value(key)? {
        Value::Dict(_, entries) if entries.is_empty() => return Some(BTreeMap::new()),
        Value::String(_, text) if text.is_empty() => return Some(BTreeMap::new()),
        Value::String(_, text) => document::inline_table(&text),
        _ => None,
    };
    let ceiling = |(currency, value): (String, Value)| {
        let amount = u64::try_from(value.to_i128()?).ok()?;
        ((1..=LARGEST_AMOUNT).contains(&amount) && is_code(&currency)).then_some((currency, amount))
    };
    let ceilings = written.and_then(|entries| entries.into_iter().map(ceiling).collect());
    if ceilings.is_none() {
        raw.problem(key, "write { HKD = 500000 }: a currency in capital letters, and its smallest units");
    }
    ceilings
}

fn is_code(currency: &str) -> bool {
    currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_currency(raw: &mut Raw, key: &str, currency: &str) -> bool {
    let is_code = is_code(currency);
    if !is_code {
        let what = "this is no currency; write three capital letters, such as HKD (in a variable: max_amount itself as \
                    { HKD = 500000 })";
        raw.problem(key, what);
    }
    is_code
}
