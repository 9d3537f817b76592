//! What whoever opens a page can try.

use super::*;

#[test]
fn whoever_opens_a_page_can_change_nothing_in_it() {
    let stage = stage(&["browser.allowed_redirect_hosts=shop.test,evil.test"]);
    for (path, list) in [(SIGN_IN, sign_in()), (CHECKOUT, checkout())] {
        let whole = signed(path, &list);
        assert_eq!(open(&stage, path, &whole).status, 302);
        for (name, value) in list.iter().filter(|(name, _)| name != "sign_type") {
            let changes =
                [format!("{value}1"), format!(" {value}"), String::new(), value.to_uppercase() + "x"];
            for changed in changes {
                let what = format!("{path} {name}={changed}");
                let answer = open(&stage, path, &with(whole.clone(), name, &changed));
                not_vouched(&answer, &what);
                assert!(!answer.text().contains(&format!("'{name}'")), "{what}: {}", answer.text());
            }
            not_vouched(
                &open(&stage, path, &without(whole.clone(), name)),
                &format!("{path} without {name}"),
            );
        }
    }
    let whole = signed(CHECKOUT, &checkout());
    for (name, value) in [
        ("mchntid", "M9"),
        ("mchid", "M9"),
        ("app_code", SECOND_CODE),
        ("cancel_url", "https://evil.test/"),
        ("limit_pay", "no_credit"),
        ("pay_tag", "ALIPAYHK"),
        ("txzone", "+0000"),
    ] {
        not_vouched(&open(&stage, CHECKOUT, &with(whole.clone(), name, value)), &format!("{name} added"));
    }
    let mut merged = without(whole, "txamt");
    merged.iter_mut().filter(|(name, _)| name == "sign_type").for_each(|(_, v)| v.push_str("&txamt=2800"));
    assert_ne!(open(&stage, CHECKOUT, &merged).status, 302, "one parameter inside another");
    not_vouched(&open(&stage, SIGN_IN, &with(signed(SIGN_IN, &sign_in()), "mchid", "M9")), "mchid added");
    stage.assert_nothing_sent();
}

#[test]
fn a_page_needs_one_signature_of_the_local_key() {
    let stage = stage(&[]);
    for (path, list) in [(SIGN_IN, sign_in()), (CHECKOUT, checkout())] {
        let right = sign(path, &list, LOCAL);
        let with_qfpays_key = sign(path, &list, CLIENT_KEY);
        let over_nothing = sign(path, &Pairs::new(), LOCAL);
        let wrong = [
            "",
            "x",
            "00000000000000000000000000000000",
            &right[..right.len() - 2],
            &format!("{right}00"),
            &format!("{right} "),
            &right.replace(|digit: char| digit.is_ascii_digit(), "0"),
            &with_qfpays_key,
            &over_nothing,
        ];
        for wrong in wrong {
            not_vouched(&open(&stage, path, &with(list.clone(), "sign", wrong)), &format!("{path} {wrong}"));
        }
        not_vouched(&open(&stage, path, &list), "none");
        for twice in [[&right, &right], [&right, &with_qfpays_key], [&with_qfpays_key, &right]] {
            let mut list = list.clone();
            list.extend(twice.iter().map(|sign| ("sign".to_owned(), (*sign).clone())));
            not_vouched(&open(&stage, path, &list), "doubled");
        }
        let mut list = signed(path, &list);
        list.extend(pairs(&[("sign_type", "sha256"), ("sign_type", "MD5")]));
        not_vouched(&open(&stage, path, &list), "sign_type doubled");
    }
    // Only in the query or the form: headers are the customer's.
    let query: Vec<_> = sign_in().iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let header = format!("X-QF-SIGN: {}", sign(SIGN_IN, &sign_in(), LOCAL));
    let answer = stage.sidecar.curl(&["-H", &header], &format!("/pay{SIGN_IN}?{}", query.join("&")));
    not_vouched(&answer, "in a header");
}

