//! `/q/direct`: the page inside WeChat on which the customer pays an 800207 order. Unsigned by design.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BrowserUrl, BrowserUrlError, Pages, require_amount, require_currency, required, url};
use crate::sign::Params;

/// What the payment answer gave the shop in `pay_params`. `paySign` is WeChat's signature, not QFPay's.
const PAY_PARAMS: [&str; 6] = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];

/// What the shop adds.
const PAGE: [&str; 4] = ["mchntnm", "txamt", "currency", "redirect_url"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayParams<'a> {
    app_id: Option<String>,
    /// Text or number.
    #[serde(borrow)]
    time_stamp: Option<&'a RawValue>,
    nonce_str: Option<String>,
    package: Option<String>,
    sign_type: Option<String>,
    pay_sign: Option<String>,
}

impl Pages {
    /// Takes the six fields, or `pay_params` as the JSON text that the payment answer holds.
    pub(super) fn direct(&self, params: &Params) -> Result<BrowserUrl, BrowserUrlError> {
        let mut page = Params::new();
        match params.get("pay_params") {
            Some(json) => unpack(json, &mut page)?,
            None => PAY_PARAMS.iter().for_each(|name| copy(params, name, &mut page)),
        }
        for name in PAGE.iter().chain(&["goods_name"]) {
            copy(params, name, &mut page);
        }
        for name in PAGE.iter().chain(&PAY_PARAMS) {
            required(&page, name)?;
        }
        require_amount(&page)?;
        require_currency(&page, "currency")?;
        self.check_redirect(&page, "redirect_url")?;
        Ok(BrowserUrl(format!("{}/q/direct?{}", self.browser_base, url::encode(page.iter()))))
    }
}

fn copy(from: &Params, name: &'static str, to: &mut Params) {
    if let Some(value) = from.get(name) {
        to.set(name, value);
    }
}

fn unpack(json: &str, page: &mut Params) -> Result<(), BrowserUrlError> {
    let refused = BrowserUrlError::Invalid {
        name: "pay_params",
        expected: "the JSON object that the payment answer holds",
    };
    let Ok(pay) = serde_json::from_str::<PayParams<'_>>(json) else { return Err(refused) };
    let time_stamp = pay.time_stamp.map(|raw| raw.get().trim_matches('"').to_owned());
    let values = [pay.app_id, time_stamp, pay.nonce_str, pay.package, pay.sign_type, pay.pay_sign];
    for (name, value) in PAY_PARAMS.into_iter().zip(values) {
        page.set(name, value.ok_or(BrowserUrlError::Missing(name))?);
    }
    Ok(())
}
