//! URLs that the customer's browser opens: oauth code, hosted checkout, WeChat payment page.
//!
//! Their signature travels in the query or the fragment, so the sidecar answers with the finished URL instead of
//! calling QFPay. Pure: parameters in, URL out.

mod checkstand;
mod direct;
mod names;
mod oauth;
mod public_prefix;
mod settings;
mod url;

use crate::base_url::UpstreamUrl;
use crate::credentials::{App, HexCase, SignType};
use crate::endpoint::BrowserPage;
use crate::sign::{Params, Signer};

pub use names::PASSABLE_IN_URLS;
pub use public_prefix::{BadPrefix, PublicPrefix};
pub(crate) use settings::word;
pub use settings::{Checkout, Settings};

/// What the pages need to know beside the parameters.
#[derive(Debug)]
pub struct Pages {
    /// QFPay's API host: oauth and checkout.
    pub base: UpstreamUrl,
    /// The host of `/q/direct`.
    pub browser_base: UpstreamUrl,
    /// Which pages, and what they may name.
    pub settings: Settings,
    /// Hosted checkout.
    pub checkout: Checkout,
}

/// A finished URL. It may hold a signature: it goes to the caller and nowhere else.
pub struct BrowserUrl {
    url: String,
    missing: Vec<&'static str>,
}

impl BrowserUrl {
    /// The URL, for a `Location` or a JSON answer. ASCII without blanks.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Parameters that QFPay's documents call mandatory, and that were not sent. Live shops leave them out and are served.
    pub fn missing(&self) -> &[&'static str] {
        &self.missing
    }
}

/// Why no URL can be made. Names parameters, never values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BrowserUrlError {
    /// A mandatory parameter is absent or empty.
    #[error("parameter '{0}' is missing")]
    Missing(&'static str),
    /// None at all, as from a URL of QFPay's checkout, whose parameters stand behind its `#`.
    #[error(
        "no parameter came; what stands behind '#' in a URL never leaves the caller, so send /checkstand/?paysource=... \
         without #/"
    )]
    Nothing,
    /// A parameter has a value that QFPay's page cannot take.
    #[error("parameter '{name}' must be {expected}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Not one of the page's own parameters.
    #[error(
        "this page has no parameter '{0}'; what belongs to a URL in another parameter is encoded with it (& is %26)"
    )]
    Unknown(String),
    /// The customer could not be sent there, or would be sent somewhere else than it seems.
    #[error(
        "parameter '{0}' must be an absolute http:// or https:// URL with a plain host name, percent-encoded once"
    )]
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

/// Refuses names that are not the page's own: a signature has no path in it, so what is signed for a page must not be
/// good for a refund.
///
/// # Errors
/// [`BrowserUrlError::Unknown`] names the first one.
pub fn refuse_unknown(page: BrowserPage, params: &Params) -> Result<(), BrowserUrlError> {
    let known = match page {
        BrowserPage::WeixinOauth => &oauth::TAKEN[..],
        BrowserPage::Checkstand => &checkstand::TAKEN,
        BrowserPage::Direct => &direct::TAKEN,
    };
    match params.names().find(|name| !known.contains(name)) {
        Some(name) => Err(BrowserUrlError::Unknown(name.to_owned())),
        None => Ok(()),
    }
}

/// The parameters under the page's own names for them: callers may use the API's.
///
/// # Errors
/// [`BrowserUrlError::Twice`] when both are sent.
pub fn with_own_names(page: BrowserPage, params: Params) -> Result<Params, BrowserUrlError> {
    match page {
        BrowserPage::Checkstand => checkstand::with_mchntid(params),
        BrowserPage::WeixinOauth | BrowserPage::Direct => Ok(params),
    }
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
        refuse_unknown(page, &params)?;
        let params = with_own_names(page, params)?;
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

/// The names of these that are absent or empty.
fn missing(params: &Params, documented: &[&'static str]) -> Vec<&'static str> {
    documented.iter().copied().filter(|name| required(params, name).is_err()).collect()
}

/// An amount in minor units, as QFPay's tables have it (Int(11)); none is right too.
fn check_amount(params: &Params) -> Result<(), BrowserUrlError> {
    let Ok(amount) = required(params, "txamt") else { return Ok(()) };
    let positive = amount.bytes().any(|b| b != b'0');
    if amount.len() <= 11 && positive && amount.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(BrowserUrlError::Invalid {
        name: "txamt",
        expected: "a positive whole number of cents, without sign or point",
    })
}

/// A currency code; none is right too. Not checked against a list: QFPay adds currencies.
fn check_currency(params: &Params, name: &'static str) -> Result<(), BrowserUrlError> {
    let Ok(code) = required(params, name) else { return Ok(()) };
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(BrowserUrlError::Invalid { name, expected: "a currency code of three capital letters, such as HKD" })
}

/// Signs what is given, raw, as text for a URL.
fn sign(params: &Params, app: &App, sign_type: SignType, case: HexCase) -> String {
    let signer = Signer { key: &app.client_key, sign_type };
    signer.sign_params(params).to_hex(case)
}
