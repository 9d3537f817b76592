//! Whose money: a caller with `mchids` names one of them, by the endpoint's own name for it, and nothing that reads like one.

use super::{Asked, Lack, Right, is_another_spelling};
use crate::access::Rights;

/// QFPay's names for the merchant.
const NAMES: [&str; 2] = ["mchid", "mchntid"];

pub(super) fn decide(rights: &Rights, asked: &Asked<'_>) -> Result<(), Lack> {
    if rights.mchids.is_empty() {
        return Ok(());
    }
    let own = asked.endpoint.merchant_parameter();
    let mut names = asked.params.names();
    let is_merchant =
        |name: &str| NAMES.iter().any(|known| name == *known || is_another_spelling(name, known));
    if let Some(other) = names.find(|&name| is_merchant(name) && Some(name) != own) {
        let why = match own {
            Some(own) => format!("parameter '{other}' reads like a merchant, and this endpoint's is '{own}'"),
            None => format!("parameter '{other}' reads like a merchant, and this endpoint has none"),
        };
        return Err((Right::Mchids, why));
    }
    let Some(own) = own else { return Ok(()) };
    match asked.params.get(own) {
        Some(named) if rights.mchids.iter().any(|mchid| mchid == named) => Ok(()),
        Some(_) => Err((Right::Mchids, format!("the merchant in '{own}' is none of these"))),
        None => Err((Right::Mchids, format!("the request must name one of these as '{own}'"))),
    }
}
