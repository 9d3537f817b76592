//! The paths that QFPay documents, for the word to who typed one wrong. Not the proxy's table: see the rule of imports.

/// Calls, simulated or not.
const DOCUMENTED: &[&str] = &[
    "/trade/v1/payment",
    "/trade/v1/query",
    "/trade/v1/refund",
    "/trade/v1/reversal",
    "/trade/v1/close",
    "/trade/v1/authtrade",
    "/trade/v1/unfreeze",
    "/trade/v1/add_note",
    "/trade/v1/payment_verify",
    "/tool/v1/get_weixin_oauth_code",
    "/tool/v1/get_weixin_openid",
    "/tool/v1/mcc",
    "/payment_element/v1/create_payment_intent",
    "/payment_element/v1/create_token_intent",
    "/token/v1/query",
    "/customer/v1/create",
    "/customer/v1/update",
    "/customer/v1/query",
    "/customer/v1/delete",
    "/product/v1/create",
    "/product/v1/update",
    "/product/v1/query",
    "/product/v1/delete",
    "/subscription/v1/create",
    "/subscription/v1/update",
    "/subscription/v1/query",
    "/subscription/v1/cancel",
    "/subscription/v1/charge",
    "/subscription/billing_order/v1/list",
    "/custom/v1/declare",
    "/custom/v1/query",
    "/custom/v1/redeclare",
    "/download/v1/trade_bill",
    "/settlement/v1/query",
    "/mch/v1/query",
    "/mch/v1/apply_info",
];

/// The documented path that a path was probably meant to be: one letter too many, too few, wrong, or two exchanged.
pub(super) fn meant(path: &str) -> Option<&'static str> {
    let near = |known: &&str| known.len().abs_diff(path.len()) <= 1 && strsim::osa_distance(known, path) == 1;
    DOCUMENTED.iter().filter(|_| !DOCUMENTED.contains(&path)).find(|known| near(known)).copied()
}
