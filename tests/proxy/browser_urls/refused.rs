//! What no page can take, or what would send a customer elsewhere, is refused by name.

use super::*;
use crate::support::*;

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
    let checkout = ["txamt", "txcurrcd", "out_trade_no", "return_url", "paysource"];
    refused(&stage, OAUTH, "redirect_uri", "", 400, "parameter_missing");
    for name in checkout {
        refused(&stage, CHECKOUT, name, "", 400, "parameter_missing");
    }
    for (name, _) in SIX {
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
fn a_url_that_was_encoded_too_little_or_too_much_is_told_so() {
    let stage = Stage::new(&[]);
    for (url, words) in [
        (
            "https://shop.test/cb?x=1&y=2",
            "'y'; what belongs to a URL in another parameter is encoded with it",
        ),
        ("https%253A%252F%252Fshop.test%252Fcb", "percent-encoded once"),
    ] {
        let answer = stage.sidecar.curl(&[], &format!("{OAUTH}?redirect_uri={url}"));
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(words), "{}", answer.text());
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
