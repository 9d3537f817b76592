//! What is forwarded and what is not: paths, methods, headers; and answers, byte for byte.

mod support;

use std::time::Duration;

use support::*;

/// One raw request with these header lines (each with its line end), and a body.
fn request(method: &str, target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

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
        "//trade/v1/payment",
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
        // hyper itself refuses what is no target at all, without a body.
        let named = answer.header("X-Sidecar-Error");
        let refused = answer.status == 400 && matches!(named, None | Some("target_refused"));
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

#[test]
fn of_a_callers_headers_only_three_pass() {
    let stage = Stage::new(&[]);
    let headers = "User-Agent: shop/1.0\r\nAccept: application/json\r\nAccept-Language: zh-HK\r\n\
        Cookie: session=HOSTILE\r\nAuthorization: Basic HOSTILE\r\nProxy-Authorization: HOSTILE\r\n\
        X-Forwarded-For: HOSTILE\r\nX-Forwarded-Host: HOSTILE\r\nX-Forwarded-Proto: HOSTILE\r\nForwarded: for=HOSTILE\r\n\
        Via: HOSTILE\r\nX-Real-IP: HOSTILE\r\nX-QF-SIGN: HOSTILE\r\nX_QF_SIGN: HOSTILE\r\nx-qf_sign: HOSTILE\r\n\
        x-qf-Anything: HOSTILE\r\nX-QF-SIGNTYPE: HOSTILE\r\nTE: trailers\r\nTrailer: HOSTILE\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: HOSTILE\r\nKeep-Alive: HOSTILE\r\nProxy-Connection: keep-alive\r\n\
        Content-Language: HOSTILE\r\nIf-None-Match: HOSTILE\r\nRange: bytes=0-1\r\nReferer: HOSTILE\r\n\
        Accept-Encoding: gzip, br\r\nX-Request-Id: shop-1\r\nX-HTTP-Method-Override: DELETE\r\nPriority: HOSTILE\r\n\
        Connection: X-QF-SIGN, X-QF-APPCODE, keep-alive\r\nConnection: Upgrade, HTTP2-Settings\r\n";
    let answer = stage.sidecar.raw(request("POST", "/trade/v1/payment", headers, "txamt=1"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = stage.only_request();
    let expected = [
        "accept",
        "accept-encoding",
        "accept-language",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-qf-appcode",
        "x-qf-sign",
    ];
    assert_eq!(seen.header_names(), expected);
    assert!(!String::from_utf8_lossy(&seen.raw).contains("HOSTILE"));
    assert_eq!(seen.header("Host"), Some(&*stage.upstream.address));
    assert_eq!(seen.header("Accept-Encoding"), Some("identity"));
    assert_eq!(seen.header("User-Agent"), Some("shop/1.0"));
    assert_eq!(seen.header("Accept"), Some("application/json"));
    assert_eq!(seen.header("Accept-Language"), Some("zh-HK"));
}

#[test]
fn the_callers_host_never_chooses_where_a_request_goes() {
    let stage = Stage::new(&[]);
    for host in ["evil.test", "127.0.0.1:1", "localhost:99999", ""] {
        let request =
            format!("POST /trade/v1/query HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\na=1");
        stage.sidecar.raw(request);
    }
    assert!(!stage.upstream.requests().is_empty());
    for seen in stage.upstream.requests() {
        assert_eq!(seen.header("Host"), Some(&*stage.upstream.address));
    }
}

#[test]
fn a_callers_connection_header_can_not_remove_what_the_sidecar_adds() {
    let stage = Stage::new(&[]);
    for connection in
        ["X-QF-SIGN", "x-qf-sign, x-qf-appcode", "close, X-QF-SIGN", "content-type, content-length, host"]
    {
        let headers = format!("Connection: {connection}\r\n");
        stage.sidecar.raw(request("POST", "/trade/v1/query", &headers, "a=1"));
    }
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), 4);
    for seen in requests {
        for name in ["X-QF-SIGN", "X-QF-APPCODE", "Content-Type", "Content-Length", "Host"] {
            assert!(seen.header(name).is_some(), "{name}");
        }
        assert_eq!(seen.header("X-QF-SIGN"), Some(&*md5_elsewhere(&seen.params(), CLIENT_KEY)));
    }
}

#[test]
fn expect_is_answered_here_and_not_passed_on() {
    let stage = Stage::new(&[]);
    let mut connection = stage.sidecar.connect();
    connection.write(
        "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    );
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut connection.0, &mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(stage.upstream.connections(), 0, "nothing is sent before the body is here");
    connection.write("a=1");
    assert_eq!(connection.read().status, 200);
    assert_eq!(stage.only_request().header("Expect"), None);
}

#[test]
fn two_requests_in_one_body_stay_one() {
    let stage = Stage::new(&[]);
    let smuggled = "Transfer-Encoding: chunked\r\n";
    let body =
        "0\r\n\r\nPOST /trade/v1/refund HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\ntxamt=1";
    let mut connection = stage.sidecar.connect();
    connection.write(request("POST", "/trade/v1/query", smuggled, body));
    connection.end();
    while connection.try_read().is_some() {}
    assert!(stage.upstream.requests().iter().all(|seen| seen.path() != "/trade/v1/refund"));
}

#[test]
fn what_is_no_http_gets_a_bare_answer_and_goes_nowhere() {
    let stage = Stage::new(&[]);
    let line = "POST /trade/v1/query HTTP/1.1\r\nHost: x\r\n";
    let cases = [
        ("garbage\r\n\r\n".to_owned(), 400),
        (format!("{line}Content-Length: 3\r\nContent-Length: 4\r\n\r\na=1"), 400),
        (format!("{line}Content-Length: +3\r\n\r\na=1"), 400),
        (format!("{line}Content-Length : 3\r\n\r\na=1"), 400),
        (format!("{line}Transfer-Encoding: chunked, identity\r\n\r\na=1"), 400),
        (format!("{line}X: a\r\n b\r\n\r\n"), 400),
        (format!("{line}{}\r\n", "X: a\r\n".repeat(101)), 431),
        (format!("{line}X: {}\r\n\r\n", "a".repeat(1 << 20)), 431),
    ];
    for (request, status) in cases {
        let answer = stage.sidecar.raw(&request);
        let shown = &request[..request.len().min(120)];
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{shown:?}");
    }
    stage.assert_nothing_sent();
}

#[test]
fn answers_come_back_byte_for_byte() {
    let stage = Stage::new(&[]);
    let zip: Vec<u8> = b"PK\x03\x04".iter().copied().chain(0..=255).collect();
    let bodies: [(&str, &[u8]); 8] = [
        ("application/json", br#"{"respcd": "0000",}"#), // QFPay's own examples end like this
        ("application/json", "{\"resperr\": \"\u{4ea4}\u{6613}\u{6210}\u{529f}\"}\n".as_bytes()),
        ("application/json", b"\xef\xbb\xbf{\"respcd\":\"0000\"}"),
        ("text/html; charset=GBK", b"<p>\xb2\xe2\xca\xd4</p>"),
        ("application/zip", &zip),
        ("application/json", b""),
        ("text/plain", b" \r\n\r\n "),
        ("application/json", br#"{"a":1.10,"b":"\u8336","a":2}"#),
    ];
    for (kind, body) in bodies {
        stage.upstream.script([Reply::of("200 OK", &format!("Content-Type: {kind}\r\n"), body)]);
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(kind)));
        assert_eq!(answer.body, body, "{}", body.escape_ascii());
        assert_eq!(answer.header("X-Sidecar-Error"), None);
        assert_eq!(answer.header("X-Sidecar-Delivery"), None);
    }
}

#[test]
fn every_status_passes_and_no_redirect_is_followed() {
    let stage = Stage::new(&[]);
    let statuses =
        [200, 201, 202, 206, 299, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 408, 409, 418]
            .into_iter()
            .chain([421, 422, 425, 429, 451, 499, 500, 501, 502, 503, 504, 520, 599]);
    let mut count = 0;
    for status in statuses {
        let location = format!("Location: http://{}/trade/v1/refund\r\n", stage.upstream.address);
        let body = format!(r#"{{"respcd":"{status}"}}"#);
        stage.upstream.script([Reply::of(&format!("{status} Whatever"), &location, &body)]);
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/payment");
        count += 1;
        assert_eq!((answer.status, answer.text()), (status, &*body));
        assert!(answer.header("Location").is_some());
        assert!(!answer.is_failure(), "{status}: this is QFPay's answer");
        assert_eq!(stage.upstream.requests().len(), count, "{status}: exactly one request each");
    }
}

#[test]
fn answers_without_a_body_pass() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"), Reply::of("200 OK", "", "")]);
    for status in [204, 200] {
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
}

#[test]
fn interim_answers_of_qfpay_are_not_the_answer() {
    let stage = Stage::new(&[]);
    let twice =
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    stage.upstream.script([Reply::raw(twice)]);
    let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
    assert_eq!((answer.status, answer.text()), (200, "ok"));
}

#[test]
fn chunked_answers_and_answers_that_end_with_the_connection_pass() {
    let stage = Stage::new(&[]);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
    let until_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde";
    let old = "HTTP/1.0 200 OK\r\n\r\nabcde";
    stage.upstream.script([
        Reply::raw(chunked),
        Reply::raw(until_close).then_close(),
        Reply::raw(old).then_close(),
        Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            .then_drip("cde", Duration::from_millis(5)),
    ]);
    for _ in 0..4 {
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.text()), (200, "abcde"));
    }
}

#[test]
fn an_answer_of_five_mebibytes_streams_through_whole() {
    let stage = Stage::new(&[]);
    let piece: Vec<u8> = (0..=255).cycle().take(65536).collect();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: {}\r\n\r\n", 80 * 65536);
    stage.upstream.script([Reply::raw(head).then_repeat(&piece, 80)]);
    let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
    assert_eq!(answer.status, 200);
    assert!(answer.body == piece.repeat(80), "{} bytes came back", answer.body.len());
}

#[test]
fn answers_lose_what_belongs_to_one_connection_and_what_only_the_sidecar_says() {
    let stage = Stage::new(&[]);
    let headers = "Content-Type: application/json\r\nDate: Mon, 17 Nov 2025 10:00:00 GMT\r\nServer: nginx\r\n\
        X-QF-SIGN: 1E2CE7C2A7F8F581C354A857182B7A31\r\nX-QF-SIGNTYPE: MD5\r\nCache-Control: no-cache\r\nETag: \"x\"\r\n\
        Connection: keep-alive, X-Hop\r\nConnection: X-Other-Hop\r\nX-Hop: 1\r\nX-Other-Hop: 1\r\nKeep-Alive: timeout=500\r\n\
        Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTE: x\r\nTrailer: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
        Strict-Transport-Security: max-age=1\r\nAlt-Svc: h3=\":443\"\r\nX-Sidecar-Error: forged\r\n\
        X-Sidecar-Delivery: not_sent\r\nx_sidecar_delivery: not_sent\r\nX-Sidecar-Request-Id: forged\r\n";
    stage.upstream.script([Reply::of("200 OK", headers, "{}")]);
    let answer = stage.sidecar.curl(&["-H", "X-Request-Id: shop-7", "-d", "a=1"], "/trade/v1/query");
    let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    let expected = [
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "etag",
        "keep-alive",
        "server",
        "x-qf-sign",
        "x-qf-signtype",
        "x-sidecar-request-id",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        answer.header("X-QF-SIGN"),
        Some("1E2CE7C2A7F8F581C354A857182B7A31"),
        "the shop may verify it"
    );
    assert_eq!(answer.header("Keep-Alive"), Some("timeout=74"), "the sidecar's own, below idle_timeout_ms");
    assert_eq!(answer.header("Date"), Some("Mon, 17 Nov 2025 10:00:00 GMT"));
    assert_eq!(answer.header("X-Sidecar-Request-Id"), Some("shop-7"));
}

#[test]
fn a_request_id_is_taken_over_or_made_and_always_returned() {
    let stage = Stage::new(&[]);
    let id_of = |headers: &[&str], path: &str| {
        let arguments: Vec<_> = headers.iter().copied().chain(["-d", "a=1"]).collect();
        let answer = stage.sidecar.curl(&arguments, path);
        let id = answer.header("X-Sidecar-Request-Id").unwrap().to_owned();
        if answer.is_failure() {
            assert_eq!(answer.json()["error"]["request_id"], id.as_str());
        }
        stage.sidecar.wait_for_log(&["request", &format!("request_id={id}")]);
        id
    };
    for path in ["/trade/v1/query", "/nowhere"] {
        assert_eq!(id_of(&["-H", "X-Request-Id: Shop_42.a-b"], path), "Shop_42.a-b");
        let longest = "x".repeat(64);
        assert_eq!(id_of(&["-H", &format!("X-Request-Id: {longest}")], path), longest);
        for unusable in ["a b", "a\"b", "a=b", "<x>", &"x".repeat(65), "\u{e4}"] {
            let made = id_of(&["-H", &format!("X-Request-Id: {unusable}")], path);
            assert!(made.len() == 32 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
        }
        assert_ne!(id_of(&[], path), id_of(&[], path));
    }
    assert!(stage.upstream.requests().iter().all(|seen| seen.header("X-Request-Id").is_none()));
}

#[test]
fn what_a_customer_entered_is_in_no_log_line() {
    let stage = Stage::new(&[]);
    let body = format!("goods_name={CANARY}&sub_openid={CANARY}&txamt=1");
    assert_eq!(stage.sidecar.curl(&["-d", &body], "/trade/v1/payment").status, 200);
    assert_eq!(stage.sidecar.curl(&[], &format!("/trade/v1/query?syssn={CANARY}")).status, 200);
    stage.upstream.script([Reply::ok(format!(r#"{{"respcd":"1108","resperr":"{CANARY}"}}"#))]);
    stage.sidecar.curl(&["-d", &body], "/trade/v1/payment");
    // The names are there; the stage looks for the value.
    stage.sidecar.wait_for_log(&["request", r#"parameters="goods_name,sub_openid,txamt""#]);
}
