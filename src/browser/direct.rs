//! `/q/direct`: the page inside WeChat on which the customer pays an 800207 order. Unsigned by design.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BrowserUrl, BrowserUrlError, Pages, check_amount, check_currency, missing, required, url};
use crate::sign::Params;

/// What the payment answer gave the shop in `pay_params`. `paySign` is WeChat's signature, not QFPay's.
const PAY_PARAMS: [&str; 6] = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];

/// What the shop adds. Real shops leave out `currency` and are served, so none is demanded.
const PAGE: [&str; 4] = ["mchntnm", "txamt", "currency", "redirect_url"];

/// Every name that callers may send: the page's own, `pay_params` for the six, and what may have chosen the app.
pub(super) const TAKEN: [&str; 14] = [
    "app_code",
    "appcode",
    "pay_params",
    "appId",
    "timeStamp",
    "nonceStr",
    "package",
    "signType",
    "paySign",
    "mchntnm",
    "txamt",
    "currency",
    "redirect_url",
    "goods_name",
];

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
        let mut page = params.clone();
        // They chose the app, whose key this unsigned page does not need.
        page.remove("app_code");
        page.remove("appcode");
        if let Some(json) = page.remove("pay_params") {
            if let Some(twice) = PAY_PARAMS.into_iter().find(|name| page.get(name).is_some()) {
                return Err(BrowserUrlError::Twice("pay_params", twice));
            }
            unpack(&json, &mut page)?;
        }
        for name in PAY_PARAMS {
            required(&page, name)?;
        }
        check_amount(&page)?;
        check_currency(&page, "currency")?;
        self.check_redirect(&page, "redirect_url")?;
        let url = format!("{}/q/direct?{}", self.browser_base, url::encode(page.iter()));
        Ok(BrowserUrl { url, missing: missing(&page, &PAGE) })
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
