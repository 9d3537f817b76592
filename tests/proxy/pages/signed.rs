//! What the shop's server signed becomes a page, and is read as it was signed.

use super::*;

#[test]
fn what_the_shops_server_signed_is_signed_for_qfpay() {
    let stage = stage(&[]);
    for (path, list) in [(SIGN_IN, sign_in()), (CHECKOUT, checkout())] {
        let answer = open(&stage, path, &signed(path, &list));
        assert_eq!(made(&answer, path, CLIENT_KEY), sorted(list.clone()), "as the shop wrote it");
        let lower = sign(path, &list, LOCAL).to_lowercase();
        assert_eq!(open(&stage, path, &with(list.clone(), "sign", &lower)).status, 302);
        let upper = lower.to_uppercase();
        assert_eq!(open(&stage, path, &with(list.clone(), "sign", &upper)).status, 302);
        // The other hash than QFPay's samples use for that page is as good.
        let other =
            if path == CHECKOUT { md5_elsewhere(&list, LOCAL) } else { sha256_elsewhere(&list, LOCAL) };
        assert_eq!(open(&stage, path, &with(list, "sign", &other)).status, 302);
    }
    let list = checkout();
    let form: Vec<_> =
        signed(CHECKOUT, &list).iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let posted = stage.sidecar.curl(&["-d", &form.join("&")], &format!("/pay{CHECKOUT}"));
    assert_eq!(made(&posted, CHECKOUT, CLIENT_KEY), sorted(list));
    stage.assert_nothing_sent();
}

#[test]
fn sign_type_lang_and_empty_values_may_be_in_or_out_of_what_was_signed() {
    let stage = stage(&[]);
    let sent = with(with(with(checkout(), "lang", "zh-hk"), "cancel_url", ""), "udid", "");
    for leave_out in 0..8 {
        let mut over = sent.clone();
        over.retain(|(name, value)| {
            let empty = value.is_empty() && leave_out & 1 != 0;
            let lang = name == "lang" && leave_out & 2 != 0;
            let sign_type = name == "sign_type" && leave_out & 4 != 0;
            !(empty || lang || sign_type)
        });
        for signature in [sha256_elsewhere(&over, LOCAL), md5_elsewhere(&over, LOCAL)] {
            let answer = open(&stage, CHECKOUT, &with(sent.clone(), "sign", &signature));
            assert_eq!(answer.status, 302, "{leave_out}: {}", answer.text());
        }
    }
    // Empty values are all in or all out, as every library does it; one of two is a difference.
    let over = without(sent.clone(), "udid");
    not_vouched(&open(&stage, CHECKOUT, &with(sent, "sign", &sha256_elsewhere(&over, LOCAL))), "one of two");
}

#[test]
fn app_and_merchant_count_if_the_shop_signed_them_and_within_the_apps_own() {
    let stage = stage(&["apps.second.mchid=M2"]);
    let second = with(sign_in(), "app_code", SECOND_CODE);
    let answer = open(&stage, SIGN_IN, &signed(SIGN_IN, &second));
    let expected = with(second.clone(), "mchid", "M2");
    assert_eq!(made(&answer, SIGN_IN, SECOND_KEY), sorted(expected), "the signed app, and its merchant");
    let own = with(second.clone(), "mchid", "M2");
    assert_eq!(made(&open(&stage, SIGN_IN, &signed(SIGN_IN, &own)), SIGN_IN, SECOND_KEY), sorted(own));
    let others = with(second, "mchid", "M3");
    not_vouched(&open(&stage, SIGN_IN, &signed(SIGN_IN, &others)), "a merchant that is not the app's");
    for name in ["mchid", "mchntid"] {
        let others = with(with(checkout(), "appcode", SECOND_CODE), name, "M3");
        not_vouched(&open(&stage, CHECKOUT, &signed(CHECKOUT, &others)), name);
        // An app without a merchant of its own serves those that the shop names.
        let agents = with(checkout(), name, "M3");
        let made = made(&open(&stage, CHECKOUT, &signed(CHECKOUT, &agents)), CHECKOUT, CLIENT_KEY);
        assert!(made.contains(&("mchntid".to_owned(), "M3".to_owned())), "{made:?}");
    }
    // The customer's headers name no app.
    let list = signed(SIGN_IN, &without(sign_in(), "app_code"));
    let query: Vec<_> = list.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let header = format!("X-QF-APPCODE: {SECOND_CODE}");
    let answer = stage.sidecar.curl(&["-H", &header], &format!("/pay{SIGN_IN}?{}", query.join("&")));
    assert_eq!(made(&answer, SIGN_IN, CLIENT_KEY), sorted(sign_in()));
}

#[test]
fn empty_values_that_the_shop_did_not_sign_are_not_signed_for_qfpay() {
    let stage = stage(&["parameters.empty=keep"]);
    let list = signed(CHECKOUT, &checkout());
    let added = with(list, "cancel_url", "");
    assert_eq!(made(&open(&stage, CHECKOUT, &added), CHECKOUT, CLIENT_KEY), sorted(checkout()));
    let own = with(checkout(), "cancel_url", "");
    let answer = open(&stage, CHECKOUT, &signed(CHECKOUT, &own));
    assert_eq!(made(&answer, CHECKOUT, CLIENT_KEY), sorted(own), "the shop's own stay, as the setting says");
}

#[test]
fn a_page_that_nobody_signs_stays_as_it_was() {
    let direct = "/q/direct?appId=a&timeStamp=1&nonceStr=n&package=p&signType=MD5&paySign=s&mchntnm=m&txamt=1\
        &currency=HKD&redirect_url=https%3A%2F%2Fshop.test%2F";
    let answer = stage(&[]).sidecar.curl(&[], &format!("/pay{direct}"));
    assert_eq!(answer.status, 302, "{}", answer.text());
    assert!(!answer.header("Location").unwrap().contains("&sign="));
}

#[test]
fn server_code_needs_no_local_signature() {
    let stage = stage(&[]);
    for (path, list) in [(SIGN_IN, sign_in()), (CHECKOUT, checkout())] {
        let query: Vec<_> = list.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let answer = stage.sidecar.curl(&[], &format!("{path}?{}", query.join("&")));
        assert_eq!(made(&answer, path, CLIENT_KEY), sorted(list));
    }
}

#[test]
fn notify_urls_of_pages_obey_the_list_of_hosts_and_those_of_calls_do_not() {
    let stage = stage(&["browser.allowed_redirect_hosts=shop.test"]);
    for name in ["notify_url", "failed_url"] {
        let list = with(checkout(), name, "https://evil.test/");
        let query: Vec<_> = list.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let asked = stage.sidecar.curl(&[], &format!("{CHECKOUT}?{}", query.join("&")));
        asked.assert_failure(403, "redirect_host_not_allowed");
        assert!(asked.text().contains(name), "{}", asked.text());
        open(&stage, CHECKOUT, &signed(CHECKOUT, &list)).assert_failure(403, "redirect_host_not_allowed");
    }
    stage.assert_nothing_sent();
    let payment =
        "txamt=1&txcurrcd=HKD&pay_type=800201&out_trade_no=1&notify_url=https%3A%2F%2Felsewhere.test%2F";
    assert_eq!(stage.sidecar.curl(&["-d", payment], "/trade/v1/payment").status, 200);
    stage.only_request();
}
