//! Orders and what may happen to them.

use crate::support::*;

#[tokio::test]
async fn each_pay_type_answers_its_own_field() {
    let sandbox = sandbox();
    for (pay_type, field) in
        [("800201", "qrcode"), ("801107", "pay_url"), ("801510", "pay_params"), ("899999", "qrcode")]
    {
        let got = pay(&sandbox, &payment(pay_type, pay_type, "100")).await.json();
        let url = got[field].as_str().unwrap();
        assert!(url.starts_with(&format!("{BASE}/q/pay/")), "{url}");
        assert_eq!((got["respcd"].as_str(), got["txamt"].as_str()), (Some("0000"), Some("100")));
        assert_eq!(state_of(&sandbox, pay_type).await["respcd"], "1143");
    }
    let syssn = paid(&sandbox, "cpm", "100").await;
    let row = state_of(&sandbox, "cpm").await;
    assert_eq!((row["respcd"].as_str(), row["syssn"].as_str()), (Some("0000"), Some(syssn.as_str())));
}

#[tokio::test]
async fn a_path_one_letter_away_is_no_unsimulated_endpoint() {
    let sandbox = sandbox();
    for endpoint in
        qfpay_sidecar::endpoint::ENDPOINTS.iter().filter(|endpoint| endpoint.browser_page().is_none())
    {
        for typed in [endpoint.path[..endpoint.path.len() - 1].to_owned(), format!("{}s", endpoint.path)] {
            let got = call(&sandbox, &typed, &[("txamt", "100")]).await;
            assert_eq!(got.respcd(), "1100");
            assert!(got.text().contains(&format!("did you mean {}?", endpoint.path)), "{}", got.text());
        }
    }
    for other in ["/trade/v1/brand_new", "/customer/v1/create"] {
        let got = call(&sandbox, other, &[("txamt", "100")]).await;
        assert!(
            got.text().contains("does not simulate") && !got.text().contains("did you mean"),
            "{}",
            got.text()
        );
    }
}

#[tokio::test]
async fn parameters_are_checked_by_name() {
    let sandbox = sandbox();
    for (name, bad) in [
        ("txamt", "0"),
        ("txamt", "-1"),
        ("txamt", "+1"),
        ("txamt", "1.0"),
        ("txamt", ""),
        ("txamt", "123456789012"),
        ("txcurrcd", "XXX"),
        ("pay_type", "80020"),
        ("pay_type", "80020x"),
        ("txdtm", "2026-13-01 00:00:00"),
        ("txdtm", "20260101"),
        ("out_trade_no", ""),
    ] {
        let mut params = payment("N", "800201", "100");
        params.iter_mut().filter(|(known, _)| *known == name).for_each(|pair| pair.1 = bad);
        let got = pay(&sandbox, &params).await;
        assert_eq!(got.respcd(), "1104", "{name}={bad}");
        assert!(got.text().contains(name), "{}", got.text());
    }
    for left_out in ["txamt", "txcurrcd", "pay_type", "out_trade_no", "txdtm"] {
        let params: Vec<_> = payment("N", "800201", "100").into_iter().filter(|p| p.0 != left_out).collect();
        assert_eq!(pay(&sandbox, &params).await.respcd(), "1104", "{left_out}");
    }
    assert!(pay(&sandbox, &payment("N", "800208", "100")).await.text().contains("auth_code"));
}

#[tokio::test]
async fn out_trade_no_is_unique_over_payments_and_refunds() {
    let sandbox = sandbox();
    let syssn = paid(&sandbox, "A", "300").await;
    assert_eq!(pay(&sandbox, &payment("A", "800201", "100")).await.respcd(), "1251");
    let refund = |number| [("syssn", syssn.clone()), ("out_trade_no", number), ("txamt", "100".to_string())];
    for (number, respcd) in [("A", "1251"), ("R", "0000"), ("R", "1251")] {
        let owned = refund(number.to_string());
        let mut params: Vec<_> = owned.iter().map(|(name, value)| (*name, value.as_str())).collect();
        params.push(("txdtm", TXDTM));
        assert_eq!(call(&sandbox, "/trade/v1/refund", &params).await.respcd(), respcd);
    }
    assert_eq!(pay(&sandbox, &payment("R", "800201", "100")).await.respcd(), "1251");
}

async fn refund(sandbox: &qfpay_sidecar::sandbox::Sandbox, syssn: &str, number: &str, txamt: &str) -> Got {
    let params = [("syssn", syssn), ("out_trade_no", number), ("txamt", txamt), ("txdtm", TXDTM)];
    call(sandbox, "/trade/v1/refund", &params).await
}

