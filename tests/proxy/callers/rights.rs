//! Every right, where a shop sees it.

use super::*;

#[test]
fn an_app_is_one_of_the_callers() {
    let stage = stage(&[]);
    let named = |token, code: &str, path: &str, form: &str| {
        let (code, token) = (format!("X-QF-APPCODE: {code}"), format!("Authorization: Bearer {token}"));
        stage.sidecar.curl(&["-H", &token, "-H", &code, "-d", form], path)
    };
    denied(&stage, &named(TOKEN_A, APP_CODE, PAYMENT, ORDER), "shop-a", "apps");
    for parameter in ["app_code", "appcode"] {
        let form = format!("{ORDER}&{parameter}={APP_CODE}");
        denied(&stage, &call(&stage, TOKEN_A, PAYMENT, &form), "shop-a", "apps");
    }
    assert_eq!(named(TOKEN_A, SECOND_CODE, PAYMENT, ORDER).status, 200);
    sent(&stage, SECOND_CODE, SECOND_KEY);
    // Of several apps one must be named; default_app is none of them just because it is the default.
    denied(&stage, &call(&stage, TOKEN_B, PAYMENT, &format!("{ORDER}&mchid=M0002")), "shop-b", "apps");
    for (code, key) in [(SECOND_CODE, SECOND_KEY), (APP_CODE, CLIENT_KEY)] {
        assert_eq!(named(TOKEN_B, code, PAYMENT, &format!("{ORDER}&mchid=M0002")).status, 200);
        sent(&stage, code, key);
    }
    assert_eq!(call(&stage, TOKEN_ANY, PAYMENT, ORDER).status, 200);
    sent(&stage, APP_CODE, CLIENT_KEY);
    assert!(refused(&stage, "shop-a", "apps") == 3 && refused(&stage, "shop-b", "apps") == 1);
    stage.sidecar.wait_for_log(&["caller=\"shop-a\"", "error=\"caller_denied\"", "status=403"]);
}

#[test]
fn a_merchant_is_one_of_the_callers_in_every_place_and_spelling() {
    let stage = stage(&[]);
    let all = [
        "mchid=M0002",
        "mchid=m0001",
        "mchid=M0001%20",
        "mchntid=M0002",
        "mchid=M0001&MchId=M0002",
        "mchid=M0001&mch_id=M0002",
        "mchid=M0001&mch-id=M0002",
        "mchid=M0001&mch.id=M0002",
        "MCHNTID=M0002",
    ];
    for form in all {
        denied(&stage, &call(&stage, TOKEN_A, PAYMENT, &format!("{ORDER}&{form}")), "shop-a", "mchids");
        let header = format!("Authorization: Bearer {TOKEN_A}");
        let query = stage.sidecar.curl(&["-H", &header], &format!("{QUERY}?syssn=1&{form}"));
        denied(&stage, &query, "shop-a", "mchids");
        let fields = format!("{ORDER}&{form}");
        let fields = fields.split('&').map(|field| field.replace("%20", " "));
        let parts: Vec<_> = fields.clone().flat_map(|field| ["--form-string".to_owned(), field]).collect();
        let parts: Vec<_> = ["-H", &header].into_iter().chain(parts.iter().map(String::as_str)).collect();
        denied(&stage, &stage.sidecar.curl(&parts, PAYMENT), "shop-a", "mchids");
        let json: serde_json::Map<_, _> = fields
            .map(|field| {
                let (name, value) = field.split_once('=').unwrap();
                (name.to_owned(), serde_json::Value::from(value))
            })
            .collect();
        let json = serde_json::Value::from(json).to_string();
        let arguments = ["-H", &header, "-H", "Content-Type: application/json", "-d", &json];
        denied(&stage, &stage.sidecar.curl(&arguments, PAYMENT), "shop-a", "mchids");
    }
    let conflict =
        ["-H", "X-QF-MCHCODE: M0002", "-H", &format!("Authorization: Bearer {TOKEN_A}"), "-d", ORDER];
    stage.sidecar.curl(&conflict, PAYMENT).assert_failure(400, "merchant_conflict");
    call(&stage, TOKEN_A, PAYMENT, &format!("{ORDER}&mchid=M0001&mchntid=M0001"))
        .assert_failure(400, "parameter_repeated");
    // Named and empty is not unnamed, although one would be added.
    call(&stage, TOKEN_A, PAYMENT, &format!("{ORDER}&mchid=")).assert_failure(400, "parameter_empty");
    stage.assert_nothing_sent();
    // Several: one of them must be named.
    let agency = format!("{ORDER}&app_code={SECOND_CODE}");
    denied(&stage, &call(&stage, TOKEN_B, PAYMENT, &agency), "shop-b", "mchids");
    denied(&stage, &call(&stage, TOKEN_B, PAYMENT, &format!("{agency}&mchid=M0001")), "shop-b", "mchids");
    assert_eq!(call(&stage, TOKEN_B, PAYMENT, &format!("{agency}&mchid=M0003")).status, 200);
    assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0003"));
    // Who has no merchants may name any, and none is added.
    assert_eq!(call(&stage, TOKEN_ANY, PAYMENT, &format!("{ORDER}&mchid=M0009")).status, 200);
    assert_eq!(value(&sent(&stage, APP_CODE, CLIENT_KEY), "mchid"), Some("M0009"));
}

