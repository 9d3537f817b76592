//! The words of the pages that customers see, in one language at a time.

use super::orders::{Order, OrderStatus};
use super::request::Arrived;

/// A language of QFPay's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    En,
    /// Traditional Chinese.
    Hant,
    /// Simplified Chinese.
    Hans,
}

/// What is said.
#[derive(Clone, Copy)]
pub(super) enum Word {
    Pay,
    Cancel,
    BackToTheShop,
    CloseThisPage,
    Order,
    Checkout,
    BadAddress,
    BadForm,
    NoSuchOrder,
    OtherAmount,
    Refused,
    Banner,
    Reading,
    NeedsScript,
    NoParameters,
}

impl Lang {
    /// The language that a parameter `lang` names (`zh-hk`, `zh-cn`, `en`); without one, the browser's first choice of these.
    pub(super) fn of(named: Option<&str>, arrived: &Arrived) -> Self {
        let accepted = arrived.headers.get("accept-language").and_then(|value| value.to_str().ok());
        let mut tags = named.into_iter().chain(accepted.unwrap_or_default().split(','));
        tags.find_map(Self::tag).unwrap_or(Self::En)
    }

    fn tag(tag: &str) -> Option<Self> {
        let tag = tag.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let simplified = ["zh-cn", "zh-sg", "zh-hans", "zh_cn"].iter().any(|begin| tag.starts_with(begin));
        match tag.get(..2) {
            Some("en") => Some(Self::En),
            Some("zh") if simplified => Some(Self::Hans),
            Some("zh") => Some(Self::Hant),
            _ => None,
        }
    }

    /// For the attribute `lang`, and for the parameter.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Hant => "zh-hk",
            Self::Hans => "zh-cn",
        }
    }

    /// The English, traditional or simplified spelling.
    pub(super) fn one_of(self, [english, traditional, simplified]: [&'static str; 3]) -> &'static str {
        match self {
            Self::En => english,
            Self::Hant => traditional,
            Self::Hans => simplified,
        }
    }

    /// The words.
    pub(super) fn say(self, word: Word) -> &'static str {
        match word {
            Word::Pay => self.one_of(["Pay", "付款", "付款"]),
            Word::Cancel => self.one_of(["Cancel", "取消", "取消"]),
            Word::BackToTheShop => self.one_of(["Back to the shop", "返回商戶", "返回商户"]),
            Word::CloseThisPage => self.one_of(["You can close this page.", "可以關閉此頁。", "可以关闭此页。"]),
            Word::Order => self.one_of(["Order", "訂單", "订单"]),
            Word::Checkout => self.one_of(["Checkout", "收銀台", "收银台"]),
            Word::BadAddress => self.one_of(["Bad address", "網址有誤", "网址有误"]),
            Word::BadForm => self.one_of(["Bad form", "表單有誤", "表单有误"]),
            Word::NoSuchOrder => self.one_of(["No such order", "訂單不存在", "订单不存在"]),
            Word::OtherAmount => self.one_of(["The address names another amount than the order.", "網址中的金額與訂單不符。", "网址中的金额与订单不符。"]),
            Word::Refused => self.one_of(["Checkout refused", "無法付款", "无法付款"]),
            Word::Reading => self.one_of(["Reading the payment from the address …", "正在讀取網址中的付款資料…", "正在读取网址中的付款资料…"]),
            Word::NeedsScript => self.one_of([
                "The parameters stand behind the # of the address, which only a script can read: turn JavaScript on.",
                "參數在網址的 # 之後，只有程式碼能讀取：請啟用 JavaScript。",
                "参数在网址的 # 之后，只有脚本能读取：请启用 JavaScript。",
            ]),
            Word::NoParameters => self.one_of([
                "The address has no parameters behind its #.",
                "網址的 # 之後沒有付款參數。",
                "网址的 # 之后没有付款参数。",
            ]),
            Word::Banner => self.one_of(["Sandbox: no money moves", "沙盒：不涉及真實金錢", "沙盒：不涉及真实金钱"]),
        }
    }

    /// The state of an order.
    pub(super) fn state(self, order: &Order) -> &'static str {
        match order.status {
            OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) => {
                self.one_of(["not paid yet", "未支付", "未支付"])
            }
            OrderStatus::Done if order.state() == "refunded" => self.one_of(["refunded", "已退款", "已退款"]),
            OrderStatus::Done if order.refunded > 0 => {
                self.one_of(["paid, partly refunded", "部分退款", "部分退款"])
            }
            OrderStatus::Done => self.one_of(["paid", "已支付", "已支付"]),
            OrderStatus::Frozen => self.one_of(["money held", "已預授權", "已预授权"]),
            OrderStatus::Released => self.one_of(["money released", "已解凍", "已解冻"]),
            OrderStatus::Closed => self.one_of(["closed", "已關閉", "已关闭"]),
            OrderStatus::Reversed => self.one_of(["reversed", "已撤銷", "已撤销"]),
            OrderStatus::Failed(_) => self.one_of(["failed", "失敗", "失败"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_comes_first_then_the_browser() {
        let arrived = |accepts: &'static str| {
            let request =
                hyper::Request::get("/q/pay/x").header("accept-language", accepts).body(()).unwrap();
            Arrived::new(request.into_parts().0, bytes::Bytes::new())
        };
        for (named, accepts, expected) in [
            (None, "", Lang::En),
            (None, "fr;q=0.9, zh-HK;q=0.8, en", Lang::Hant),
            (None, "zh-Hans-CN,zh;q=0.9", Lang::Hans),
            (Some("zh-hk"), "en", Lang::Hant),
            (Some("zh-cn"), "en", Lang::Hans),
            (Some("EN"), "zh-HK", Lang::En),
            (Some("ja"), "zh-TW", Lang::Hant),
        ] {
            assert_eq!(Lang::of(named, &arrived(accepts)), expected, "{named:?} {accepts}");
        }
    }
}