#[test]
fn names_come_before_the_signature_and_everything_else_after_it() {
    let stage = stage(&["browser.allowed_redirect_hosts=shop.test"]);
    let unsigned = checkout();
    let twice = [unsigned.clone(), pairs(&[("txamt", "1")])].concat();
    open(&stage, CHECKOUT, &twice).assert_failure(400, "parameter_repeated");
    open(&stage, CHECKOUT, &with(unsigned.clone(), "a%20b", "1")).assert_failure(400, "parameter_name");
    open(&stage, CHECKOUT, &with(unsigned.clone(), "syssn", "1")).assert_failure(400, "parameter_unknown");
    for (name, value, status, code) in [
        ("txamt", "0", 400, "parameter_invalid"),
        ("txcurrcd", "hkd", 400, "parameter_invalid"),
        ("paysource", "x", 400, "parameter_invalid"),
        ("return_url", "javascript:x", 400, "redirect_invalid"),
        ("return_url", "https://evil.test/", 403, "redirect_host_not_allowed"),
        ("notify_url", "https://evil.test/", 403, "redirect_host_not_allowed"),
        ("failed_url", "https://evil.test/", 403, "redirect_host_not_allowed"),
        ("goods_name", "tea&txamt=1", 400, "parameter_ambiguous"),
        ("appcode", "nobody", 403, "app_unknown"),
    ] {
        let list = with(unsigned.clone(), name, value);
        not_vouched(&open(&stage, CHECKOUT, &list), &format!("{name}={value}"));
        open(&stage, CHECKOUT, &signed(CHECKOUT, &list)).assert_failure(status, code);
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_browser_gets_a_page_and_others_get_json() {
    let stage = stage(&[]);
    let url = stage.sidecar.url(&format!("/pay{SIGN_IN}?redirect_uri=https%3A%2F%2F{CANARY}.test%2F"));
    let chromium =
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
    let page = curl(&["-H", chromium, "-H", "Host: www.shop.test", "-H", "Sec-Fetch-Site: cross-site", &url]);
    not_vouched(&page, "a browser");
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("Cache-Control"), Some("no-store"));
    assert_eq!(page.header("Content-Security-Policy"), Some("default-src 'none'"));
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());
    assert!(!page.text().contains(CANARY) && !page.text().contains("redirect_uri"), "{}", page.text());
    for accept in ["*/*", "application/json", "application/json, text/html", ""] {
        let answer = curl(&["-H", &format!("Accept: {accept}"), &url]);
        not_vouched(&answer, accept);
        assert_eq!(answer.json()["error"]["code"], "page_not_vouched");
        assert_eq!(answer.json()["respcd"], "9403");
    }
}

#[test]
fn a_pages_local_signature_is_good_for_no_call() {
    let stage = stage(&[]);
    let local = sign(SIGN_IN, &sign_in(), LOCAL);
    let list = signed(SIGN_IN, &sign_in());
    let query: Vec<_> = list.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    for path in ["/trade/v1/query", "/trade/v1/refund", "/trade/v1/reversal", "/sidecar/v1/verify"] {
        let answer = stage.sidecar.curl(&["-d", &query.join("&")], &format!("/pay{path}"));
        answer.assert_failure(404, "path_unknown");
    }
    stage.assert_nothing_sent();
    // From the shop's server it is dropped as every signature is, and QFPay never sees it.
    stage.sidecar.curl(&["-H", &format!("X-QF-SIGN: {local}"), "-d", &query.join("&")], "/trade/v1/query");
    let seen = stage.only_request();
    assert_eq!(seen.params(), sorted(sign_in()));
    assert_ne!(seen.header("X-QF-SIGN"), Some(&*local));
}

#[test]
fn without_a_local_key_there_is_a_sign_in_to_the_shops_hosts_and_no_checkout() {
    let stage = Stage::launch(|launch| {
        let launch = launch.file("second", SECOND_KEY, 0o600);
        let launch = launch.set("browser.public_prefix=/pay").set("browser.allowed_redirect_hosts=shop.test");
        let launch = launch.set(&format!("apps.second.app_code={SECOND_CODE}")).set("apps.shop.mchid=M1");
        launch.set("apps.second.client_key_file={folder}/second")
    });
    for path in ["/checkstand", "/checkstand/"] {
        open(&stage, path, &signed(CHECKOUT, &checkout())).assert_failure(404, "path_unknown");
        let browser = stage.sidecar.raw(format!("GET /pay{path} HTTP/1.1\r\nHost: www.shop.test\r\n\r\n"));
        browser.assert_failure(404, "path_unknown");
    }
    let expected = with(sign_in(), "mchid", "M1");
    for list in [sign_in(), without(sign_in(), "app_code"), expected.clone()] {
        assert_eq!(made(&open(&stage, SIGN_IN, &list), SIGN_IN, CLIENT_KEY), sorted(expected.clone()));
    }
    let evil = with(sign_in(), "redirect_uri", "https://evil.test/");
    open(&stage, SIGN_IN, &evil).assert_failure(403, "redirect_host_not_allowed");
    for (name, value) in [("app_code", SECOND_CODE), ("appcode", SECOND_CODE), ("mchid", "M2")] {
        let list = with(without(sign_in(), "app_code"), name, value);
        not_vouched(&open(&stage, SIGN_IN, &list), &format!("{name}={value}"));
    }
    stage.assert_nothing_sent();
}