#[test]
fn a_callers_merchant_comes_before_the_apps() {
    let stage = stage(&["apps.agency.mchid=M0002", "callers.shop-a.mchids=[\"M0002\", \"M0001\"]"]);
    denied(&stage, &call(&stage, TOKEN_A, PAYMENT, ORDER), "shop-a", "mchids");
    assert_eq!(call(&stage, TOKEN_A, PAYMENT, &format!("{ORDER}&mchid=M0001")).status, 200);
    assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0001"));
    assert_eq!(call(&stage, TOKEN_ANY, PAYMENT, &format!("{ORDER}&app_code={SECOND_CODE}")).status, 200);
    assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0002"), "the app's own");
}

#[test]
fn paths_are_those_that_the_section_names() {
    let stage = stage(&["routes.allow=[\"/trade/v1/\", \"/tool/v1/\", \"/download/v1/\"]"]);
    denied(&stage, &call(&stage, TOKEN_A, REFUND, "txamt=1&syssn=1"), "shop-a", "endpoints");
    denied(&stage, &call(&stage, TOKEN_A, "/trade/v1/brand_new", ORDER), "shop-a", "endpoints");
    denied(&stage, &call(&stage, TOKEN_A, "/checkstand/", ORDER), "shop-a", "endpoints");
    // Statements cover all merchants of the app, and so does what takes no parameter.
    for (token, caller, path) in
        [(TOKEN_B, "shop-b", "/download/v1/trade_bill"), (TOKEN_A, "shop-a", "/tool/v1/mcc")]
    {
        let header = format!("Authorization: Bearer {token}");
        let code = format!("X-QF-APPCODE: {SECOND_CODE}");
        let answer =
            stage.sidecar.curl(&["-H", &header, "-H", &code], &format!("{path}?trade_date=2026-01-31"));
        denied(&stage, &answer, caller, "endpoints");
        assert!(answer.text().contains("names no merchant"), "{}", answer.text());
    }
    let header = format!("Authorization: Bearer {TOKEN_ANY}");
    let bill = stage.sidecar.curl(&["-H", &header], "/download/v1/trade_bill?trade_date=2026-01-31");
    assert_eq!(bill.status, 200, "{}", bill.text());
    // What the sidecar signs for nobody is for no caller either.
    call(&stage, TOKEN_ANY, "/customer/v1/create", "name=x").assert_failure(403, "path_not_allowed");
}

