//! URLs that the customer's browser opens: oauth code, hosted checkout, WeChat payment page.
//!
//! Their signature travels in the query or the fragment, so the sidecar answers with the finished URL instead of
//! calling QFPay. Pure: parameters in, URL out.

mod checkstand;
mod direct;
mod oauth;
mod url;

use crate::base_url::UpstreamUrl;
use crate::credentials::{App, HexCase, SignType};
use crate::endpoint::BrowserPage;
use crate::sign::{Params, Signer, names_inside};

/// What the pages need to know beside the parameters.
#[derive(Debug)]
pub struct Pages {
    /// QFPay's API host: oauth and checkout.
    pub base: UpstreamUrl,
    /// The host of `/q/direct`.
    pub browser_base: UpstreamUrl,
    /// Hosts that customers may be sent back to; empty for any.
    pub allowed_redirect_hosts: Vec<String>,
    /// The hash of checkout URLs.
    pub checkout_sign_type: SignType,
    /// The literal `sign_type` of checkout URLs: what is sent is what is signed.
    pub checkout_sign_type_spelling: String,
    /// Whether `lang` is part of what a checkout URL signs; QFPay's sources disagree.
    pub checkout_sign_lang: bool,
}

/// A finished URL. It may hold a signature: it goes to the caller and nowhere else.
pub struct BrowserUrl(String);

impl BrowserUrl {
    /// The URL, for a `Location` or a JSON answer. ASCII without blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why no URL can be made. Names parameters, never values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BrowserUrlError {
    /// A mandatory parameter is absent or empty.
    #[error("parameter '{0}' is missing")]
    Missing(&'static str),
    /// A parameter has a value that QFPay's page cannot take.
    #[error("parameter '{name}' must be {expected}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Not one of the page's own parameters.
    #[error("this page has no parameter '{0}'")]
    Unknown(String),
    /// The customer could not be sent there, or would be sent somewhere else than it seems.
    #[error("parameter '{0}' must be an absolute http:// or https:// URL with a plain host name")]
    NotAUrl(&'static str),
    /// Not in the configured list.
    #[error("the host in parameter '{0}' is not in browser.allowed_redirect_hosts")]
    HostNotAllowed(&'static str),
    /// The scheme has no escaping, so the signature would fit a URL with another parameter as well.
    #[error("the value of parameter '{name}' holds '&{inner}=', which would sign like parameter '{inner}'")]
    Ambiguous {
        /// The parameter whose value it is.
        name: String,
        /// The parameter that it reads like.
        inner: &'static str,
    },
    /// A name and its alias at once.
    #[error("parameters '{0}' and '{1}' mean the same; send one of them")]
    Twice(&'static str, &'static str),
}

impl Pages {
    /// Makes the URL of a page. `now` is the date and time for `txdtm` where the caller sent none,
    /// `YYYY-MM-DD hh:mm:ss`.
    ///
    /// # Errors
    /// [`BrowserUrlError`] names the parameter at fault.
    pub fn url(
        &self,
        page: BrowserPage,
        params: Params,
        app: &App,
        now: &str,
    ) -> Result<BrowserUrl, BrowserUrlError> {
        match page {
            BrowserPage::WeixinOauth => self.weixin_oauth(params, app),
            BrowserPage::Checkstand => self.checkstand(params, app, now),
            BrowserPage::Direct => self.direct(&params),
        }
    }
}

/// The value of a mandatory parameter.
fn required<'a>(params: &'a Params, name: &'static str) -> Result<&'a str, BrowserUrlError> {
    params.get(name).filter(|value| !value.is_empty()).ok_or(BrowserUrlError::Missing(name))
}

/// An amount in minor units, as QFPay's tables have it (Int(11)).
fn require_amount(params: &Params) -> Result<(), BrowserUrlError> {
    let amount = required(params, "txamt")?;
    let positive = amount.bytes().any(|b| b != b'0');
    if amount.len() <= 11 && positive && amount.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(BrowserUrlError::Invalid {
        name: "txamt",
        expected: "a positive whole number of cents, without sign or point",
    })
}

/// A currency code. Not checked against a list: QFPay adds currencies.
fn require_currency(params: &Params, name: &'static str) -> Result<(), BrowserUrlError> {
    let code = required(params, name)?;
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(BrowserUrlError::Invalid { name, expected: "a currency code of three capital letters, such as HKD" })
}

/// Refuses names that are not the page's own: a signature has no path in it, so what is signed for a page must not be
/// good for a refund.
fn refuse_unknown(params: &Params, known: &[&'static str]) -> Result<(), BrowserUrlError> {
    match params.names().find(|name| !known.contains(name)) {
        Some(name) => Err(BrowserUrlError::Unknown(name.to_owned())),
        None => Ok(()),
    }
}

/// What QFPay's calls look at before they move money or say who is meant. No value may smuggle one of these in.
const READ_BY_CALLS: [&str; 30] = [
    "app_code",
    "appcode",
    "auth_code",
    "chnl_ext",
    "code",
    "customer_id",
    "customs",
    "email",
    "end_time",
    "extend_info",
    "mchid",
    "mchntid",
    "notify_url",
    "openid",
    "out_trade_no",
    "pay_type",
    "phone",
    "product_id",
    "sign",
    "sign_type",
    "start_time",
    "sub_openid",
    "subscription_id",
    "syssn",
    "token_id",
    "trade_date",
    "trade_type",
    "txamt",
    "txcurrcd",
    "txdtm",
];

/// Refuses values that hold `&name=` for a name that the page or a call knows: neither path nor `&` is protected by a
/// signature, so with such a value the page's signature would fit a refund. Other `&name=`, as in a return URL with a
/// query of its own, mean nothing to QFPay.
fn refuse_ambiguous(params: &Params, known: &[&'static str]) -> Result<(), BrowserUrlError> {
    let known = || known.iter().chain(&READ_BY_CALLS);
    for (name, value) in params.iter() {
        if let Some(inner) = names_inside(value).find_map(|inner| known().find(|&&name| name == inner)) {
            return Err(BrowserUrlError::Ambiguous { name: name.to_owned(), inner });
        }
    }
    Ok(())
}

/// Signs what is given, raw, as text for a URL.
fn sign(params: &Params, app: &App, sign_type: SignType, case: HexCase) -> String {
    let signer = Signer { key: &app.client_key, sign_type };
    signer.sign_params(params).to_hex(case)
}