#[tokio::test]
async fn refunds_are_partial_and_bounded() {
    let sandbox = sandbox();
    let syssn = paid(&sandbox, "A", "300").await;
    let first = refund(&sandbox, &syssn, "R1", "100").await.json();
    assert_eq!(
        (first["respcd"].as_str(), first["orig_syssn"].as_str()),
        (Some("0000"), Some(syssn.as_str()))
    );
    assert_eq!(state_of(&sandbox, "A").await["cancel"], "5");
    assert_eq!(refund(&sandbox, &syssn, "R2", "201").await.respcd(), "1272");
    assert_eq!(refund(&sandbox, &syssn, "R3", "200").await.respcd(), "0000");
    assert_eq!(state_of(&sandbox, "A").await["cancel"], "3");
    assert_eq!(refund(&sandbox, &syssn, "R4", "1").await.respcd(), "1262");
    let row = state_of(&sandbox, "R3").await;
    assert_eq!((row["order_type"].as_str(), row["origssn"].as_str()), (Some("refund"), Some(syssn.as_str())));

    let unpaid =
        pay(&sandbox, &payment("U", "800201", "100")).await.json()["syssn"].as_str().unwrap().to_owned();
    assert_eq!(refund(&sandbox, &unpaid, "R5", "1").await.respcd(), "1261");
    assert_eq!(refund(&sandbox, "nothing", "R6", "1").await.respcd(), "1268");
    let of_a_refund = row["syssn"].as_str().unwrap();
    assert_eq!(refund(&sandbox, of_a_refund, "R7", "1").await.respcd(), "1136");
}

#[tokio::test]
async fn reversal_and_close_end_an_order_once() {
    let sandbox = sandbox();
    let order = |number: &'static str| vec![("out_trade_no", number), ("txamt", "100"), ("txdtm", TXDTM)];
    paid(&sandbox, "P", "100").await;
    pay(&sandbox, &payment("U", "800201", "100")).await;
    for (path, number, respcd) in [
        ("close", "P", "1260"),
        ("reversal", "P", "0000"),
        ("reversal", "P", "1263"),
        ("close", "P", "1263"),
        ("close", "U", "0000"),
        ("close", "U", "1264"),
        ("reversal", "U", "1264"),
        ("close", "none", "1268"),
    ] {
        let got = call(&sandbox, &format!("/trade/v1/{path}"), &order(number)).await;
        assert_eq!(got.respcd(), respcd, "{path} {number}: {}", got.text());
    }
    assert_eq!(state_of(&sandbox, "P").await["cancel"], "1");
    assert_eq!(state_of(&sandbox, "U").await["cancel"], "2");
    pay(&sandbox, &payment("G", "800201", "100")).await;
    let wrong = [("out_trade_no", "G"), ("txamt", "99"), ("txdtm", TXDTM)];
    assert_eq!(get(&sandbox, "/trade/v1/close", &wrong).await.respcd(), "1266");
    assert_eq!(get(&sandbox, "/trade/v1/close", &order("G")).await.respcd(), "0000");
    assert_eq!(get(&sandbox, "/trade/v1/reversal", &order("G")).await.status, 405);
}

#[tokio::test]
async fn a_query_lists_filters_and_pages() {
    let sandbox = sandbox();
    let mut numbers = Vec::new();
    for i in 0..12 {
        numbers.push(paid(&sandbox, &format!("Q{i}"), "100").await);
    }
    pay(&sandbox, &payment("open", "800201", "100")).await;
    let asked = async |params: &[(&str, &str)]| {
        let answer = call(&sandbox, "/trade/v1/query", params).await.json();
        answer["data"].as_array().map(Vec::len)
    };
    let ever = [("start_time", "2000-01-01 00:00:00"), ("end_time", "2999-12-31 23:59:59")];
    let count = async |params: &[(&str, &str)]| {
        let unnamed = ever.iter().filter(|(name, _)| !params.iter().any(|(known, _)| known == name));
        asked(&params.iter().chain(unnamed).copied().collect::<Vec<_>>()).await
    };
    assert_eq!(count(&[]).await, Some(10));
    assert_eq!(count(&[("page", "2")]).await, Some(3));
    assert_eq!(count(&[("page_size", "100")]).await, Some(13));
    assert_eq!(count(&[("page_size", "101")]).await, None);
    assert_eq!(count(&[("page", "0")]).await, None);
    assert_eq!(count(&[("out_trade_no", "Q1,Q2,none")]).await, Some(2));
    assert_eq!(count(&[("syssn", &numbers[..3].join(","))]).await, Some(3));
    assert_eq!(count(&[("pay_type", "800201"), ("respcd", "1143,1145")]).await, Some(1));
    assert_eq!(count(&[("respcd", "1143")]).await, Some(1));
    assert_eq!(count(&[("start_time", "2999-01-01 00:00:00")]).await, Some(0));
    assert_eq!(count(&[("start_time", "2999-01-01 00:00:00"), ("syssn", &numbers[0])]).await, Some(1));
    assert_eq!(count(&[("start_time", "yesterday")]).await, None);
    // QFPay documents no query without one of the three.
    for unbounded in [&[][..], &[("pay_type", "800201")], &ever[..1], &ever[1..], &[("syssn", "")]] {
        let answer = call(&sandbox, "/trade/v1/query", unbounded).await;
        assert_eq!(answer.respcd(), "1104", "{unbounded:?}");
        assert!(answer.text().contains("syssn, an out_trade_no, or a span of time"), "{}", answer.text());
    }
    let got = get(&sandbox, "/trade/v1/query", &[("out_trade_no", "Q1")]).await;
    assert_eq!(got.json()["data"][0]["out_trade_no"], "Q1");
}

