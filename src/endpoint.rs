//! QFPay's endpoints as one table of data: how each is signed, called and repeated, and whether it takes `mchid`.
//!
//! Source: protocol pages of SITE and CAM, older families from QFD, GLOB and O2017. A path under an allowed prefix
//! that the table does not know is treated as [`Effect::MovesMoney`], the careful assumption.

use Effect::{Changes, MovesMoney, Reads};
use Methods::{Both, Get, Post};

/// What happens at QFPay when a call arrives twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it only reads.
    Reads,
    /// Something is changed or used up, but no money moves.
    Changes,
    /// Money moves or is promised.
    MovesMoney,
}

impl Effect {
    /// Whether it moves money: such calls go before all others, in the quota, in pauses and in places.
    pub fn moves_money(self) -> bool {
        self == Self::MovesMoney
    }
}

/// Where the signature travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// `X-QF-SIGN` and its companions: a call between servers, forwarded.
    InHeaders,
    /// In the query or fragment of a URL that the customer's browser opens: never forwarded, answered with the URL.
    InBrowserUrl(BrowserPage),
}

/// The pages that customers open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserPage {
    /// `/tool/v1/get_weixin_oauth_code`: WeChat asks who the customer is.
    WeixinOauth,
    /// `/checkstand/#/`: QFPay's hosted checkout.
    Checkstand,
    /// `/q/direct`: the WeChat payment page.
    Direct,
}

impl BrowserPage {
    /// The page of that name in `browser.pages`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "get_weixin_oauth_code" => Some(Self::WeixinOauth),
            "checkstand" => Some(Self::Checkstand),
            "direct" => Some(Self::Direct),
            _ => None,
        }
    }
}

/// Which HTTP methods an endpoint takes. QFPay's sources disagree about some; those take both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET only.
    Get,
    /// POST only: a payment in a GET would be repeated by caches, crawlers and impatient clients.
    Post,
    /// Both, passed on as the caller chose.
    Both,
}

impl Methods {
    /// Whether a method, by its name, is among them.
    pub fn include(self, method: &str) -> bool {
        match self {
            Self::Get => method == "GET",
            Self::Post => method == "POST",
            Self::Both => matches!(method, "GET" | "POST"),
        }
    }

    /// For the `Allow` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Both => "GET, POST",
        }
    }
}

/// How a call names the amount that it moves, which the parameter `txamt` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Not at all, or QFPay does not document it.
    Nowhere,
    /// In the currency that the call names as `txcurrcd`.
    InCurrency,
    /// In the currency of an order that there is already; a call may leave the amount out.
    OfOrder,
}

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

/// The sidecar's own endpoint for shops that receive notifications themselves. Never forwarded, so not in the table.
pub const VERIFY: Endpoint = call_without_mchid("/sidecar/v1/verify", Post, Reads);

/// The path of the call that asks for an order.
pub const QUERY: &str = "/trade/v1/query";

/// The sidecar's own endpoint that says what became of an order. It asks [`QUERY`] in its own name.
pub const OUTCOME: Endpoint = call("/sidecar/v1/outcome", Both, Reads);

/// The sidecar's own endpoint that shows what an order went through.
pub const ORDER: Endpoint = call("/sidecar/v1/order", Both, Reads);

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

/// The documented path that is one letter away from this one: typed wrong, more likely than new.
pub fn one_letter_away(path: &str) -> Option<&'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let near = |known: &&str| known.len().abs_diff(path.len()) <= 1 && strsim::osa_distance(known, path) == 1;
    ENDPOINTS.iter().map(|endpoint| endpoint.path).find(near)
}

/// The prefix of calls that QFPay documents and that covers this path, such as `/customer/v1/`.
pub fn family(path: &str) -> Option<&'static str> {
    let calls = ENDPOINTS.iter().filter(|endpoint| endpoint.signed == Signed::InHeaders);
    let mut families = calls.filter_map(|call| Some(&call.path[..=call.path.rfind('/')?]));
    families.find(|family| path.starts_with(family))
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

/// Whether a raw path is one that the sidecar can match safely: `/`-separated segments of `[A-Za-z0-9_.-]`, none of
/// them empty or with a dot at its end. Neither path nor method is signed, so path confusion would be payment confusion.
pub fn is_plain_path(path: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    // "." and ".." and what some servers take for the name before the dot.
    let legal_segment = |s: &str| !s.is_empty() && !s.ends_with('.') && s.bytes().all(legal);
    match path.strip_prefix('/') {
        Some("") => true,
        // One slash at the end is plain; whether anything lives there is another question.
        Some(rest) => rest.strip_suffix('/').unwrap_or(rest).split('/').all(legal_segment),
        None => false,
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

    #[test]
    fn slips_of_one_letter_are_known() {
        for slip in ["paymnt", "payments", "pyament", "peyment", "payment/"] {
            let near = one_letter_away(&format!("/trade/v1/{slip}"));
            assert_eq!(near, (slip != "payment/").then_some("/trade/v1/payment"), "{slip}");
        }
        assert_eq!(one_letter_away("/trade/v1/brand_new"), None);
        assert_eq!(family("/customer/v1/create"), Some("/customer/v1/"));
        assert_eq!((family("/customer/v2/create"), family("/q/direct")), (None, None));
    }

    #[test]
    fn odd_paths_are_not_plain() {
        for odd in [
            "",
            "trade",
            "//trade/v1/x",
            "/trade//x",
            "/a/../b",
            "/a/./b",
            "/a;b",
            "/a%2fb",
            "/a\\b",
            "/a b",
            "/\u{e9}",
        ] {
            assert!(!is_plain_path(odd), "{odd}");
        }
        for plain in ["/", "/trade/v1/payment", "/checkstand/", "/a.b/c-d_e"] {
            assert!(is_plain_path(plain), "{plain}");
        }
    }
}
