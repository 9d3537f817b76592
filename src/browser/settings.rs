//! The settings of pages in the customer's browser.

use super::{PASSABLE_IN_URLS, PublicPrefix};
use crate::credentials::SignType;
use crate::endpoint::BrowserPage;
use crate::settings::section;

section! {
    /// Which pages are signed, for whom, and what they may name.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// The pages whose URLs are signed.
        pub pages: Vec<BrowserPage> = list("browser.pages", pages),
        /// Hosts, in lower case, that customers may be sent back to and QFPay may post to; empty allows any.
        pub allowed_redirect_hosts: Vec<String> = list("browser.allowed_redirect_hosts", host_names),
        /// Where customers' browsers reach the pages themselves, through the shop's web server; `None` is nowhere.
        pub public_prefix: Option<PublicPrefix> = optional("browser.public_prefix", PublicPrefix::parse),
        /// Names out of [`PASSABLE_IN_URLS`] that return URLs may hold as `&name=` although a page or a call reads them.
        pub allowed_in_urls: Vec<String> = list("browser.allowed_in_urls", passable),
    }
}

section! {
    /// Hosted checkout (protocol sheet 3.9).
    #[derive(Clone, Debug)]
    pub struct Checkout {
        /// The hash that signs checkout URLs.
        pub sign_type: SignType = choice("checkout.sign_type", &SignType::WORDS),
        /// How the `sign_type` parameter is written: what is sent is what is signed.
        pub sign_type_spelling: String = parsed("checkout.sign_type_spelling", word),
        /// Whether `lang` is part of what a checkout URL signs; QFPay's sources disagree.
        pub sign_lang: bool = flag("checkout.sign_lang"),
    }
}

fn pages(words: Vec<String>) -> Result<Vec<BrowserPage>, (Option<String>, &'static str)> {
    let pages: Option<_> = words.iter().map(|word| BrowserPage::named(word)).collect();
    pages.ok_or((None, "the pages are get_weixin_oauth_code, checkstand and direct"))
}

fn host_names(hosts: Vec<String>) -> Result<Vec<String>, (Option<String>, &'static str)> {
    let hosts: Vec<_> = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let why = "write host names only (shop.example.com), without scheme, port or path";
    match hosts.iter().find(|host| host.is_empty() || !host.bytes().all(legal)) {
        Some(bad) => Err((Some(bad.clone()), why)),
        None => Ok(hosts),
    }
}

fn passable(names: Vec<String>) -> Result<Vec<String>, (Option<String>, String)> {
    let Some(bad) = names.iter().find(|name| !PASSABLE_IN_URLS.contains(&name.as_str())) else {
        return Ok(names);
    };
    let why = format!(
        "only names that cannot move money by themselves can be allowed: {}; what QFPay does not read passes anyway",
        PASSABLE_IN_URLS.join(", ")
    );
    Err((Some(bad.clone()), why))
}

/// A word that may stand in a URL as it is.
pub(crate) fn word(text: &str) -> Result<String, &'static str> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    match (1..=16).contains(&text.len()) && text.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => Err("write a short word of letters, digits, '_' or '-'"),
    }
}
