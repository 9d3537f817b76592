//! Which paths and methods pass, and which are refused before anything is sent.

use super::request;
use crate::support::*;

#[test]
fn paths_that_could_be_read_in_two_ways_are_refused() {
    let stage = Stage::new(&[]);
    for target in [
        "/trade/v1/%70ayment",
        "/trade/v1%2fpayment",
        "/trade/v1/query%00",
        "/trade/v1/../v1/payment",
        "/trade/v1/x/..",
        "/tool/v1/../../oauth/v2/access_token",
        "/trade/v1/./payment",
        "///trade/v1/payment",
        "/trade//v1/payment",
        "/trade/v1/payment//",
        "/trade/v1/payment;a=1",
        "/trade/v1/payment;/query",
        "/trade/v1/..%2f..%2foauth/v2/access_token",
        "/trade/v1\\payment",
        "http://localhost/trade/v1/payment",
        "https://evil.test/trade/v1/payment",
        "*",
        "trade/v1/payment",
        "/trade/v1/pay\u{e4}ment",
        "/trade/v1/payment?a=1 b",
    ] {
        let answer = stage.sidecar.raw(request("POST", target, "Connection: close\r\n", "txamt=1"));
        // What is no target at all is not even a head.
        let named = answer.header("X-Sidecar-Error");
        let refused = answer.status == 400 && matches!(named, Some("head_malformed" | "target_refused"));
        assert!(refused, "{target}: {} {}", answer.status, answer.text());
    }
    stage.assert_nothing_sent();
}

