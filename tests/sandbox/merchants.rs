//! Several merchants of one app, as an agency has them: none reaches another's orders.

use crate::support::*;

#[tokio::test]
async fn an_order_is_its_own_merchants() {
    let sandbox = sandbox();
    let of = |mchid: &'static str, rest: &[(&'static str, &'static str)]| {
        let named = (!mchid.is_empty()).then_some(("mchid", mchid));
        named.into_iter().chain(rest.iter().copied()).collect::<Vec<_>>()
    };
    let mut params = payment("A-1", "800208", "100");
    params.extend([("auth_code", "134567890123456789"), ("mchid", "M0001")]);
    let answer = pay(&sandbox, &params).await;
    assert_eq!(answer.respcd(), "0000", "{}", answer.text());
    let syssn: &'static str = answer.json()["syssn"].as_str().unwrap().to_owned().leak();
    let txdtm = ("txdtm", "2026-01-02 03:04:05");
    for other in ["M0002", "m0001", ""] {
        for path in ["refund", "reversal", "close", "authtrade", "unfreeze"] {
            let call_ = of(other, &[("syssn", syssn), ("txamt", "100"), txdtm, ("out_trade_no", "A-1-X")]);
            let said = call(&sandbox, &format!("/trade/v1/{path}"), &call_).await;
            assert_eq!(said.respcd(), "1268", "{path} of {other:?}: {}", said.text());
        }
        for path in ["reversal", "close"] {
            let call_ = of(other, &[("out_trade_no", "A-1"), ("txamt", "100"), txdtm]);
            let said = call(&sandbox, &format!("/trade/v1/{path}"), &call_).await;
            assert_eq!(said.respcd(), "1268", "{path} of {other:?}: {}", said.text());
        }
        let found = call(&sandbox, "/trade/v1/query", &of(other, &[("syssn", syssn)])).await.json();
        assert_eq!(
            (&found["respcd"], found["data"].as_array().unwrap().len()),
            (&"0000".into(), 0),
            "{other:?}"
        );
    }
    let found = call(&sandbox, "/trade/v1/query", &of("M0001", &[("syssn", syssn)])).await.json();
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    let refund = of("M0001", &[("syssn", syssn), ("txamt", "100"), txdtm, ("out_trade_no", "A-1-R")]);
    assert_eq!(call(&sandbox, "/trade/v1/refund", &refund).await.respcd(), "0000");
}
