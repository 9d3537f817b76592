//! In what endpoints differ: what a repeat does, the methods, where the signature and the amount stand.

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
