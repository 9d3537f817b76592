//! Which names may not stand inside a value of a page.

use super::BrowserUrlError;
use crate::sign::{Params, names_inside};

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

/// Those of them that move no money by themselves, and that a shop's return URL may have to hold. With one of them inside
/// a URL, the page's signature would fit a page or a call with that parameter as well: another text on the page, an order
/// that is closed or queried, never another amount, merchant or payer.
pub const PASSABLE_IN_URLS: [&str; 12] = [
    "code",
    "email",
    "end_time",
    "goods_name",
    "lang",
    "out_trade_no",
    "phone",
    "product_id",
    "start_time",
    "trade_date",
    "trade_type",
    "udid",
];

/// Parameters that hold URLs of the shop's.
const URLS: [&str; 5] = ["cancel_url", "failed_url", "notify_url", "redirect_uri", "return_url"];

/// Refuses values that hold `&name=` for a name that the page or a call knows: neither path nor `&` is protected by a
/// signature, so with such a value the page's signature would fit a refund. Other `&name=`, as in a return URL with a
/// query of its own, mean nothing to QFPay. `allowed` are those of [`PASSABLE_IN_URLS`] that pass in URLs.
pub(super) fn refuse_ambiguous(
    params: &Params,
    known: &[&'static str],
    allowed: &[String],
) -> Result<(), BrowserUrlError> {
    let known = || known.iter().chain(&READ_BY_CALLS);
    for (name, value) in params.iter() {
        let passes = |inner: &str| URLS.contains(&name) && allowed.iter().any(|allowed| allowed == inner);
        let read = |inner: &str| known().find(|&&name| name == inner).filter(|_| !passes(inner));
        if let Some(inner) = names_inside(value).find_map(read) {
            return Err(BrowserUrlError::Ambiguous { name: name.to_owned(), inner });
        }
    }
    Ok(())
}
