//! The limits themselves: what QFPay never sees, and who is refused first.

use std::time::Duration;

use super::stage::*;
use crate::support::{Sidecar, Stage};

/// Between two calls once 94 of 400 a minute have gone at once: 60 s / 306.
const PERIOD: Duration = Duration::from_nanos(196_078_432);

#[test]
fn qfpay_never_sees_more_than_it_documents() {
    let stage = stage(&["quota.per_second=100", "quota.per_minute=400", "quota.max_wait_ms=0"]);
    let burst = burst(&stage.sidecar, PAYMENT, 8, 20);
    assert_kept(burst.passed, 94, PERIOD, burst.took);
    assert_eq!(stage.upstream.requests().len(), burst.passed, "what was refused was not sent");
    assert_eq!(burst.refused[0].header("Retry-After"), Some("1"));
    let json = burst.refused[0].json();
    let message = json["respmsg"].as_str().unwrap();
    assert!(message.contains("quota.per_second") && message.contains("quota.max_wait_ms"), "{message}");
    assert!(json["error"]["hint"].as_str().unwrap().contains("raise quota.max_wait_ms"), "{json}");
    let counted = |outcome: &str| {
        let labels = format!("app=\"shop\",source=\"local\",outcome=\"{outcome}\"");
        metric(&stage.sidecar, &format!("qfpay_sidecar_quota_decisions_total{{{labels}}}")).unwrap()
    };
    assert_eq!(counted("passed") as usize, burst.passed);
    assert_eq!(counted("exceeded") as usize, burst.refused.len());
    stage.sidecar.wait_for_log(&[
        "request",
        "error=\"quota_exceeded\"",
        "delivery=\"not_sent\"",
        "status=429",
    ]);
}

#[test]
fn the_defaults_are_qfpays_limits() {
    // The built-in sandbox, without a word about quotas but that nobody waits. All calls pay one order.
    let config = "orders.one_flight = false\nlisten.api = \"127.0.0.1:0\"\nlisten.admin = \"127.0.0.1:0\"\nquota.max_wait_ms = 0\n\
        sandbox.listen = \"127.0.0.1:0\"\nlisten.allowed_hosts = [\"localhost\"]\n";
    let sidecar = Sidecar::start(&format!("{config}[apps.shop]\napp_code = \"A1B2\"\n"));
    let burst = burst(&sidecar, PAYMENT, 8, 16);
    assert_kept(burst.passed, 94, PERIOD, burst.took);
}

#[test]
fn queries_are_refused_while_payments_pass() {
    // 20 at once and one every 3 seconds; 14 of them, and 70 % of the rest, for calls that only read.
    let stage = stage(&with(&per_minute(40), &["quota.reserved_percent=30"]));
    let queries = burst(&stage.sidecar, QUERY, 4, 8);
    assert_kept(queries.passed, 14, Duration::from_nanos(4_285_714_286), queries.took);
    let message = queries.refused[0].json()["respmsg"].as_str().unwrap().to_owned();
    assert!(message.contains("quota.reserved_percent"), "{message}");
    for _ in 0..5 {
        assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    }
    assert_refused(&call(&stage.sidecar, QUERY), "quota_exceeded");
    // Payments may use all of it, and then they are refused as well.
    let payments = burst(&stage.sidecar, PAYMENT, 2, 20);
    assert!(!payments.refused.is_empty());
    assert!(!payments.refused[0].text().contains("reserved_percent"), "{}", payments.refused[0].text());
}

#[test]
fn junk_codes_of_a_shops_visitors_do_not_stop_payments() {
    // 20 at once and one every 3 seconds; 14 of them, and 70 % of the rest, for what moves no money.
    let stage = stage(&with(&per_minute(40), &["quota.reserved_percent=30"]));
    let openid = |code: usize| {
        let path = format!("/tool/v1/get_weixin_openid?code=junk{code}");
        stage.sidecar.raw(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    };
    let passed = (0..40).filter(|&code| openid(code).status == 200).count();
    assert!((14..=18).contains(&passed), "{passed} of 40 junk codes passed");
    let message = openid(40).json()["respmsg"].as_str().unwrap().to_owned();
    assert!(message.contains("quota.reserved_percent"), "{message}");
    // What changes something without moving money counts with them, and what is not known with payments.
    assert_refused(&call(&stage.sidecar, "/trade/v1/add_note"), "quota_exceeded");
    for path in [PAYMENT, "/trade/v1/close", "/trade/v1/brand_new"] {
        assert_eq!(call(&stage.sidecar, path).status, 200, "{path}");
    }
}

#[test]
fn payments_may_use_the_whole_quota() {
    let stage = stage(&with(&per_minute(40), &["quota.reserved_percent=90"]));
    let payments = burst(&stage.sidecar, PAYMENT, 4, 8);
    assert_kept(payments.passed, 20, Duration::from_secs(3), payments.took);
}

#[test]
fn apps_do_not_share() {
    let base = per_minute(4);
    let stage = Stage::launch(|launch| {
        with(&base, &[]).iter().fold(with_other_app(launch), |launch, set| launch.set(set))
    });
    let shop = burst(&stage.sidecar, PAYMENT, 1, 5);
    assert_kept(shop.passed, 2, Duration::from_secs(30), shop.took);
    let header = format!("X-QF-APPCODE: {OTHER_CODE}\r\n");
    for _ in 0..2 {
        assert_eq!(call_with(&stage.sidecar, PAYMENT, &header).status, 200);
    }
    let refused = call_with(&stage.sidecar, PAYMENT, &header);
    refused.assert_failure(429, "quota_exceeded");
    assert!(refused.json()["respmsg"].as_str().unwrap().contains("app other"));
}

#[test]
fn zero_turns_it_off() {
    let stage = stage(&["quota.per_second=0", "quota.per_minute=0"]);
    let burst = burst(&stage.sidecar, QUERY, 8, 30);
    assert_eq!((burst.passed, burst.refused.len()), (240, 0));
}

#[test]
fn what_is_not_sent_does_not_count() {
    // One call a minute.
    let stage = stage(&with(&per_minute(1), &[]));
    for _ in 0..3 {
        let page = "/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F";
        assert_eq!(stage.sidecar.raw(format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 302);
        stage.sidecar.curl(&["-d", "a=1&a=2"], PAYMENT).assert_failure(400, "parameter_repeated");
        let signature = "X-QF-SIGN: 00000000000000000000000000000000";
        stage
            .sidecar
            .curl(&["-H", signature, "-d", "{}"], "/sidecar/v1/verify")
            .assert_failure(401, "signature_wrong");
    }
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    let again = assert_refused(&call(&stage.sidecar, PAYMENT), "quota_exceeded");
    assert!((30..=61).contains(&again), "the next one may go in a minute, not in {again} s");
}
