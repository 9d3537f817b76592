//! The start screen: the whole truth about a process, on one banner, without a secret.

use std::time::Instant;

use super::paper::{Ink, Paper};
use crate::app::Sidecar;
use crate::config::{Config, Target};
use crate::credentials::App;
use crate::endpoint::{self, BrowserPage};
use crate::selection::Selection;

/// Prints what runs, for whom, and where.
pub(super) fn print(config: &Config, sidecar: &Sidecar) {
    outln!("qfpay-sidecar {}", env!("CARGO_PKG_VERSION"));
    line("config", &config.sources.join(", "));
    apps(config);
    callers(config);
    pages(config);
    match &config.upstream.target {
        Target::Live(url) => match config.proxy.as_ref().filter(|_| url.is_https()) {
            Some(proxy) => line("upstream", &format!("{url} through the proxy {proxy}")),
            None => line("upstream", &url.to_string()),
        },
        Target::Sandbox => line("upstream", "the embedded sandbox: no money moves"),
    }
    if let Some(address) = sidecar.sandbox_address() {
        line("sandbox", &format!("{address} (console at /sandbox/)"));
    }
    line("paths", &config.routes.entries().join(" "));
    for address in sidecar.api_addresses() {
        line("api", &address.to_string());
    }
    match sidecar.admin_address() {
        Some(address) => line("admin", &format!("{address} (/livez /readyz /metrics)")),
        None => line("admin", "off"),
    }
    if let Some(address) = sidecar.notification_address() {
        line("notify", &address.to_string());
        for route in &config.notification_routes {
            line("", &format!("{} -> {} ({})", route.path, route.receiver_url, taken(&route.selection)));
        }
    }
}

/// Which notifications a route takes, in a few words.
fn taken(selection: &Selection) -> String {
    let mut said = selection.app.clone().unwrap_or_else(|| "any app".to_owned());
    let lists =
        [("mchid", &selection.mchids), ("userid", &selection.userids), ("notify_type", &selection.types)];
    for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
        let (shown, more) = values.split_at(values.len().min(3));
        said += &format!(", {name} {}", shown.join(" "));
        if !more.is_empty() {
            said += &format!(" and {} more", more.len());
        }
    }
    said
}

/// Prints a line for each app.
pub(super) fn apps(config: &Config) {
    for app in config.keyring.apps() {
        let default = if app.name == config.keyring.default_app().name { ", default" } else { "" };
        line("app", &format!("{}{default}", describe(app)));
        if let Some(previous) = config.keyring.previous(&app.name) {
            let (key, source) = (previous.client_key.fingerprint(), &previous.key_source);
            line("", &format!("{} verifies with key {key} from {source} as well", app.name));
        }
    }
}

/// Prints who may call, and where there is nobody who is told apart, that.
pub(super) fn callers(config: &Config) {
    let access = &config.access;
    if access.is_open() {
        line("callers", "every local process may call: there is no [callers] section");
        return;
    }
    let all = access.callers();
    let (shown, more) = all.split_at(all.len().min(8));
    let mut said: Vec<_> = shown.iter().map(|caller| caller.name.clone()).collect();
    if !more.is_empty() {
        said.push(format!("and {} more", more.len()));
    }
    let mode = if access.only_reports() {
        "only reported: strangers pass, and what a caller has no right to"
    } else {
        "nobody else may call"
    };
    line("callers", &format!("{} ({mode})", said.join(" ")));
}

/// Prints each caller, by what it is known and what it may do: names of settings and fingerprints, no secret.
pub(super) fn rights(config: &Config) {
    for caller in config.access.callers() {
        let proofs = [
            caller.user.map(|user| format!("user {user}")),
            caller.token.as_ref().map(|token| format!("token from {}", token.source())),
            caller
                .local_key
                .as_ref()
                .map(|key| format!("local key {} from {}", key.fingerprint(), key.source())),
        ];
        let proofs: Vec<_> = proofs.into_iter().flatten().collect();
        let rights = &caller.rights;
        let apps: Vec<_> = rights.apps.iter().map(|app| app.name.as_str()).collect();
        let ceilings: Vec<_> =
            rights.max_amount.iter().map(|(currency, ceiling)| format!("{currency} {ceiling}")).collect();
        let any = |list: String| if list.is_empty() { "any".to_owned() } else { list };
        let may = format!(
            "apps {}, mchids {}, endpoints {}, amounts {}",
            any(apps.join(" ")),
            any(rights.mchids.join(" ")),
            any(rights.endpoints.entries().join(" ")),
            any(ceilings.join(" ")),
        );
        line("caller", &format!("{}: {}; {may}", caller.name, proofs.join(" and ")));
    }
}

/// Prints what customers' browsers reach themselves, and who must have signed it.
pub(super) fn pages(config: &Config) {
    let browser = &config.browser;
    let Some(prefix) = &browser.public_prefix else { return };
    let below = |page| format!("{}{}", prefix.as_str(), endpoint::path_of(page));
    for page in &browser.pages {
        let who = match (page, config.local_keys.first()) {
            (BrowserPage::Direct, _) => "for everybody, as QFPay signs it nowhere".to_owned(),
            (_, Some(key)) => {
                format!(
                    "only as the shop's server signed it, key {} from {}",
                    key.fingerprint(),
                    key.source()
                )
            }
            _ if !config.access.is_open() => {
                "only as a caller's server signed it, with its local key".to_owned()
            }
            (BrowserPage::WeixinOauth, None) => {
                "for everybody, for the default app, to browser.allowed_redirect_hosts only".to_owned()
            }
            (BrowserPage::Checkstand, None) => "not served: browser.local_key_file names no key".to_owned(),
        };
        line("page", &format!("{} {who}", below(*page)));
    }
}

/// Prints the line that scripts wait for.
pub(super) fn ready(since: Instant) {
    outln!("ready in {} ms", since.elapsed().as_millis());
}

/// Prints a line of the screen.
pub(super) fn line(label: &str, text: &str) {
    outln!("{}", Paper::of_stdout().line(Ink::Label, label, 10, text));
}

/// An app as people recognise it, without its key.
fn describe(app: &App) -> String {
    let mchid = if app.mchid.is_some() { ", with mchid" } else { "" };
    format!(
        "{} ({}, key {} from {}, {}{mchid})",
        app.name,
        app.app_code.shortened(),
        app.client_key.fingerprint(),
        app.key_source,
        app.sign_type.as_str(),
    )
}
