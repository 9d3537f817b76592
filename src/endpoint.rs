//! QFPay's endpoints as one table of data: how each is signed, called and repeated, and whether it takes `mchid`.
//!
//! Source: protocol pages of SITE and CAM, older families from QFD, GLOB and O2017. A path under an allowed prefix
//! that the table does not know is treated as [`Effect::MovesMoney`], the careful assumption.

mod kinds;
mod own;
mod paths;

use Effect::{Changes, MovesMoney, Reads};
use Methods::{Both, Get, Post};

pub use kinds::{Amount, BrowserPage, Effect, Methods, Signed};
pub use own::Own;
pub use paths::{family, is_plain_path, one_letter_away};

/// One endpoint. QFPay's rule for `mchid`: if one was issued it is always sent, except to trade_bill and add_note.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The raw path, compared to the letter.
    pub path: &'static str,
    /// The methods that it takes.
    pub methods: Methods,
    /// What a repeat would do.
    pub effect: Effect,
    /// Whether the app's `mchid` is added when the caller sent none.
    pub takes_mchid: bool,
    /// How it is signed.
    pub signed: Signed,
    /// Where its amount stands.
    pub amount: Amount,
    /// Whether QFPay's answer names the order that the call named (`out_trade_no`, `syssn`, `orig_syssn`).
    pub names_order: bool,
}

const fn call(path: &'static str, methods: Methods, effect: Effect) -> Endpoint {
    Endpoint {
        path,
        methods,
        effect,
        takes_mchid: true,
        signed: Signed::InHeaders,
        amount: Amount::Nowhere,
        names_order: false,
    }
}

const fn call_about_order(path: &'static str, methods: Methods, effect: Effect) -> Endpoint {
    Endpoint { names_order: true, ..call(path, methods, effect) }
}

const fn call_without_mchid(path: &'static str, methods: Methods, effect: Effect) -> Endpoint {
    Endpoint { takes_mchid: false, ..call(path, methods, effect) }
}

const fn page(path: &'static str, methods: Methods, page: BrowserPage, takes_mchid: bool) -> Endpoint {
    Endpoint { takes_mchid, signed: Signed::InBrowserUrl(page), ..call(path, methods, Effect::Changes) }
}

const fn in_currency(endpoint: Endpoint) -> Endpoint {
    Endpoint { amount: Amount::InCurrency, ..endpoint }
}

const fn of_order(path: &'static str, methods: Methods) -> Endpoint {
    Endpoint { amount: Amount::OfOrder, ..call_about_order(path, methods, Effect::MovesMoney) }
}

/// Every endpoint that QFPay documents and that a sidecar may serve. Onboarding with files (`/mch/v1/signup`) is not: files
/// are never signed.
pub const ENDPOINTS: &[Endpoint] = &[
    in_currency(call_about_order("/trade/v1/payment", Post, MovesMoney)),
    call_about_order("/trade/v1/query", Both, Reads),
    of_order("/trade/v1/refund", Post),
    of_order("/trade/v1/reversal", Post),
    of_order("/trade/v1/close", Both), // GET in CAM and QFD, POST in GLOB and O2017
    of_order("/trade/v1/authtrade", Post),
    of_order("/trade/v1/unfreeze", Post),
    call_without_mchid("/trade/v1/add_note", Post, Changes), // only for merchants without mchid
    call("/trade/v1/payment_verify", Post, MovesMoney),
    page("/tool/v1/get_weixin_oauth_code", Get, BrowserPage::WeixinOauth, true),
    call("/tool/v1/get_weixin_openid", Both, Changes), // the code is single-use; POST by old clients
    call_without_mchid("/tool/v1/mcc", Get, Reads),    // takes no parameters
    in_currency(call("/payment_element/v1/create_payment_intent", Post, MovesMoney)),
    call("/payment_element/v1/create_token_intent", Post, Changes),
    call("/customer/v1/create", Post, Changes),
    call("/customer/v1/update", Post, Changes),
    call("/customer/v1/query", Post, Reads),
    call("/customer/v1/delete", Post, Changes),
    in_currency(call("/product/v1/create", Post, Changes)),
    call("/product/v1/update", Post, Changes),
    call("/product/v1/query", Post, Reads),
    call("/product/v1/delete", Post, Changes),
    call("/subscription/v1/create", Post, MovesMoney),
    call("/subscription/v1/update", Post, MovesMoney), // what is charged from now on
    call("/subscription/v1/query", Post, Reads),
    call("/subscription/v1/cancel", Post, Changes),
    call("/subscription/v1/charge", Post, MovesMoney),
    call("/subscription/billing_order/v1/list", Post, Reads),
    call("/token/v1/query", Post, Reads),
    call("/custom/v1/declare", Post, Changes),
    call("/custom/v1/query", Both, Reads),
    call("/custom/v1/redeclare", Post, Changes),
    call_without_mchid("/download/v1/trade_bill", Both, Reads), // covers all merchants of the app
    call("/settlement/v1/query", Get, Reads),
    call_without_mchid("/mch/v1/query", Both, Reads),
    call_without_mchid("/mch/v1/apply_info", Both, Reads),
    in_currency(page("/checkstand", Both, BrowserPage::Checkstand, false)), // its own name for it: mchntid
    in_currency(page("/checkstand/", Both, BrowserPage::Checkstand, false)),
    page("/q/direct", Both, BrowserPage::Direct, false),
];

