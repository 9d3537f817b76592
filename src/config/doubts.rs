//! What is allowed, but probably not what was meant: told by `check` and at every start, and never refused.

mod together;

use super::Variable;
use super::errors::Problem;
use super::raw::Raw;
use super::sections::APP_DEFAULTS;
use crate::base_url::{API_HOSTS, PAGE_HOSTS};
use crate::settings::Reader;
use crate::upstream::{self, Target};

pub(super) use together::{journal, pages, paths, shutdown};

/// The variables of ours with one underscore: they say which files are read, and so are no settings.
const NO_SETTINGS: [&str; 2] = ["QFPAY_SIDECAR_ENV", "QFPAY_SIDECAR_CONFIG_DIR"];

/// The variables from which programs learn of a proxy for https.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Hosts that are nearly one of QFPay's.
pub(super) fn hosts(raw: &mut Raw, upstream: &upstream::Settings) {
    let base = match &upstream.target {
        Target::Live(url) => Some(("upstream.base_url", url, &API_HOSTS[..])),
        Target::Sandbox => None,
    };
    let pages = ("upstream.browser_base_url", &upstream.browser_base_url, &PAGE_HOSTS[..]);
    for (key, url, known) in base.into_iter().chain([pages]) {
        let host = url.host();
        let all = || API_HOSTS.iter().chain(&PAGE_HOSTS);
        if all().any(|known| **known == host) {
            continue;
        }
        if let Some(meant) = known.iter().find(|known| strsim::osa_distance(known, &host) == 1) {
            raw.advise(
                key,
                &format!("no host of QFPay's has this name, one letter away from {meant}; did you mean it?"),
            );
        }
    }
}

/// Variables that were meant as settings, but have one underscore where two belong, or are written small.
pub(super) fn variables(raw: &mut Raw, env: &[Variable]) {
    let named = |name: &str| {
        let mut places = raw.settings.iter().filter(|(key, _)| key.ends_with("_env"));
        places.any(|(_, setting)| setting.value.as_str() == Some(name))
    };
    let unread = env.iter().map(|(name, _)| name.as_str());
    let unread = unread.filter(|name| !name.starts_with("QFPAY__") && !NO_SETTINGS.contains(name));
    let doubts: Vec<_> = unread
        .filter(|name| !named(name))
        .filter_map(|name| Some((name.to_owned(), meant(raw, name)?)))
        .collect();
    for (name, meant) in doubts {
        raw.advise_at(
            &format!("environment variable {name}"),
            &format!("it is not read; between section and key stand two underscores: did you mean {meant}?"),
        );
    }
}

/// The setting that a variable was probably meant to be. Kubernetes sets variables for a service of our name, such as
/// `QFPAY_SIDECAR_PORT`: those are none.
fn meant(raw: &Raw, name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let rest = upper.strip_prefix("QFPAY_")?.trim_start_matches('_');
    let rest = rest.strip_prefix("SIDECAR_").unwrap_or(rest).trim_start_matches('_');
    let flat = |text: &str| text.to_ascii_lowercase().replace(['.', '_'], "");
    match rest {
        "ENV" => return Some("QFPAY_SIDECAR_ENV".to_owned()),
        "CONFIG_DIR" => return Some("QFPAY_SIDECAR_CONFIG_DIR".to_owned()),
        _ => {}
    }
    if let Some(app) = rest.strip_prefix("APPS_") {
        let keys = raw.known.iter().filter_map(|key| key.strip_prefix("app_defaults."));
        let mut keys = keys.map(str::to_ascii_uppercase);
        return keys.find(|key| app.ends_with(key.as_str())).map(|key| format!("QFPAY__APPS__NAME__{key}"));
    }
    raw.known.iter().find_map(|key| {
        let own = key.strip_prefix(APP_DEFAULTS).and_then(|own| own.strip_prefix('.'));
        match own {
            Some(own) if flat(own) == flat(rest) => {
                Some(format!("QFPAY__APPS__NAME__{}", own.to_ascii_uppercase()))
            }
            _ if flat(key) == flat(rest) => {
                Some(format!("QFPAY__{}", key.to_ascii_uppercase().replace('.', "__")))
            }
            _ => None,
        }
    })
}

/// The name of a variable that names a proxy, if calls would go through it in other programs. Its value may hold a password.
pub(super) fn unread_proxy(raw: &mut Raw, target: Option<&Target>, env: &[Variable]) -> Option<String> {
    let named = raw.again(|raw| raw.text("upstream.proxy")).is_some_and(|proxy| !proxy.is_empty());
    let live = matches!(target, Some(Target::Live(url)) if !url.is_loopback()) && !named;
    let set = |name: &&&str| env.iter().any(|(other, value)| other == **name && !value.is_empty());
    let name = PROXIES.iter().find(set).filter(|_| live)?;
    raw.advise_at(
        &format!("environment variable {name}"),
        "it is not read: name the proxy in upstream.proxy (http://HOST:PORT), or else a firewall must let the sidecar connect \
         to upstream.base_url itself",
    );
    Some((*name).to_owned())
}

/// An `app_code` that cannot be one of QFPay's.
pub(super) fn app_code(raw: &mut Raw, setting: &str, code: &str) {
    let issued = code.len() == 32 && code.bytes().all(|b| b.is_ascii_hexdigit());
    if !issued {
        let what = format!(
            "QFPay's app codes have 32 hex digits, this one has {} characters; compare it with what QFPay issued",
            code.len()
        );
        raw.advise(setting, &what);
    }
}

impl Raw {
    /// Records what is to be looked at, of a thing that is no setting.
    fn advise_at(&mut self, place: &str, what: &str) {
        self.advice.push(Problem::of_file(place, what).to_string());
    }
}
