//! How much: the ceiling of one call, in the currency that it names, or else the smallest ceiling.

use super::{Asked, Lack, Right, is_another_spelling};
use crate::access::Rights;
use crate::endpoint::{Amount, Effect, Signed};

const AMOUNT: &str = "txamt";
const CURRENCY: &str = "txcurrcd";

pub(super) fn decide(rights: &Rights, asked: &Asked<'_>) -> Result<(), Lack> {
    let endpoint = asked.endpoint;
    let has_currency = endpoint.amount == Amount::InCurrency;
    // A query moves nothing, and a page that is not signed nothing that its own payment did not.
    let is_about_money =
        has_currency || (endpoint.effect != Effect::Reads && endpoint.signed == Signed::InHeaders);
    if rights.max_amount.is_empty() || !is_about_money {
        return Ok(());
    }
    if let Some(other) = asked
        .params
        .names()
        .find(|name| [AMOUNT, CURRENCY].iter().any(|known| is_another_spelling(name, known)))
    {
        return Err(over(format!("parameter '{other}' reads like one that bounds the amount, and is none")));
    }
    match asked.params.get(AMOUNT) {
        Some(amount) => within(amount, ceiling(rights, asked, has_currency)?)?,
        None if has_currency => return Err(over(format!("the request names no '{AMOUNT}'"))),
        None => {}
    }
    // Another parameter than this one says how much, or QFPay's default.
    let is_bounded = endpoint.amount != Amount::Nowhere && asked.params.get(AMOUNT).is_some();
    match is_bounded || !endpoint.effect.moves_money() || rights.endpoints.name(asked.path) {
        true => Ok(()),
        false => {
            let why = format!(
                "the call moves money and has no '{AMOUNT}' that max_amount could bound; its exact path must stand here"
            );
            Err((Right::Endpoints, why))
        }
    }
}

/// The most that may be moved in the currency that the call names.
fn ceiling(rights: &Rights, asked: &Asked<'_>, must_name: bool) -> Result<u64, Lack> {
    match asked.params.get(CURRENCY) {
        Some(named) => rights
            .max_amount
            .get(named)
            .copied()
            .ok_or_else(|| over(format!("the currency in '{CURRENCY}' is none of these"))),
        None if must_name => {
            Err(over(format!("the request must name one of these currencies as '{CURRENCY}'")))
        }
        None => Ok(rights.max_amount.values().copied().min().unwrap_or(0)),
    }
}

/// An amount is decimal digits and nothing else: what QFPay reads otherwise is over.
fn within(amount: &str, ceiling: u64) -> Result<(), Lack> {
    let is_digits = !amount.is_empty() && amount.bytes().all(|b| b.is_ascii_digit());
    match amount.parse::<u64>() {
        Ok(amount) if is_digits && amount <= ceiling => Ok(()),
        _ if is_digits => Err(over(format!("'{AMOUNT}' is more than one call may move"))),
        _ => Err(over(format!("'{AMOUNT}' is not decimal digits and nothing else"))),
    }
}

fn over(why: String) -> Lack {
    (Right::MaxAmount, why)
}
