//! URLs that the customer's browser opens: signed here, answered as a redirect or as JSON, never forwarded.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers

mod support;

use support::*;

const OAUTH: &str = "/tool/v1/get_weixin_oauth_code";
const CHECKOUT: &str = "/checkstand/";
const DIRECT: &str = "/q/direct";

type Pairs = Vec<(String, String)>;

fn pairs(list: &[(&str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn query(params: &[(String, String)]) -> String {
    params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

fn open(stage: &Stage, path: &str, params: &[(String, String)]) -> Answer {
    stage.sidecar.curl(&[], &format!("{path}?{}", query(params)))
}

/// The Location of a redirect that no cache may keep.
#[track_caller]
fn location(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("Cache-Control")), (302, Some("no-store")), "{}", answer.text());
    answer.header("Location").unwrap().to_owned()
}

/// Splits a URL at the text that stands in front of its parameters, and decodes these; every value is encoded once,
/// in the only spelling that QFPay's page and this project agree on.
#[track_caller]
fn decoded(url: &str, front: &str) -> Pairs {
    let encoded = url.strip_prefix(front).unwrap_or_else(|| panic!("{url} does not begin with {front}"));
    assert!(!encoded.contains('+'), "a space is %20, not +: {url}");
    let params = decode(encoded.as_bytes());
    assert_eq!(query(&params), encoded, "another spelling of the same values");
    params
}

fn value<'a>(params: &'a Pairs, name: &str) -> Option<&'a str> {
    params.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

#[test]
fn the_oauth_url_carries_the_vectors_signature() {
    let stage = Stage::new(&[]);
    let vector = vector("oauth_code_plain_redirect");
    // The app_code may be left to the sidecar, as everywhere.
    let without: Pairs = vector.filled().into_iter().filter(|(name, _)| name != "app_code").collect();
    for sent in [vector.filled(), without] {
        let url = location(&open(&stage, OAUTH, &sent));
        let params = decoded(&url, &format!("http://{}{OAUTH}?", stage.upstream.address));
        let mut expected = vector.filled();
        expected.push(("sign".to_owned(), vector.sign.clone()));
        assert_eq!(params, expected);
    }
    stage.assert_nothing_sent();
}

#[test]
fn the_oauth_url_is_signed_with_md5_whatever_the_app_uses() {
    let stage = Stage::new(&["apps.shop.sign_type=SHA256", "apps.shop.hex_case=lower"]);
    let vector = vector("oauth_code_plain_redirect");
    let url = location(&open(&stage, OAUTH, &vector.filled()));
    assert!(url.ends_with(&format!("&sign={}", vector.sign)), "{url}");
    stage.assert_nothing_sent();
}

#[test]
fn the_oauth_url_gets_the_apps_mchid_and_signs_a_redirect_with_a_query_as_it_is() {
    let stage = Stage::new(&["apps.shop.mchid=ZaMVg12345"]);
    let redirect = "https://shop.test/back?order=1&lang=zh-hk&name=\u{8336} x%20y";
    let url = location(&open(&stage, OAUTH, &pairs(&[("redirect_uri", redirect)])));
    let mut params = decoded(&url, &format!("http://{}{OAUTH}?", stage.upstream.address));
    let sign = params.pop().unwrap();
    assert_eq!(params, pairs(&[("app_code", APP_CODE), ("mchid", "ZaMVg12345"), ("redirect_uri", redirect)]));
    assert_eq!(sign, ("sign".to_owned(), md5_elsewhere(&params, CLIENT_KEY)));
    stage.assert_nothing_sent();
}

/// What a shop sends for a vector: everything but what the sidecar sets itself.
fn checkout_of(vector: &Vector) -> Pairs {
    let own = ["appcode", "sign_type"];
    vector.filled().into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect()
}

#[test]
fn the_checkout_url_carries_the_vectors_signature() {
    let stage = Stage::new(&[]);
    for name in ["checkout_sha256_lang_not_signed", "checkout_return_url_with_query"] {
        let vector = vector(name);
        for path in ["/checkstand/", "/checkstand"] {
            let url = location(&open(&stage, path, &checkout_of(&vector)));
            let mut params = decoded(&url, &format!("http://{}/checkstand/#/?", stage.upstream.address));
            let sign = params.iter().position(|(name, _)| name == "sign").unwrap();
            assert_eq!(params.remove(sign).1, vector.sign, "{name}");
            params.sort();
            assert_eq!(params, vector.filled(), "{name}: every value as it was sent");
        }
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_checkout_form_may_be_posted_as_well() {
    let stage = Stage::new(&[]);
    let vector = vector("checkout_return_url_with_query");
    let form = query(&checkout_of(&vector));
    let url = location(&stage.sidecar.curl(&["-d", &form], CHECKOUT));
    assert!(url.contains(&format!("&sign={}", vector.sign)), "{url}");
    stage.assert_nothing_sent();
}

#[test]
fn a_signature_that_the_shop_made_for_the_checkout_is_replaced() {
    let stage = Stage::new(&[]);
    let vector = vector("checkout_return_url_with_query");
    let mut sent = vector.filled(); // with appcode and sign_type
    sent.push(("sign".to_owned(), "0BAD".to_owned()));
    let url = location(&open(&stage, CHECKOUT, &sent));
    assert!(url.contains(&format!("&sign={}", vector.sign)) && !url.contains("0BAD"), "{url}");
}

#[test]
fn whether_lang_is_signed_is_a_setting() {
    let vector = vector("checkout_sha256_lang_not_signed");
    let stage = Stage::new(&["checkout.sign_lang=true"]);
    let url = location(&open(&stage, CHECKOUT, &checkout_of(&vector)));
    // The vector's file has this digest under "wrong": "lang signed".
    assert!(url.contains("&sign=230a2a9b0db43b8ccc18e133759b4eb268d8fbcacf255e2413c16a3e189ce99b"), "{url}");
}

#[test]
fn the_checkout_gets_time_and_merchant_where_the_shop_sends_none() {
    let stage = Stage::new(&["apps.shop.mchid=ZaMVg12345"]);
    let mut sent = checkout_of(&vector("checkout_return_url_with_query"));
    sent.retain(|(name, _)| name != "txdtm");
    let url = location(&open(&stage, CHECKOUT, &sent));
    let params = decoded(&url, &format!("http://{}/checkstand/#/?", stage.upstream.address));
    assert_eq!(value(&params, "mchntid"), Some("ZaMVg12345"));
    assert_eq!(value(&params, "mchid"), None);
    let time = value(&params, "txdtm").unwrap();
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00 00:00:00");

    sent.push(("mchid".to_owned(), "OWN1".to_owned()));
    let url = location(&open(&stage, CHECKOUT, &sent));
    assert!(url.contains("mchntid=OWN1") && !url.contains("mchid="), "{url}");
}

/// The six fields as the payment answer gives them, and what the shop adds.
const SIX: [(&str, &str); 6] = [
    ("appId", "wx1234567890abcdef"),
    ("timeStamp", "1763373600"),
    ("nonceStr", "a1b2c3d4"),
    ("package", "prepay_id=wx17180000000000"),
    ("signType", "MD5"),
    ("paySign", "3B1A7F2E9C4D5B6A8F7E6D5C4B3A2910"),
];
const SHOP: [(&str, &str); 4] = [
    ("mchntnm", "珍珠奶茶 & 茶餐廳"),
    ("txamt", "100"),
    ("currency", "HKD"),
    ("redirect_url", "https://shop.test/done?order=1&x=2"),
];

fn direct() -> Pairs {
    pairs(&[&SIX[..], &SHOP[..]].concat())
}

#[test]
fn the_wechat_payment_page_takes_the_six_fields_and_a_chinese_name() {
    let stage = Stage::new(&[]);
    let url = location(&open(&stage, DIRECT, &direct()));
    let mut params = decoded(&url, "https://pages.test/q/direct?");
    params.sort();
    let mut expected = direct();
    expected.sort();
    assert_eq!(params, expected, "nothing is added, above all no signature");
    let name = "mchntnm=%E7%8F%8D%E7%8F%A0%E5%A5%B6%E8%8C%B6%20%26%20%E8%8C%B6%E9%A4%90%E5%BB%B3";
    assert!(url.contains(name), "{url}");
    stage.assert_nothing_sent();
}

#[test]
fn the_wechat_payment_page_takes_pay_params_as_the_answer_holds_them() {
    let stage = Stage::new(&[]);
    let expected = location(&open(&stage, DIRECT, &direct()));
    let quoted: serde_json::Map<_, _> = SIX.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect();
    let mut number = quoted.clone();
    number.insert("timeStamp".to_owned(), 1_763_373_600.into());
    for object in [quoted, number] {
        let mut sent = pairs(&SHOP);
        sent.push(("pay_params".to_owned(), serde_json::Value::from(object).to_string()));
        assert_eq!(location(&open(&stage, DIRECT, &sent)), expected);
    }
    stage.assert_nothing_sent();
}

#[test]
fn server_code_may_ask_for_the_url_as_json() {
    let stage = Stage::new(&[]);
    let sent = query(&vector("oauth_code_plain_redirect").filled());
    let path = format!("{OAUTH}?{sent}");
    let expected = location(&stage.sidecar.curl(&[], &path));
    for accept in ["application/json", "text/plain, Application/JSON;q=0.9"] {
        let answer = stage.sidecar.curl(&["-H", &format!("Accept: {accept}")], &path);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")));
        assert_eq!((answer.header("Cache-Control"), answer.header("Location")), (Some("no-store"), None));
        assert_eq!(answer.json(), serde_json::json!({ "url": expected }));
    }
    for accept in ["*/*", "text/html,application/xhtml+xml", "application/jsonx"] {
        assert_eq!(stage.sidecar.curl(&["-H", &format!("Accept: {accept}")], &path).status, 302, "{accept}");
    }
}

#[test]
fn a_customers_browser_may_open_these_pages() {
    let stage = Stage::new(&[]);
    let path = format!("{OAUTH}?{}", query(&vector("oauth_code_plain_redirect").filled()));
    let browser = ["-H", "Sec-Fetch-Site: cross-site", "-H", "Origin: https://shop.test"];
    assert_eq!(stage.sidecar.curl(&browser, &path).status, 302);
}

/// A page with all its parameters, for [`refused`].
fn whole(path: &str) -> Pairs {
    match path {
        OAUTH => pairs(&[("redirect_uri", "https://shop.test/back")]),
        DIRECT => direct(),
        _ => checkout_of(&vector("checkout_return_url_with_query")),
    }
}

/// Opens a page with one parameter changed, or taken out where `changed` is empty.
#[track_caller]
fn refused(stage: &Stage, path: &str, name: &str, changed: &str, status: u16, code: &str) {
    let mut sent = whole(path);
    sent.retain(|(other, _)| other != name);
    if !changed.is_empty() {
        sent.push((name.to_owned(), changed.to_owned()));
    }
    let answer = open(stage, path, &sent);
    let seen = (answer.status, answer.header("X-Sidecar-Error"));
    assert_eq!(seen, (status, Some(code)), "{path} {name}={changed}: {}", answer.text());
    let message = answer.json()["respmsg"].as_str().unwrap().to_owned();
    assert!(message.contains(&format!("'{name}'")), "{path} {name}={changed}: {message}");
}

#[test]
fn what_is_missing_is_named() {
    let stage = Stage::new(&[]);
    let checkout = ["txamt", "txcurrcd", "out_trade_no", "return_url", "failed_url", "notify_url"];
    refused(&stage, OAUTH, "redirect_uri", "", 400, "parameter_missing");
    for name in checkout {
        refused(&stage, CHECKOUT, name, "", 400, "parameter_missing");
    }
    for (name, _) in SIX.iter().chain(&SHOP) {
        refused(&stage, DIRECT, name, "", 400, "parameter_missing");
    }
    let without = serde_json::json!({ "appId": "wx1", "timeStamp": "1" }).to_string();
    let mut sent = pairs(&SHOP);
    sent.push(("pay_params".to_owned(), without));
    let answer = open(&stage, DIRECT, &sent);
    answer.assert_failure(400, "parameter_missing");
    assert!(answer.text().contains("nonceStr"), "{}", answer.text());
    stage.assert_nothing_sent();
}

#[test]
fn amounts_and_currencies_that_no_page_can_take_are_refused() {
    let stage = Stage::new(&[]);
    for path in [CHECKOUT, DIRECT] {
        for amount in ["0", "00", "-1", "+1", "1.5", "1e2", "1,000", " 1", "１００", "100000000000000", "abc"]
        {
            refused(&stage, path, "txamt", amount, 400, "parameter_invalid");
        }
    }
    for currency in ["hkd", "HK", "HKDX", "H$D", "港幣"] {
        refused(&stage, CHECKOUT, "txcurrcd", currency, 400, "parameter_invalid");
        refused(&stage, DIRECT, "currency", currency, 400, "parameter_invalid");
    }
    stage.assert_nothing_sent();
}

#[test]
fn customers_are_sent_to_real_urls_only() {
    let stage = Stage::new(&[]);
    let bad = [
        "shop.test/back",
        "//shop.test/back",
        "/back",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://shop.test/",
        "https:shop.test",
        "https:///back",
        "https://user@shop.test/",
        "https://shop.test@evil.test/",
        "https://shop.test\\@evil.test/",
        "https://shop.test:port/",
        "https://shop.test:99999/",
        "https://shöp.test/",
        "https://shop.test%2eevil.test/",
        "https://shop.test/\r\nSet-Cookie: a=b",
        " https://shop.test/",
    ];
    for url in bad {
        refused(&stage, OAUTH, "redirect_uri", url, 400, "redirect_invalid");
        refused(&stage, DIRECT, "redirect_url", url, 400, "redirect_invalid");
        for name in ["return_url", "failed_url", "notify_url"] {
            refused(&stage, CHECKOUT, name, url, 400, "redirect_invalid");
        }
    }
    for url in [
        "http://shop.test",
        "HTTPS://Shop.test:8443/a?b=c&d=e#f",
        "https://[2001:db8::1]/",
        "https://1.2.3.4/",
    ] {
        let answer = open(&stage, OAUTH, &pairs(&[("redirect_uri", url)]));
        assert_eq!(answer.status, 302, "{url}: {}", answer.text());
    }
    stage.assert_nothing_sent();
}

#[test]
fn customers_are_sent_to_allowed_hosts_only() {
    let stage = Stage::new(&["browser.allowed_redirect_hosts=shop.test,m.shop.test"]);
    let elsewhere = [
        "https://evil.test/",
        "https://shop.test.evil.test/",
        "https://evilshop.test/",
        "https://x.shop.test/",
        "https://evil.test/https://shop.test/",
    ];
    for url in elsewhere {
        refused(&stage, OAUTH, "redirect_uri", url, 403, "redirect_host_not_allowed");
        refused(&stage, DIRECT, "redirect_url", url, 403, "redirect_host_not_allowed");
    }
    refused(&stage, CHECKOUT, "return_url", "https://evil.test/", 403, "redirect_host_not_allowed");
    for url in ["https://shop.test/a", "https://M.Shop.Test:8443/a"] {
        assert_eq!(open(&stage, OAUTH, &pairs(&[("redirect_uri", url)])).status, 302, "{url}");
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_value_that_would_sign_like_another_parameter_is_refused() {
    let stage = Stage::new(&[]);
    refused(&stage, OAUTH, "redirect_uri", "https://shop.test/?a=1&mchid=2", 400, "parameter_ambiguous");
    refused(&stage, OAUTH, "redirect_uri", "https://shop.test/?a=1&app_code=2", 400, "parameter_ambiguous");
    for (name, value) in [
        ("return_url", "https://shop.test/?a=1&txamt=1"),
        ("failed_url", "https://shop.test/?a=1&sign=1"),
        ("goods_name", "tea&txamt=1"),
        ("out_trade_no", "1&txcurrcd=JPY"),
    ] {
        refused(&stage, CHECKOUT, name, value, 400, "parameter_ambiguous");
    }
    // A query of its own is fine as long as no name of the page's is in it.
    for value in
        ["https://shop.test/?order=1&step=2", "https://shop.test/?txamt=1", "https://shop.test/?a=1&xtxamt=1"]
    {
        let mut sent = whole(CHECKOUT);
        sent.retain(|(name, _)| name != "return_url");
        sent.push(("return_url".to_owned(), value.to_owned()));
        assert_eq!(open(&stage, CHECKOUT, &sent).status, 302, "{value}");
    }
    stage.assert_nothing_sent();
}

#[test]
fn other_methods_are_refused() {
    let stage = Stage::new(&[]);
    for (path, method, allow) in [
        (OAUTH, "POST", "GET"),
        (OAUTH, "PUT", "GET"),
        (CHECKOUT, "DELETE", "GET, POST"),
        (DIRECT, "PUT", "GET, POST"),
    ] {
        let answer = stage.sidecar.curl(&["-X", method, "-d", "a=1"], path);
        assert_eq!((answer.status, answer.header("Allow")), (405, Some(allow)), "{method} {path}");
    }
    stage.assert_nothing_sent();
}

#[test]
fn customers_values_are_in_no_log_and_no_refusal() {
    let stage = Stage::new(&[]);
    let url = format!("https://shop.test/{CANARY}");
    let answer = open(&stage, OAUTH, &pairs(&[("redirect_uri", &url)]));
    let signature = location(&answer).rsplit_once("sign=").unwrap().1.to_owned();
    open(&stage, OAUTH, &pairs(&[("redirect_uri", CANARY)])).assert_failure(400, "redirect_invalid");
    refused(&stage, CHECKOUT, "txamt", CANARY, 400, "parameter_invalid");
    refused(&stage, DIRECT, "redirect_url", &format!("https://{CANARY}@x/"), 400, "redirect_invalid");
    let line = stage.sidecar.wait_for_log(&["request", "status=302"]);
    assert!(line.contains(r#"endpoint="/tool/v1/get_weixin_oauth_code""#), "{line}");
    assert!(!stage.sidecar.log().contains(&signature), "the signature was logged");
}
