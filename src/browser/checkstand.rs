//! `/checkstand/#/`: QFPay's hosted checkout. Its parameters stand in the fragment, which no server ever sees.

use super::{
    BrowserUrl, BrowserUrlError, Pages, refuse_ambiguous, refuse_unknown, require_amount, require_currency,
    required, sign, url,
};
use crate::credentials::App;
use crate::sign::Params;

/// Parameters without which the checkout page refuses (protocol section 3.9), but for those that the sidecar adds.
const MANDATORY: [&str; 7] =
    ["paysource", "txamt", "txcurrcd", "out_trade_no", "return_url", "failed_url", "notify_url"];

/// Every name that the page knows: CAM's table, and `txzone` and `pay_tag` as seen in the field.
const KNOWN: [&str; 21] = [
    "appcode",
    "cancel_url",
    "checkout_expired_time",
    "expired_time",
    "failed_url",
    "goods_name",
    "lang",
    "limit_pay",
    "mchntid",
    "notify_url",
    "out_trade_no",
    "pay_tag",
    "paysource",
    "return_url",
    "sign_type",
    "txamt",
    "txcurrcd",
    "txdtm",
    "txzone",
    "udid",
    "sign",
];

impl Pages {
    pub(super) fn checkstand(
        &self,
        mut params: Params,
        app: &App,
        now: &str,
    ) -> Result<BrowserUrl, BrowserUrlError> {
        params.remove("app_code");
        params.set("appcode", app.app_code.as_str());
        use_mchntid(&mut params, app)?;
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
        require_amount(&params)?;
        require_currency(&params, "txcurrcd")?;
        for name in ["return_url", "failed_url", "cancel_url"] {
            self.check_redirect(&params, name)?;
        }
        // QFPay's server calls this one, so the list of hosts for customers does not apply.
        url::host_of(required(&params, "notify_url")?).ok_or(BrowserUrlError::NotAUrl("notify_url"))?;

        params.set("sign_type", self.checkout_sign_type_spelling.as_str());
        refuse_unknown(&params, &KNOWN)?;
        let unsigned_lang = if self.checkout_sign_lang { None } else { params.remove("lang") };
        // What is not signed cannot be smuggled: a return URL may hold `&lang=` then.
        let known = if self.checkout_sign_lang { &KNOWN[..] } else { &without_lang() };
        refuse_ambiguous(&params, known)?;
        let case = self.checkout_sign_type.usual_case();
        let signature = sign(&params, app, self.checkout_sign_type, case);
        if let Some(lang) = unsigned_lang {
            params.set("lang", lang);
        }
        params.set("sign", signature);
        Ok(BrowserUrl(format!("{}/checkstand/#/?{}", self.base, url::encode(params.iter()))))
    }
}

fn without_lang() -> Vec<&'static str> {
    KNOWN.into_iter().filter(|name| *name != "lang").collect()
}

/// The checkout's own name for the merchant is `mchntid`; callers may use the API's `mchid`.
fn use_mchntid(params: &mut Params, app: &App) -> Result<(), BrowserUrlError> {
    match (params.remove("mchid"), params.get("mchntid")) {
        (Some(_), Some(_)) => return Err(BrowserUrlError::Twice("mchid", "mchntid")),
        (Some(mchid), None) => params.set("mchntid", mchid),
        (None, Some(_)) => {}
        (None, None) => {
            if let Some(mchid) = &app.mchid {
                params.set("mchntid", mchid.as_str());
            }
        }
    }
    Ok(())
}
