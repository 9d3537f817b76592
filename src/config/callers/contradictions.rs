//! Callers beside the other sections: what does not fit, and what was probably not meant.

use super::super::Listen;
use super::super::raw::Raw;
use super::secrets;
use crate::access::Access;
use crate::api::Routes;
use crate::browser;
use crate::credentials::{Keyring, LocalKey};
use crate::endpoint::{self, BrowserPage};
use crate::server::Address;

/// What of the other sections does not fit the callers.
pub(in super::super) fn contradictions(
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
