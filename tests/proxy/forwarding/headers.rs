//! Which of a caller's headers pass, and how requests are framed.

use super::request;
use crate::support::*;

#[test]
fn of_a_callers_headers_only_three_pass() {
    let stage = Stage::new(&["listen.allow_forwarded=true"]);
    let headers = "User-Agent: shop/1.0\r\nAccept: application/json\r\nAccept-Language: zh-HK\r\n\
        Cookie: session=HOSTILE\r\nAuthorization: Basic HOSTILE\r\nProxy-Authorization: HOSTILE\r\n\
        X-Forwarded-For: HOSTILE\r\nX-Forwarded-Host: HOSTILE\r\nX-Forwarded-Proto: HOSTILE\r\nForwarded: for=HOSTILE\r\n\
        Via: HOSTILE\r\nX-Real-IP: HOSTILE\r\nX-QF-SIGN: HOSTILE\r\nX_QF_SIGN: HOSTILE\r\nx-qf_sign: HOSTILE\r\n\
        x-qf-Anything: HOSTILE\r\nX-QF-SIGNTYPE: HOSTILE\r\nTE: trailers\r\nTrailer: HOSTILE\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: HOSTILE\r\nKeep-Alive: HOSTILE\r\nProxy-Connection: keep-alive\r\n\
        Content-Language: HOSTILE\r\nIf-None-Match: HOSTILE\r\nRange: bytes=0-1\r\n\
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
    let stage = Stage::new(&["listen.allowed_hosts=[\"shop.test\", \"127.0.0.1:1\"]"]);
    for host in ["shop.test", "127.0.0.1:1"] {
        let request =
            format!("POST /trade/v1/query HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\na=1");
        stage.sidecar.raw(request);
    }
    assert_eq!(stage.upstream.requests().len(), 2);
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
fn what_is_no_http_is_told_so_and_goes_nowhere() {
    let stage = Stage::new(&[]);
    let line = "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\n";
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
        let code = if status == 400 { "head_malformed" } else { "head_too_large" };
        stage.sidecar.raw(&request).assert_failure(status, code);
    }
    stage.assert_nothing_sent();
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
