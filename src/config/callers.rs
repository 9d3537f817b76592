//! `[access]` and the `[callers.NAME]` sections: who may call, by what each is known, and what it may do.

mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use figment::value::Value;

use super::errors::{shown, without_keys};
use super::raw::Raw;
use super::sections::CALLER_DEFAULTS;
use super::{Listen, document, local_key, users};
use crate::access::{Access, Caller, Endpoints, Rights, Settings};
use crate::api::Routes;
use crate::browser;
use crate::credentials::{App, Keyring, LocalKey};
use crate::endpoint::{self, BrowserPage};
use crate::server::Address;
use crate::settings::Reader;

/// The largest amount that QFPay's tables have room for (Int(11)).
const LARGEST_AMOUNT: u64 = 99_999_999_999;

/// How metrics name strangers.
const STRANGERS: &str = "unknown";

/// The user that stands for all that have no number here, who proves nothing.
const OVERFLOW_USER: u32 = 65_534;

/// Reads the sections. `keyring` is `None` where it is wrong itself.
pub(super) fn access(raw: &mut Raw, keyring: Option<&Keyring>) -> Option<Arc<Access>> {
    let settings = Settings::read(raw);
    let names = raw.caller_names();
    if names.is_empty() {
        read_defaults(raw);
    }
    let callers: Vec<_> = names.iter().map(|name| caller(raw, name, keyring)).collect();
    let callers: Option<Vec<_>> = callers.into_iter().collect();
    let callers: Vec<_> = callers?.into_iter().map(Arc::new).collect();
    alone_with_a_user(raw, &callers);
    Some(Arc::new(Access::new(settings?, callers)))
}

/// Also without a caller the defaults must make sense.
fn read_defaults(raw: &mut Raw) {
    for name in ["user", "token_file", "local_key_file"] {
        raw.text(&format!("{CALLER_DEFAULTS}.{name}"));
    }
    for name in ["apps", "mchids"] {
        raw.entries(&format!("{CALLER_DEFAULTS}.{name}"));
    }
    raw.list(&format!("{CALLER_DEFAULTS}.endpoints"), Endpoints::new);
    ceilings(raw, &format!("{CALLER_DEFAULTS}.max_amount"));
}

fn caller(raw: &mut Raw, name: &str, keyring: Option<&Keyring>) -> Option<Caller> {
    let section = format!("callers.{name}");
    let is_legal = is_legal(raw, name, &section);
    let key = raw.caller_key(name, "user");
    let user = raw.optional(&key, users::user);
    if let Some(Some(number)) = user {
        unusual_user(raw, &key, number);
    }
    let [token, local_key] = ["token_file", "local_key_file"].map(|name_of| {
        let key = raw.caller_key(name, name_of);
        local_key::read_at(raw, &key)
    });
    let rights = rights(raw, name, keyring);
    let caller =
        Caller { name: name.to_owned(), user: user?, token: token?, local_key: local_key?, rights: rights? };
    if caller.user.is_none() && caller.token.is_none() && caller.local_key.is_none() {
        raw.problem(
            &section,
            "nothing proves that this one calls; name its user, token_file or local_key_file",
        );
        return None;
    }
    is_legal.then_some(caller)
}

/// It stands in logs and metrics.
fn is_legal(raw: &mut Raw, name: &str, section: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    let what = if without_keys(name) != name {
        "the name of this caller could be a key; give it another one"
    } else if !(1..=32).contains(&name.len()) || !name.bytes().all(legal) {
        "the name of a caller has 1 to 32 lower-case letters, digits, '_' or '-', so that variables and metrics can name it"
    } else if name == STRANGERS {
        "metrics and logs name strangers so; give this caller another name"
    } else {
        return true;
    };
    raw.problem(section, what);
    false
}

fn unusual_user(raw: &mut Raw, key: &str, number: u32) {
    match number {
        0 => raw.advise(
            key,
            "what forwards connections (docker-proxy, ssh, socat) often runs as root, and whoever reaches it is this caller \
             then; give the caller a user of its own, or a token beside it",
        ),
        OVERFLOW_USER => raw.advise(
            key,
            "65534 stands for every user that has no number here, so this section matches no process; give the caller a \
             user of its own, or a token",
        ),
        _ => {}
    }
}

