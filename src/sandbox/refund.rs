//! `/trade/v1/refund` (protocol sheet, section 3.1).

use super::answer::{Refusal, refusal, result_fields, text};
use super::call::{Call, Done};
use super::html::amount;
use super::magic::{self, Answer, OrderEffect};
use super::orders::{OrderStatus, Ordered, Orders};
use super::payment;

/// FPS cannot be refunded.
const NO_REFUND: &str = "802001";

/// Gives back part or all of a paid order.
pub(super) fn refund(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    let syssn = call.need("syssn")?;
    let txamt = call.txamt()?;
    let txdtm = call.txdtm()?;
    call.mchid_rule()?;
    let out_trade_no = call.fresh_out_trade_no(orders)?.to_owned();
    let original = orders.by_syssn(call.app, syssn).filter(|order| call.finds(order)).ok_or_else(|| {
        refusal(
            "1268",
            "no order of this app and mchid has that syssn; a refund names the syssn of the payment",
        )
    })?;
    if original.origssn.is_some() || original.request.pay_type == NO_REFUND {
        return Err(refusal("1136", "refunds, and FPS payments (802001), cannot be refunded"));
    }
    match original.status {
        OrderStatus::Done => {}
        OrderStatus::Reversed => return Err(refusal("1263", "the order was reversed")),
        OrderStatus::Closed => return Err(refusal("1264", "the order was closed")),
        OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) | OrderStatus::Failed(_) => {
            return Err(refusal("1261", "the order is not paid"));
        }
        OrderStatus::Frozen | OrderStatus::Released => {
            return Err(refusal("1136", "a pre-authorisation is released by /trade/v1/unfreeze"));
        }
    }
    let left = original.request.txamt - original.refunded;
    if left == 0 {
        return Err(refusal("1262", "the order is refunded in full already"));
    }
    if txamt > left {
        return Err(refusal(
            "1272",
            format!("the refund is over what is left of the order: {left} minor units"),
        ));
    }
    let magic = magic::of(txamt);
    let effect = magic.map_or(OrderEffect::Usual, |row| row.order);
    let Some(status) = effect.begins(OrderStatus::Done, call.instant) else {
        return Ok(payment::nothing_happened(magic));
    };
    if !matches!(status, OrderStatus::Failed(_)) {
        original.refunded += txamt;
        let back = amount(txamt, &original.request.txcurrcd);
        original.happened(&call.now, format!("{back} given back"));
    }
    let request = Ordered {
        out_trade_no,
        txamt,
        txdtm: txdtm.to_owned(),
        mchid: call.owned("mchid"),
        notify_url: call.owned("notify_url").or_else(|| original.request.notify_url.clone()),
        goods_name: None,
        return_url: None,
        pay_type: original.request.pay_type.clone(),
        txcurrcd: original.request.txcurrcd.clone(),
    };
    let refund = orders.add(call.app, request, Some(syssn.to_owned()), status, &call.now);
    let done = status == OrderStatus::Done;
    if done {
        refund.settle(&call.now, "given back");
    }
    let answer = magic.map(|row| row.answer);
    let mut fields = match answer {
        Some(Answer::Respcd(respcd)) => result_fields(respcd, magic.map_or("", |row| row.meaning)),
        _ => result_fields("0000", ""),
    };
    fields.extend([
        text("syssn", &refund.syssn),
        text("orig_syssn", syssn),
        text("out_trade_no", &refund.request.out_trade_no),
        text("txamt", txamt.to_string()),
        text("txcurrcd", &refund.request.txcurrcd),
        text("txdtm", txdtm),
        text("sysdtm", &refund.sysdtm),
    ]);
    let number = refund.number;
    effect.follows(orders, number, &call.now, call.instant);
    let later = effect.later().map(|wait| (number, wait));
    let notify = if done && later.is_none() { vec![number] } else { Vec::new() };
    Ok(Done { fields, magic: answer, notify, later })
}