/// The path of the call that asks for an order.
pub const QUERY: &str = "/trade/v1/query";

/// A path that is allowed by its prefix but not in the table. New endpoints appear often; what one does is taken to move
/// money, hence POST only, and `mchid` is added by the general rule.
const UNKNOWN: Endpoint = call("", Post, MovesMoney);

/// Finds the endpoint of a raw path.
///
/// # Errors
/// [`Misspelt`] when the path is an endpoint but for upper and lower case: QFPay might take it for the same one, but
/// its method rule would not hold.
pub fn find(path: &str) -> Result<&'static Endpoint, Misspelt> {
    match ENDPOINTS.iter().find(|endpoint| endpoint.path.eq_ignore_ascii_case(path)) {
        Some(endpoint) if endpoint.path == path => Ok(endpoint),
        Some(endpoint) => Err(Misspelt(endpoint.path)),
        None => Ok(&UNKNOWN),
    }
}

/// The call that asks for an order.
pub fn query() -> &'static Endpoint {
    find(QUERY).unwrap_or(&UNKNOWN)
}

/// The path of a page; the shorter one of two.
pub fn path_of(page: BrowserPage) -> &'static str {
    let found = ENDPOINTS.iter().find(|endpoint| endpoint.browser_page() == Some(page));
    found.map_or("", |endpoint| endpoint.path)
}

/// A path that differs from an endpoint in upper and lower case only.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[error("paths are case-sensitive: this one is spelt {0}")]
pub struct Misspelt(pub &'static str);

impl Endpoint {
    /// The name in logs and metrics: the documented path, or `other` so that callers cannot make up names.
    pub fn label(&self) -> &'static str {
        if self.is_documented() { self.path } else { "other" }
    }

    /// Whether the table names it.
    pub fn is_documented(&self) -> bool {
        !self.path.is_empty()
    }

    /// Whether the sidecar may send a call a second time when it does not know what became of the first. Only what reads:
    /// a payment would be paid twice, and a single-use code (get_weixin_openid) would be spent.
    pub fn may_be_repeated(&self) -> bool {
        self.effect == Effect::Reads
    }

    /// Whether a call makes an order with its `out_trade_no`, so that sending it twice would be two of them.
    pub fn makes_order(&self) -> bool {
        matches!(self.path, "/trade/v1/payment" | "/trade/v1/refund")
    }

    /// Whether a call ends an order that there is, by that order's own number.
    pub fn ends_order(&self) -> bool {
        matches!(self.path, "/trade/v1/reversal" | "/trade/v1/close")
    }

    /// The parameters in which a caller names the app that signs, beside the header.
    pub fn app_code_parameters(&self) -> &'static [&'static str] {
        match self.path {
            // Here `code` is the app code (protocol table 3.1); elsewhere it is WeChat's.
            "/trade/v1/add_note" => &["app_code", "appcode", "code"],
            _ => &["app_code", "appcode"],
        }
    }

    /// The parameter that names the merchant, which is added where the caller names none: pages have a name of their own.
    pub fn merchant_parameter(&self) -> Option<&'static str> {
        match self.browser_page() {
            Some(BrowserPage::Checkstand) => Some("mchntid"),
            _ => self.takes_mchid.then_some("mchid"),
        }
    }

    /// The page, if the customer's browser opens this one.
    pub fn browser_page(&self) -> Option<BrowserPage> {
        match self.signed {
            Signed::InBrowserUrl(page) => Some(page),
            Signed::InHeaders => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_once() {
        for (i, endpoint) in ENDPOINTS.iter().enumerate() {
            assert!(is_plain_path(endpoint.path));
            assert!(ENDPOINTS[..i].iter().all(|other| other.path != endpoint.path), "{}", endpoint.path);
        }
    }

    #[test]
    fn money_is_never_moved_by_a_get_alone() {
        for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.effect == MovesMoney) {
            let close = endpoint.path == "/trade/v1/close";
            assert!(close || endpoint.methods == Post, "{}", endpoint.path);
        }
    }

    #[test]
    fn case_is_told_apart() {
        assert_eq!(find("/trade/v1/Payment"), Err(Misspelt("/trade/v1/payment")));
        assert_eq!(find("/trade/v1/payment").unwrap().path, "/trade/v1/payment");
        assert_eq!(find("/trade/v1/brand_new").unwrap().label(), "other");
    }
}