fn rights(raw: &mut Raw, name: &str, keyring: Option<&Keyring>) -> Option<Rights> {
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
fn ceilings(raw: &mut Raw, key: &str) -> Option<BTreeMap<String, u64>> {
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

/// Two of one user and nothing else could not be told apart.
fn alone_with_a_user(raw: &mut Raw, callers: &[Arc<Caller>]) {
    let mut seen: BTreeMap<u32, &str> = BTreeMap::new();
    for caller in callers.iter().filter(|caller| caller.token.is_none() && caller.local_key.is_none()) {
        let Some(user) = caller.user else { continue };
        if let Some(twin) = seen.insert(user, &caller.name) {
            let other = raw.caller_key(twin, "user");
            let place = raw.place(&other);
            let what = format!(
                "callers.{twin} ({place}) has the same user, and neither has another proof; give one of them a token_file"
            );
            let key = raw.caller_key(&caller.name, "user");
            raw.problem(&key, what);
        }
    }
}

/// What of the other sections does not fit the callers.
pub(super) fn contradictions(
    raw: &mut Raw,
    access: &Access,
    listen: Option<&Listen>,
    routes: Option<&Routes>,
    browser: Option<&browser::Settings>,
    browser_key: Option<&LocalKey>,
    keyring: Option<&Keyring>,
) {
    secrets::apart(raw, access, keyring);
    if let Some(listen) = listen {
        far(raw, access, listen);
    }
    if let (Some(routes), Some(browser)) = (routes, browser) {
        reachable(raw, access, routes, browser);
    }
    if browser_key.is_some() && !access.is_open() {
        let what = "with [callers] every key is a caller's: name this file in the local_key_file of the caller whose pages they \
                    are, so that its rights hold for them";
        raw.problem("browser.local_key_file", what);
    }
}

/// Beyond loopback no user proves anything, and what is only reported is open to everybody.
fn far(raw: &mut Raw, access: &Access, listen: &Listen) {
    let is_far = |address: &Address| matches!(address, Address::Tcp(address) if !address.ip().is_loopback());
    if !listen.api.iter().any(is_far) || !listen.allow_non_loopback {
        return;
    }
    if access.is_open() {
        let what = "other machines reach the API and prove nothing, so a firewall alone says who can have payments signed; \
                    give each caller a section [callers.NAME] with a token_file. A later version will refuse this";
        raw.advise("listen.allow_non_loopback", what);
        return;
    }
    let place = raw.place("listen.api");
    if access.only_reports() {
        let what = format!(
            "other machines reach listen.api ({place}), and strangers' calls would pass; write enforce"
        );
        raw.problem("access.mode", what);
    }
    let unproved = access.callers().iter().filter(|caller| caller.user.is_none() && caller.token.is_none());
    for caller in unproved.map(|caller| caller.name.clone()).collect::<Vec<_>>() {
        let what = format!(
            "this caller can come from another machine (listen.api, {place}), and needs a token_file: the network sees what its \
             local key signed"
        );
        raw.problem(&format!("callers.{caller}.token_file"), what);
    }
}

/// A right to what the sidecar signs for nobody is probably a slip.
fn reachable(raw: &mut Raw, access: &Access, routes: &Routes, browser: &browser::Settings) {
    let is_page = |entry: &str| {
        let mut pages = browser.pages.iter().map(|page| endpoint::path_of(*page));
        pages.any(|page| page.starts_with(entry) || entry.strip_suffix('/') == Some(page))
    };
    let overlaps = |entry: &str| {
        let mut routes = routes.entries().iter();
        routes.any(|route| {
            let below = |prefix: &str, path: &str| prefix.ends_with('/') && path.starts_with(prefix);
            route == entry || below(route, entry) || below(entry, route)
        })
    };
    for caller in access.callers() {
        let entries = caller.rights.endpoints.entries().iter();
        if let Some(entry) = entries.clone().find(|entry| !is_page(entry) && !overlaps(entry)) {
            let setting = match endpoint::find(entry).ok().and_then(endpoint::Endpoint::browser_page) {
                Some(BrowserPage::Checkstand | BrowserPage::Direct) => "browser.pages",
                _ => "routes.allow",
            };
            let place = raw.place(setting);
            let key = raw.caller_key(&caller.name, "endpoints");
            raw.advise(
                &key,
                &format!("{entry} is not signed for anybody: {setting} ({place}) does not name it"),
            );
        }
    }
}