#[tokio::test]
async fn apps_do_not_see_each_others_orders() {
    let sandbox = sandbox();
    paid(&sandbox, "A", "100").await;
    let params = [("out_trade_no", "A")];
    let sign = md5_sign(&params, OTHER_KEY);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-qf-appcode", OTHER_CODE),
        ("x-qf-sign", sign.as_str()),
    ];
    let got = send(&sandbox, "POST", "/trade/v1/query", &headers, &form(&params)).await.unwrap();
    assert_eq!(got.json()["data"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn an_app_with_an_mchid_must_send_one() {
    use qfpay_sidecar::sandbox::{Options, SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, Sandbox};
    let app = app("shop", SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, Some("ABC123"));
    let options =
        Options { base: BASE.into(), quota_per_second: 0, quota_per_minute: 0, ..Options::default() };
    let sandbox = Sandbox::new(&[app], options).unwrap();
    let mut params = payment("A", "800201", "100");
    let got = pay(&sandbox, &params).await;
    assert!(got.respcd() == "1104" && got.text().contains("mchid"));
    params.push(("mchid", "ABC123"));
    assert_eq!(pay(&sandbox, &params).await.respcd(), "0000");
}

#[tokio::test]
async fn a_note_and_a_statement() {
    let sandbox = sandbox();
    let syssn = paid(&sandbox, "A", "100").await;
    let code = qfpay_sidecar::sandbox::SANDBOX_APP_CODE;
    let note = [("code", code), ("syssn", syssn.as_str()), ("note", "table 7")];
    assert_eq!(call(&sandbox, "/trade/v1/add_note", &note).await.respcd(), "0000");
    let bill = get(&sandbox, "/download/v1/trade_bill", &[("trade_date", "2026-01-01")]).await;
    assert_eq!((bill.header("content-type"), &bill.body[..4]), ("application/zip", &b"PK\x03\x04"[..]));
    assert_eq!(call(&sandbox, "/customer/v1/create", &[("name", "Chan")]).await.respcd(), "1100");
    assert_eq!(get(&sandbox, "/nothing/here", &[]).await.status, 404);
}

#[tokio::test]
async fn a_pre_authorisation_is_captured_or_released_once() {
    let sandbox = sandbox();
    let plain = paid(&sandbox, "plain", "100").await;
    let mut held = Vec::new();
    for number in ["A", "B"] {
        let opened = pay(&sandbox, &payment(number, "801801", "100")).await.json();
        let page = opened["qrcode"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
        send(&sandbox, "POST", &page, &[], "action=pay").await.unwrap();
        held.push(opened["syssn"].as_str().unwrap().to_owned());
    }
    for (path, syssn, txamt, respcd) in [
        ("unfreeze", &plain, "100", "1136"),
        ("authtrade", &plain, "100", "1136"),
        ("refund", &held[0], "100", "1136"),
        ("authtrade", &held[0], "101", "1272"),
        ("authtrade", &held[0], "60", "0000"),
        ("authtrade", &held[0], "40", "1136"),
        ("refund", &held[0], "61", "1272"),
        ("unfreeze", &held[1], "100", "0000"),
        ("unfreeze", &held[1], "100", "1136"),
    ] {
        let params = [("syssn", syssn.as_str()), ("txamt", txamt), ("txdtm", TXDTM), ("out_trade_no", "X")];
        let got = call(&sandbox, &format!("/trade/v1/{path}"), &params).await;
        assert_eq!(got.respcd(), respcd, "{path} {txamt}: {}", got.text());
    }
}