#[test]
fn one_call_moves_no_more_than_its_ceiling() {
    let stage = stage(&["callers.shop-a.endpoints=[]"]);
    for form in [
        "txamt=500001&txcurrcd=HKD",
        "txamt=81&txcurrcd=JPY",
        "txamt=1&txcurrcd=USD",
        "txamt=1&txcurrcd=hkd",
        "txamt=1",
        "txcurrcd=HKD",
        "txamt=&txcurrcd=HKD",
        "txamt=1e3&txcurrcd=HKD",
        "txamt=%2B1&txcurrcd=HKD",
        "txamt=1.0&txcurrcd=HKD",
        "txamt=+1&txcurrcd=HKD",
        "txamt=18446744073709551617&txcurrcd=HKD",
        "txamt=1&txcurrcd=HKD&TxAmt=900000",
        "txamt=1&txcurrcd=HKD&tx_currcd=JPY",
    ] {
        let form = format!("{form}&pay_type=800201&out_trade_no=1");
        denied(&stage, &call(&stage, TOKEN_A, PAYMENT, &form), "shop-a", "max_amount");
    }
    for form in ["txamt=81&syssn=1", "txamt=500001&txcurrcd=HKD&syssn=1", "txamt=1&txcurrcd=EUR&syssn=1"] {
        denied(&stage, &call(&stage, TOKEN_A, REFUND, form), "shop-a", "max_amount");
    }
    denied(&stage, &call(&stage, TOKEN_A, "/trade/v1/reversal", "syssn=1"), "shop-a", "endpoints");
    denied(&stage, &call(&stage, TOKEN_A, "/trade/v1/brand_new", "txamt=1"), "shop-a", "endpoints");
    for (path, form) in [
        (PAYMENT, "txamt=500000&txcurrcd=HKD&pay_type=800201&out_trade_no=1"),
        (PAYMENT, "txamt=80&txcurrcd=JPY&pay_type=800201&out_trade_no=1"),
        (REFUND, "txamt=80&syssn=1&out_trade_no=2"),
        (REFUND, "txamt=500000&txcurrcd=HKD&syssn=1&out_trade_no=3"),
        (QUERY, "syssn=1"),
    ] {
        let answer = call(&stage, TOKEN_A, path, form);
        assert_eq!(answer.status, 200, "{path} {form}: {}", answer.text());
        assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0001"));
    }
}

#[test]
fn only_keys_of_the_callers_apps_verify_for_it() {
    let stage = stage(&[]);
    let body = r#"{"status": "1", "notify_type": "payment", "out_trade_no": "1"}"#;
    let ask = |token: &str, key: &str| {
        let sign = format!("X-QF-SIGN: {}", md5_of_body(body.as_bytes(), key));
        let token = format!("Authorization: Bearer {token}");
        stage.sidecar.curl(&["-H", &token, "-H", &sign, "-d", body], "/sidecar/v1/verify")
    };
    assert_eq!(ask(TOKEN_A, SECOND_KEY).json()["app"], "agency");
    ask(TOKEN_A, CLIENT_KEY).assert_failure(401, "signature_wrong");
    assert_eq!(ask(TOKEN_B, CLIENT_KEY).json()["app"], "shop");
    assert_eq!(ask(TOKEN_ANY, CLIENT_KEY).json()["app"], "shop");
    assert_eq!(ask(TOKEN_ANY, SECOND_KEY).json()["app"], "agency");
}

#[test]
fn an_outcome_takes_the_right_to_the_query() {
    let stage =
        stage(&["callers.shop-b.apps=[\"agency\"]", "callers.shop-b.endpoints=[\"/trade/v1/payment\"]"]);
    let ask = |token: &str, query: &str| {
        let header = format!("Authorization: Bearer {token}");
        stage.sidecar.curl(&["-H", &header], &format!("/sidecar/v1/outcome?{query}"))
    };
    denied(&stage, &ask(TOKEN_B, "out_trade_no=1&mchid=M0002"), "shop-b", "endpoints");
    denied(&stage, &ask(TOKEN_A, "out_trade_no=1&mchid=M0002"), "shop-a", "mchids");
    denied(&stage, &ask(TOKEN_A, &format!("out_trade_no=1&app_code={APP_CODE}")), "shop-a", "apps");
    unknown(&stage, &stage.sidecar.curl(&[], "/sidecar/v1/outcome?out_trade_no=1"));
    unknown(&stage, &ask("token-of-nobody-6b1f0c52d79e4a83", "out_trade_no=1"));
    let answer = ask(TOKEN_A, "out_trade_no=1");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0001"));
}

#[test]
fn check_names_callers_and_rights_and_no_secret() {
    let launch = launch("http://127.0.0.1:9", SHOPS).verb("check");
    let ended = launch.ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "shop-a: token from file",
        "apps agency, mchids M0001, endpoints /trade/v1/payment /trade/v1/query /tool/v1/, amounts HKD 500000 JPY 80",
        "office: token from file",
        "apps any, mchids any, endpoints any, amounts any",
        "callers.shop-a.max_amount.HKD 500000",
    ] {
        assert!(lines.contains(words), "{words}: {}", ended.stdout);
    }
}
