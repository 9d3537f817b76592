//! Ends of an order other than a refund: reversal, close, and the two ends of a pre-authorisation; and notes.
//!
//! QFPay's support lists by pay type disagree with each other, so the sandbox reverses and closes every pay type.

use super::answer::{Refusal, refusal, result_fields, text};
use super::call::{Call, Done};
use super::orders::{Order, OrderStatus, Orders};

/// `/trade/v1/reversal`: cancels an order, and gives the money back if it was paid.
pub(super) fn reverse(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    let order = named(call, orders)?;
    let refusal = match order.status {
        OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) | OrderStatus::Done
            if order.refunded == 0 =>
        {
            None
        }
        OrderStatus::Done | OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) => {
            Some(("1262", "refunded"))
        }
        other => ended(other),
    };
    end(call, orders, refusal, OrderStatus::Reversed)
}

/// `/trade/v1/close`: ends an order that is not paid.
pub(super) fn close(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    let refusal = match named(call, orders)?.status {
        OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) => None,
        OrderStatus::Done => Some(("1260", "paid; it takes a reversal or a refund")),
        other => ended(other),
    };
    end(call, orders, refusal, OrderStatus::Closed)
}

fn ended(status: OrderStatus) -> Option<(&'static str, &'static str)> {
    Some(match status {
        OrderStatus::Reversed => ("1263", "reversed"),
        OrderStatus::Closed => ("1264", "closed"),
        OrderStatus::Failed(_) => ("1136", "one that failed"),
        _ => ("1136", "a pre-authorisation; it takes authtrade or unfreeze"),
    })
}

fn end(
    call: &Call<'_>,
    orders: &mut Orders,
    refused: Option<(&'static str, &'static str)>,
    status: OrderStatus,
) -> Result<Done, Refusal> {
    if let Some((respcd, what)) = refused {
        return Err(refusal(respcd, format!("the order is {what}")));
    }
    let syssn = orders.next_syssn(&call.now);
    let order = named(call, orders)?;
    order.status = status;
    order.happened(&call.now, order.words());
    let mut fields = result_fields("0000", "");
    fields.extend([
        text("syssn", syssn),
        text("orig_syssn", &order.syssn),
        text("out_trade_no", &order.request.out_trade_no),
        text("txamt", order.request.txamt.to_string()),
        text("txcurrcd", &order.request.txcurrcd),
        text("txdtm", call.txdtm()?),
        text("sysdtm", &call.now),
    ]);
    Ok(Done::plain(fields))
}

/// The payment that a reversal or a close names, by `syssn` or `out_trade_no`, with its full amount.
fn named<'o>(call: &Call<'_>, orders: &'o mut Orders) -> Result<&'o mut Order, Refusal> {
    let txamt = call.txamt()?;
    call.txdtm()?;
    call.mchid_rule()?;
    let unknown = || refusal("1268", "no order of this app and mchid has that syssn or out_trade_no");
    let order = match (call.maybe("syssn"), call.maybe("out_trade_no")) {
        (Some(syssn), other) => {
            let order =
                orders.by_syssn(call.app, syssn).filter(|order| call.finds(order)).ok_or_else(unknown)?;
            if other.is_some_and(|number| number != order.request.out_trade_no) {
                return Err(refusal("1267", "syssn and out_trade_no belong to different orders"));
            }
            order
        }
        (None, Some(number)) => {
            orders.by_out_trade_no(call.app, number).filter(|order| call.finds(order)).ok_or_else(unknown)?
        }
        (None, None) => return Err(refusal("1104", "syssn or out_trade_no is needed")),
    };
    if order.origssn.is_some() {
        return Err(refusal("1136", "that is a refund, not a payment"));
    }
    if order.request.txamt != txamt {
        return Err(refusal("1266", "txamt is not the amount of the order"));
    }
    Ok(order)
}

/// `/trade/v1/authtrade`: takes the money, or part of it, that a pre-authorisation (pay type 8018xx) holds.
pub(super) fn capture(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    let txamt = call.txamt()?;
    held(call, orders, Some(txamt), |order| {
        order.request.txamt = txamt;
        order.status = OrderStatus::Done;
    })
}

/// `/trade/v1/unfreeze`: releases the money that a pre-authorisation holds, once.
pub(super) fn release(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    call.txamt()?;
    call.txdtm()?;
    call.need("out_trade_no")?;
    held(call, orders, None, |order| order.status = OrderStatus::Released)
}

fn held(
    call: &Call<'_>,
    orders: &mut Orders,
    at_most: Option<u64>,
    change: impl FnOnce(&mut Order),
) -> Result<Done, Refusal> {
    let syssn = call.need("syssn")?;
    call.mchid_rule()?;
    let fresh = orders.next_syssn(&call.now);
    let order = orders
        .by_syssn(call.app, syssn)
        .filter(|order| call.finds(order))
        .ok_or_else(|| refusal("1268", "no order of this app and mchid has that syssn"))?;
    if order.status != OrderStatus::Frozen {
        return Err(refusal("1136", "the order is not a paid pre-authorisation (pay type 8018xx)"));
    }
    if at_most.is_some_and(|txamt| txamt > order.request.txamt) {
        return Err(refusal("1272", "txamt is over the amount that is held"));
    }
    change(order);
    order.happened(&call.now, order.words());
    let mut fields = result_fields("0000", "");
    fields.extend([
        text("syssn", fresh),
        text("orig_syssn", syssn),
        text("out_trade_no", &order.request.out_trade_no),
        text("txamt", order.request.txamt.to_string()),
        text("txcurrcd", &order.request.txcurrcd),
        text("sysdtm", &call.now),
    ]);
    Ok(Done::plain(fields))
}

/// `/trade/v1/add_note`: only for apps without `mchid`.
pub(super) fn note(call: &Call<'_>, orders: &mut Orders) -> Result<Done, Refusal> {
    let note = call.need("note")?;
    if call.need("code")? != call.app.app_code.as_str() {
        return Err(refusal("1104", "code is not the app_code"));
    }
    if call.app.mchid.is_some() {
        return Err(refusal("1136", "add_note is for merchants without mchid"));
    }
    if note.chars().count() > 200 {
        return Err(refusal("1104", "note is longer than 200 characters"));
    }
    let syssn = call.need("syssn")?;
    let order = orders
        .by_syssn(call.app, syssn)
        .filter(|order| call.finds(order))
        .ok_or_else(|| refusal("1268", "no order of this app and mchid has that syssn"))?;
    order.note = Some(note.to_owned());
    let mut fields = result_fields("0000", "");
    fields.extend([text("syssn", syssn), text("note", note)]);
    Ok(Done::plain(fields))
}
