//! `/checkstand/#/`: QFPay's hosted checkout. Its parameters stand in the fragment, which no server ever sees.

use super::names::refuse_ambiguous;
use super::{BrowserUrl, BrowserUrlError, Pages, check_amount, check_currency, missing, required, sign, url};
use crate::credentials::App;
use crate::sign::Params;

/// Parameters without which no checkout is signed. No live shop leaves out the first two, and they are what tells a
/// page's signature from a reversal's.
const MANDATORY: [&str; 5] = ["paysource", "return_url", "out_trade_no", "txamt", "txcurrcd"];

/// What QFPay's documents call mandatory beside these (protocol section 3.9), and the sidecar does not add.
const DOCUMENTED: [&str; 2] = ["failed_url", "notify_url"];

/// Every name that callers may send: CAM's table, `txzone` and `pay_tag` as seen in the field, and the spellings of the
/// API for app and merchant.
pub(super) const TAKEN: [&str; 21] = [
    "app_code",
    "appcode",
    "cancel_url",
    "checkout_expired_time",
    "expired_time",
    "failed_url",
    "goods_name",
    "lang",
    "limit_pay",
    "mchid",
    "mchntid",
    "notify_url",
    "out_trade_no",
    "pay_tag",
    "paysource",
    "return_url",
    "txamt",
    "txcurrcd",
    "txdtm",
    "txzone",
    "udid",
];

impl Pages {
    pub(super) fn checkstand(
        &self,
        mut params: Params,
        app: &App,
        now: &str,
    ) -> Result<BrowserUrl, BrowserUrlError> {
        params.remove("app_code");
        if params.names().next().is_none() {
            return Err(BrowserUrlError::Nothing);
        }
        params.set("appcode", app.app_code.as_str());
        if params.get("txdtm").is_none_or(str::is_empty) {
            params.set("txdtm", now);
        }
        for name in MANDATORY {
            required(&params, name)?;
        }
        if !required(&params, "paysource")?.ends_with("_checkout") {
            let expected = "a word that ends in _checkout";
            return Err(BrowserUrlError::Invalid { name: "paysource", expected });
        }
        check_amount(&params)?;
        check_currency(&params, "txcurrcd")?;
        // QFPay's server posts to the last one: to a stranger's, and the shop never hears of its payment.
        for name in ["return_url", "failed_url", "cancel_url", "notify_url"] {
            self.check_redirect(&params, name)?;
        }
        let missing = missing(&params, &DOCUMENTED);

        params.set("sign_type", self.checkout.sign_type_spelling.as_str());
        let unsigned_lang = if self.checkout.sign_lang { None } else { params.remove("lang") };
        // What is not signed cannot be smuggled: a return URL may hold `&lang=` then.
        let known = if self.checkout.sign_lang { &TAKEN[..] } else { &without_lang() };
        refuse_ambiguous(&params, known, &self.settings.allowed_in_urls)?;
        let case = self.checkout.sign_type.usual_case();
        let signature = sign(&params, app, self.checkout.sign_type, case);
        if let Some(lang) = unsigned_lang {
            params.set("lang", lang);
        }
        params.set("sign", signature);
        let url = format!("{}/checkstand/#/?{}", self.base, url::encode(params.iter()));
        Ok(BrowserUrl { url, missing })
    }
}

fn without_lang() -> Vec<&'static str> {
    TAKEN.into_iter().filter(|name| *name != "lang").collect()
}

/// The checkout's own name for the merchant is `mchntid`; callers may use the API's `mchid`.
pub(super) fn with_mchntid(mut params: Params) -> Result<Params, BrowserUrlError> {
    match (params.remove("mchid"), params.get("mchntid")) {
        (Some(_), Some(_)) => return Err(BrowserUrlError::Twice("mchid", "mchntid")),
        (Some(mchid), None) => params.set("mchntid", mchid),
        (None, _) => {}
    }
    Ok(params)
}
