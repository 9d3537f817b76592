//! The URLs that are made: parameters, encodings, and the signatures of the vectors.

use super::*;
use crate::support::*;

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
fn a_customers_browser_gets_the_same_url_below_the_public_prefix() {
    let stage =
        Stage::new(&["browser.public_prefix=/pay", "browser.allowed_redirect_hosts=49ae4dbd47a6.ngrok.io"]);
    let path = format!("{OAUTH}?{}", query(&vector("oauth_code_plain_redirect").filled()));
    let browser =
        ["-H", "Sec-Fetch-Site: cross-site", "-H", "Host: shop.test", "-H", "Referer: https://shop.test/"];
    let seen = stage.sidecar.curl(&browser, &format!("/pay{path}"));
    let asked = stage.sidecar.curl(&[] as &[&str], &path);
    assert_eq!((seen.status, asked.status), (302, 302));
    assert_eq!(seen.header("Location"), asked.header("Location"));
}
