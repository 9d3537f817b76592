//! `/trade/v1/payment` (protocol sheet, sections 3.1 and 3.8).

use uuid::Uuid;

use super::answer::{Fields, Json, Refusal, refusal, result_fields, text};
use super::call::{Call, Done};
use super::magic::{self, Answer, OrderEffect};
use super::orders::{Order, OrderStatus, Ordered, Orders};
use super::weixin::Weixin;

/// How the payer pays, and what the answer carries for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The shop scans the payer's code: paid at once, nothing to open.
    Cpm,
    /// WeChat JSAPI and mini-program: `pay_params`, and an openid is needed.
    Weixin,
    /// Other in-app types: `pay_params` as a URL.
    InApp,
    /// Web, WAP, H5, cards: `pay_url`.
    Link,
    /// The payer scans: `qrcode`. Also every type that the sandbox does not know.
    Mpm,
}

/// QFPay's list of pay types, by the field that answers them.
pub(super) fn way(pay_type: &str) -> Way {
    match pay_type {
        "800008" | "800108" | "800208" | "801008" | "805808" | "800708" => Way::Cpm,
        "800207" | "800213" => Way::Weixin,
        "801110" | "801510" | "800210" | "801010" => Way::InApp,
        "801101" | "801514" | "805814" | "800714" | "803714" | "801107" | "801512" | "800212" | "805812"
        | "800712" | "803712" | "800107" | "802801" | "806527" => Way::Link,
        _ => Way::Mpm,
    }
}

/// Checks the parameters, makes the order, and answers what the pay type needs.
pub(super) fn pay(call: &Call<'_>, orders: &mut Orders, weixin: &mut Weixin) -> Result<Done, Refusal> {
    let txamt = call.txamt()?;
    let txcurrcd = call.txcurrcd()?;
    let pay_type = call.pay_type()?;
    let txdtm = call.txdtm()?;
    call.mchid_rule()?;
    let way = way(pay_type);
    if way == Way::Cpm {
        call.need("auth_code")?;
    }
    let openid = if way == Way::Weixin { Some(call.need("sub_openid")?) } else { None };
    if let Some(openid) = openid {
        weixin.openid_is_fresh(openid, call.app)?;
    }
    let out_trade_no = call.fresh_out_trade_no(orders)?;

    let magic = magic::of(txamt);
    let effect = magic.map_or(OrderEffect::Usual, |row| row.order);
    let usual = if way == Way::Cpm { OrderStatus::Done } else { OrderStatus::Pending };
    let Some(status) = effect.begins(usual, call.instant) else { return Ok(nothing_happened(magic)) };
    if let Some(openid) = openid {
        weixin.use_up(openid);
    }
    let request = Ordered {
        pay_type: pay_type.to_owned(),
        out_trade_no: out_trade_no.to_owned(),
        txamt,
        txcurrcd: txcurrcd.to_owned(),
        txdtm: txdtm.to_owned(),
        mchid: call.owned("mchid"),
        goods_name: call.owned("goods_name"),
        notify_url: call.owned("notify_url"),
        return_url: call.owned("return_url"),
    };
    let order = orders.add(call.app, request, None, status, &call.now);
    let paid = status == OrderStatus::Done;
    if paid {
        order.settle(&call.now, "paid at once");
    }
    let answer = magic.map(|row| row.answer);
    let mut fields = match answer {
        Some(Answer::Respcd(respcd)) => result_fields(respcd, magic.map_or("", |row| row.meaning)),
        _ => result_fields("0000", ""),
    };
    describe(order, &mut fields);
    if !matches!(answer, Some(Answer::Respcd(_))) {
        fields.extend(outcome(order, way, call.base));
    }
    let number = order.number;
    let refund = effect.follows(orders, number, &call.now, call.instant);
    let later = effect.later().map(|wait| (number, wait));
    let notify =
        if paid && later.is_none() { [number].into_iter().chain(refund).collect() } else { Vec::new() };
    Ok(Done { fields, magic: answer, notify, later })
}

/// A magic amount that leaves no order behind.
pub(super) fn nothing_happened(magic: Option<&'static magic::Magic>) -> Done {
    let answer = magic.map(|row| row.answer);
    let respcd = match answer {
        Some(Answer::Respcd(respcd)) => respcd,
        _ => "1205",
    };
    let fields = refusal(respcd, magic.map_or("", |row| row.meaning)).fields();
    Done { fields, magic: answer, notify: Vec::new(), later: None }
}

fn describe(order: &Order, fields: &mut Fields) {
    let request = &order.request;
    fields.extend([
        text("pay_type", &request.pay_type),
        text("sysdtm", &order.sysdtm),
        text("paydtm", order.paydtm.clone().unwrap_or_default()),
        text("txdtm", &request.txdtm),
        text("txamt", request.txamt.to_string()),
        text("txcurrcd", &request.txcurrcd),
        text("out_trade_no", &request.out_trade_no),
        text("syssn", &order.syssn),
    ]);
}

fn outcome(order: &Order, way: Way, base: &str) -> Option<(&'static str, Json)> {
    let page = format!("{base}/q/pay/{}", order.ticket);
    match way {
        Way::Cpm => None,
        Way::Mpm => Some(text("qrcode", page)),
        Way::Link => Some(text("pay_url", page)),
        Way::InApp => Some(text("pay_params", page)),
        Way::Weixin => Some((
            "pay_params",
            Json::Object(vec![
                text("appId", "wxSANDBOX00000000"),
                text("timeStamp", unix_time()),
                text("nonceStr", Uuid::new_v4().simple().to_string()),
                text("package", format!("prepay_id=wx{}", order.ticket)),
                text("signType", "MD5"),
                // WeChat's own signature, which only WeChat reads. `+`, `/` and `=` expose a shop that does not percent-encode.
                text("paySign", format!("{}+/==", Uuid::new_v4().simple())),
            ]),
        )),
    }
}

fn unix_time() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs().to_string()
}