#[test]
fn connect_is_refused() {
    let stage = Stage::new(&[]);
    let answer = stage.sidecar.raw("CONNECT openapi-hk.qfapi.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    answer.assert_failure(400, "target_refused");
    stage.assert_nothing_sent();
}

#[test]
fn paths_that_are_nothing_or_not_allowed_are_told_apart() {
    let stage = Stage::new(&[]);
    let cases = [
        ("/trade/v1/payment/", 404, "path_unknown"),
        ("/trade/v1/Payment", 404, "path_unknown"),
        ("/TRADE/V1/PAYMENT", 404, "path_unknown"),
        ("/Trade/v1/payment", 404, "path_unknown"),
        ("/trade/v1", 404, "path_unknown"),
        ("/trade/v2/payment", 404, "path_unknown"),
        ("/trade/v1evil/payment", 404, "path_unknown"),
        ("/", 404, "path_unknown"),
        ("/favicon.ico", 404, "path_unknown"),
        ("/customer/v1/create", 403, "path_not_allowed"),
        ("/download/v1/trade_bill", 403, "path_not_allowed"),
        ("/oauth/v2/access_token", 403, "path_not_allowed"),
    ];
    for (path, status, code) in cases {
        let answer = stage.sidecar.raw(request("POST", path, "Connection: close\r\n", "txamt=1"));
        assert_eq!((answer.status, answer.header("X-Sidecar-Error")), (status, Some(code)), "{path}");
    }
    stage.assert_nothing_sent();
}

#[test]
fn oauth_can_not_even_be_asked_for() {
    for prefix in ["/oauth/", "/oauth/v2/", "/OAuth/", "/"] {
        let config = Stage::config("http://127.0.0.1:1");
        let ended = Launch::new(&config).set(&format!("routes.allow=/trade/v1/,{prefix}")).ends();
        assert_eq!(ended.code, Some(2), "{prefix}");
        for word in ["routes.allow", "/oauth/", "client_key"] {
            assert!(ended.stderr.contains(word), "{prefix}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_family_of_endpoints_can_be_opened_by_its_prefix() {
    let stage = Stage::new(&[r#"routes.allow=["/trade/v1/", "/customer/v1/"]"#]);
    assert_eq!(stage.sidecar.curl(&["-d", "name=x"], "/customer/v1/create").status, 200);
    assert_eq!(stage.only_request().path(), "/customer/v1/create");
    // What is not in the list any more is closed.
    stage
        .sidecar
        .curl(&["-d", "code=x"], "/tool/v1/get_weixin_openid")
        .assert_failure(403, "path_not_allowed");
}

#[test]
fn a_single_path_opens_itself_and_nothing_beside_it() {
    let stage = Stage::new(&[r#"routes.allow=["/trade/v1/payment", "/trade/v1/query", "/tool/v1/"]"#]);
    for path in ["/trade/v1/payment", "/trade/v1/query", "/tool/v1/get_weixin_openid"] {
        stage.upstream.forget();
        let method = if path.starts_with("/tool/") { "GET" } else { "POST" };
        let target = format!("{path}?code=x");
        assert_eq!(stage.sidecar.curl(&["-X", method], &target).status, 200, "{path}");
        assert_eq!(stage.only_request().path(), path);
    }
    stage.upstream.forget();
    let closed = [
        ("/trade/v1/refund", 403, "path_not_allowed"),
        ("/trade/v1/reversal", 403, "path_not_allowed"),
        ("/trade/v1/payment_verify", 403, "path_not_allowed"),
        ("/trade/v1/query/", 404, "path_unknown"),
        ("/trade/v1/query2", 404, "path_unknown"),
        ("/trade/v1/query.", 400, "target_refused"),
        ("/trade/v1/payment/refund", 404, "path_unknown"),
        ("/trade/v1/Payment", 404, "path_unknown"),
        ("//trade/v1/refund", 403, "path_not_allowed"),
    ];
    for (path, status, code) in closed {
        let answer = stage.sidecar.raw(request("POST", path, "Connection: close\r\n", "txamt=1"));
        let seen = (answer.status, answer.header("X-Sidecar-Error"));
        // One doubled slash at the beginning may be refused earlier; it is never a way around the list.
        assert!(
            seen == (status, Some(code)) || (path.starts_with("//") && answer.is_failure()),
            "{path}: {seen:?}"
        );
    }
    assert!(stage.upstream.requests().is_empty());
}

#[test]
fn single_paths_that_can_not_be_meant_are_refused_at_the_start() {
    for (path, said) in [
        ("/trade/v1", "a prefix ends in '/': /trade/v1/"),
        ("/trade/v1/Refund", "spelt /trade/v1/refund"),
        ("/oauth/v2/access_token", "client_key"),
        ("/checkstand", "browser.pages"),
        ("trade/v1/query", "begins with '/'"),
        ("/trade/v1/../v1/refund", "no '.' at the end"),
    ] {
        let config = Stage::config("http://127.0.0.1:1");
        let ended = Launch::new(&config).set(&format!("routes.allow=/tool/v1/,{path}")).ends();
        assert_eq!(ended.code, Some(2), "{path}");
        assert!(
            ended.stderr.contains("routes.allow") && ended.stderr.contains(said),
            "{path}: {}",
            ended.stderr
        );
    }
}

#[test]
fn an_endpoint_that_is_new_at_qfpay_passes_under_an_allowed_prefix() {
    let stage = Stage::new(&[]);
    assert_eq!(stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/brand_new").status, 200);
    assert_eq!(stage.only_request().path(), "/trade/v1/brand_new");
    stage.sidecar.wait_for_log(&["request", r#"endpoint="other""#]);
}

#[test]
fn money_moves_by_post_only() {
    let stage = Stage::new(&[]);
    for path in ["payment", "refund", "reversal", "authtrade", "unfreeze"] {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "PROPFIND"] {
            let target = format!("/trade/v1/{path}?txamt=1");
            let answer = stage.sidecar.raw(request(method, &target, "Connection: close\r\n", ""));
            assert_eq!((answer.status, answer.header("Allow")), (405, Some("POST")), "{method} {path}");
            answer.assert_failure(405, "method_not_allowed");
        }
        let head = stage.sidecar.curl(&["--head"], &format!("/trade/v1/{path}"));
        assert_eq!((head.status, head.header("Allow")), (405, Some("POST")), "HEAD {path}");
    }
    let both = stage.sidecar.curl(&["-X", "PUT", "-d", "a=1"], "/trade/v1/query");
    assert_eq!((both.status, both.header("Allow")), (405, Some("GET, POST")));
    let get = stage.sidecar.curl(&["-d", "a=1"], "/tool/v1/mcc");
    assert_eq!((get.status, get.header("Allow")), (405, Some("GET")));
    stage.assert_nothing_sent();
}
