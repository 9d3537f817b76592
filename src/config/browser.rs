//! `[browser]` and `[checkout]`: pages in the customer's browser.

use std::sync::Arc;

use super::PublicPrefix;
use super::apps::SIGN_TYPES;
use super::errors::shown;
use super::local_key;
use super::raw::Raw;
use crate::browser::PASSABLE_IN_URLS;
use crate::credentials::{LocalKey, SignType};
use crate::endpoint::BrowserPage;

/// Pages in the customer's browser.
#[derive(Clone, Debug)]
pub struct Browser {
    /// The pages whose URLs are signed.
    pub pages: Vec<BrowserPage>,
    /// Hosts, in lower case, that redirect URLs may name; empty allows any.
    pub allowed_redirect_hosts: Vec<String>,
    /// Where customers' browsers reach the pages themselves; `None` is nowhere.
    pub public_prefix: Option<PublicPrefix>,
    /// The shop's own keys; with any, pages below the prefix are only made from what one of them signed.
    pub local_keys: Arc<[LocalKey]>,
    /// Names that return URLs may hold as `&name=` although a page or a call reads them.
    pub allowed_in_urls: Vec<String>,
}

/// Hosted checkout (protocol sheet 3.9).
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The hash that signs checkout URLs.
    pub sign_type: SignType,
    /// How the `sign_type` parameter is written; it is signed itself.
    pub sign_type_spelling: String,
    /// Whether `lang` is signed.
    pub sign_lang: bool,
}

/// Reads `[browser]`.
pub(super) fn browser(raw: &mut Raw) -> Option<Browser> {
    let allowed_redirect_hosts = host_names(raw, "browser.allowed_redirect_hosts");
    let public_prefix = raw.optional("browser.public_prefix", PublicPrefix::parse);
    let local_key = local_key::read(raw);
    let allowed_in_urls = allowed_in_urls(raw);
    let key = "browser.pages";
    let words = raw.list(key)?;
    let pages: Option<Vec<_>> = words.iter().map(|word| BrowserPage::named(word)).collect();
    if pages.is_none() {
        raw.problem(key, "the pages are get_weixin_oauth_code, checkstand and direct");
    }
    Some(Browser {
        pages: pages?,
        allowed_redirect_hosts: allowed_redirect_hosts?,
        public_prefix: public_prefix?,
        local_keys: local_key?.into_iter().collect(),
        allowed_in_urls: allowed_in_urls?,
    })
}

/// Names of parameters that move no money by themselves.
fn allowed_in_urls(raw: &mut Raw) -> Option<Vec<String>> {
    let key = "browser.allowed_in_urls";
    let names = raw.list(key)?;
    let Some(bad) = names.iter().find(|name| !PASSABLE_IN_URLS.contains(&name.as_str())) else {
        return Some(names);
    };
    let what = format!(
        "{}: only names that cannot move money by themselves can be allowed: {}; what QFPay does not read passes anyway",
        shown(bad),
        PASSABLE_IN_URLS.join(", ")
    );
    raw.problem(key, what);
    None
}

/// A list of host names, in lower case.
fn host_names(raw: &mut Raw, key: &str) -> Option<Vec<String>> {
    let hosts: Vec<_> = raw.list(key)?.iter().map(|host| host.to_ascii_lowercase()).collect();
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let bad = hosts.iter().find(|host| host.is_empty() || !host.bytes().all(legal)).map(|bad| shown(bad));
    match bad {
        None => Some(hosts),
        Some(bad) => {
            raw.problem(
                key,
                format!("{bad}: write host names only (shop.example.com), without scheme, port or path"),
            );
            None
        }
    }
}

/// Reads `[checkout]`.
pub(super) fn checkout(raw: &mut Raw) -> Option<Checkout> {
    let sign_type = raw.choice("checkout.sign_type", &SIGN_TYPES);
    let sign_type_spelling = raw.parsed("checkout.sign_type_spelling", |text| word(text, 16));
    let sign_lang = raw.flag("checkout.sign_lang");
    if let (Some(sign_type), Some(spelling)) = (sign_type, &sign_type_spelling)
        && !spelling.eq_ignore_ascii_case(sign_type.as_str())
    {
        let place = raw.place("checkout.sign_type");
        let what = format!(
            "this spells another sign type than checkout.sign_type, {} ({place})",
            sign_type.as_str()
        );
        raw.problem("checkout.sign_type_spelling", what);
    }
    Some(Checkout { sign_type: sign_type?, sign_type_spelling: sign_type_spelling?, sign_lang: sign_lang? })
}

fn word(text: &str, longest: usize) -> Result<String, &'static str> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    match (1..=longest).contains(&text.len()) && text.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => Err("write a short word of letters, digits, '_' or '-'"),
    }
}
