//! The message names the cause: each slip of a shop or an operator is told so that it can be mended, in plain words.

use std::io::{Read, Write};

use crate::support::{Answer, CLIENT_KEY, FakeUpstream, Launch, Reply, Sidecar, Stage, curl, vector};

const PAYMENT: &str = "/trade/v1/payment";
const MARK: &str = "\u{feff}";

#[track_caller]
fn says(answer: &Answer, words: &[&str]) {
    let json = answer.json();
    let text = format!("{} {}", json["respmsg"].as_str().unwrap(), json["error"]["hint"].as_str().unwrap());
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    for debug in ["os error", "Error", "Other(", "Custom", "{ ", "::"] {
        assert!(!text.contains(debug), "{debug:?} in: {text}");
    }
}

#[test]
fn a_checkout_that_lost_everything_behind_its_hash() {
    let stage = Stage::new(&[]);
    // What curl and every other library make of https://.../checkstand/#/?paysource=...
    let lost = stage.sidecar.curl(&[], "/checkstand/");
    lost.assert_failure(400, "parameter_missing");
    says(&lost, &["behind '#'", "/checkstand/?paysource=", "without #/"]);
    let raw = stage.sidecar.raw("GET /checkstand/#/?paysource=x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    raw.assert_failure(400, "target_refused");
    says(&raw, &["without #/"]);
    let some = stage.sidecar.curl(&[], "/checkstand/?txamt=1");
    assert!(!some.text().contains("behind '#'"), "{}", some.text());
}

#[test]
fn a_raw_space_in_the_target() {
    let stage = Stage::new(&[]);
    for target in ["/trade/v1/query?out_trade_no=a b", "/trade/v1/que ry", "/trade/v1/query?a=1  "] {
        let answer = stage.sidecar.raw(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        answer.assert_failure(400, "head_malformed");
        says(&answer, &["raw space", "%20"]);
    }
    let other = stage.sidecar.raw("GET /trade/v1/query HTP/1.1\r\nHost: a b c d\r\n\r\n");
    assert!(!other.text().contains("raw space"), "{}", other.text());
    stage.assert_nothing_sent();
}

#[test]
fn a_byte_order_mark_before_a_form_or_json() {
    let stage = Stage::new(&[]);
    let json = ["-H", "Content-Type: application/json", "--data-binary", "@-"];
    let cases = [
        (&["--data-binary", "@-"][..], format!("{MARK}txamt=1&txcurrcd=HKD"), "parameter_name"),
        (&["--data-binary", "@-"], "%EF%BB%BFtxamt=1".to_owned(), "parameter_name"),
        (&json, format!("{MARK}{{\"txamt\": 1}}"), "json_invalid"),
    ];
    for (arguments, body, code) in cases {
        let answer = stage.sidecar.curl_with_input(arguments, body.as_bytes(), PAYMENT);
        answer.assert_failure(400, code);
        says(&answer, &["byte order mark", "UTF-8 without"]);
    }
    stage.assert_nothing_sent();
}

#[test]
fn an_ampersand_in_a_raw_value() {
    let stage = Stage::new(&[]);
    let answer = stage.sidecar.curl(&["-d", "goods_name=Tom&Jerry&txamt=1"], PAYMENT);
    answer.assert_failure(400, "parameter_name");
    says(&answer, &["%26", "http_build_query"]);
    assert!(!answer.text().contains("a[]"), "{}", answer.text());
}

#[test]
fn a_part_without_an_equals_sign() {
    let stage = Stage::new(&[]);
    for (form, words) in [
        // Ruby's encode_www_form of nil.
        ("txamt=1&goods_info&mchid=2", ["'goods_info'", "behind parameter 'txamt'", "compact"]),
        ("goods_name=Tom&Jerry&txamt=1", ["a part of the form", "behind parameter 'goods_name'", "%26"]),
        ("txamt", ["a part of the form", "at the beginning", "'='"]),
    ] {
        let answer = stage.sidecar.curl(&["-d", form], PAYMENT);
        answer.assert_failure(400, "parameter_name");
        says(&answer, &words);
        assert!(!answer.text().contains("Jerry"), "{}", answer.text());
    }
    stage.assert_nothing_sent();
}

#[test]
fn what_stands_before_a_name() {
    let stage = Stage::new(&[]);
    for (form, words) in [
        ("?txamt=1", ["a '?'", "at the beginning", "Leave it out"]),
        ("\ntxamt=1", ["a line end", "at the beginning", "Leave it out"]),
        ("txamt=1&\nmchid=2", ["a line end", "behind parameter 'txamt'", "Leave it out"]),
        ("txamt=1& mchid=2", ["a blank", "behind parameter 'txamt'", "Leave it out"]),
    ] {
        let answer = stage.sidecar.curl_with_input(&["--data-binary", "@-"], form.as_bytes(), PAYMENT);
        answer.assert_failure(400, "parameter_name");
        says(&answer, &words);
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_family_that_is_not_allowed() {
    let stage = Stage::new(&[]);
    let cases = [
        ("/customer/v1/create", 403, "path_not_allowed", "routes.allow has no \"/customer/v1/\""),
        (
            "/subscription/billing_order/v1/list",
            403,
            "path_not_allowed",
            "\"/subscription/billing_order/v1/\"",
        ),
        ("/customer/v1/creat", 404, "path_unknown", "did you mean /customer/v1/create?"),
        ("/oauth/v2/access_token", 403, "path_not_allowed", "carry the client_key itself"),
        ("/trade/v2/payment", 404, "path_unknown", "/trade/v1/payment"),
        ("/", 404, "path_unknown", "/trade/v1/payment"),
    ];
    for (path, status, code, word) in cases {
        let answer = stage.sidecar.curl(&["-d", "a=1"], path);
        answer.assert_failure(status, code);
        says(&answer, &[word]);
    }
    let pages = Stage::new(&["browser.pages=direct"]);
    let answer = pages.sidecar.curl(&[], "/checkstand/?paysource=x");
    answer.assert_failure(403, "path_not_allowed");
    says(&answer, &["browser.pages"]);
    stage.assert_nothing_sent();
}

#[test]
fn a_path_one_letter_away_is_sent_with_a_warning() {
    let stage = Stage::new(&["log.level=warn"]);
    assert_eq!(stage.sidecar.curl(&["-d", "txamt=1"], "/trade/v1/paymnt").status, 200);
    assert_eq!(stage.only_request().target(), "/trade/v1/paymnt");
    stage.sidecar.wait_for_log(&[" WARN ", "one letter away", "meant=\"/trade/v1/payment\""]);
    let lines = stage.sidecar.log().lines().count();
    assert_eq!(stage.sidecar.curl(&["-d", "txamt=1"], "/trade/v1/brand_new").status, 200);
    // Lines are written in order: with the next warning there, one about the path before it would be as well.
    assert_eq!(stage.sidecar.curl(&["-d", "txamt=1"], "/trade/v1/refunt").status, 200);
    stage.sidecar.wait_for_log(&[" WARN ", "meant=\"/trade/v1/refund\""]);
    assert_eq!(stage.sidecar.log().lines().count(), lines + 1, "{}", stage.sidecar.log());
}

#[test]
fn what_the_system_says_is_for_the_log() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sidecar = Sidecar::start(&Stage::config(&format!("http://{free}")));
    let answer = sidecar.curl(&["-d", "txamt=1"], PAYMENT);
    answer.assert_failure(502, "upstream_unreachable");
    says(&answer, &["refuses connections", "safe to try again"]);
    sidecar.wait_for_log(&["upstream_unreachable", "os error"]);

    let stage = Stage::new(&[]);
    for reply in [Reply::close(), Reply::raw("HTTP/1.1 banana\r\n\r\n").then_close()] {
        stage.upstream.script([reply]);
        let answer = stage.sidecar.curl(&["-d", "txamt=1&out_trade_no=A"], PAYMENT);
        answer.assert_failure(502, "upstream_no_answer");
        says(&answer, &["no answer from", "Do not send it again"]);
    }
}

#[test]
fn what_speaks_no_tls_is_told_so() {
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Stage::config(&format!("https://{}", plain.local_addr().unwrap()));
    // Ends with the test's process; it holds nothing but a port.
    std::thread::spawn(move || {
        for mut stream in plain.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    let answer = Sidecar::start(&config).curl(&["-d", "txamt=1"], PAYMENT);
    answer.assert_failure(502, "upstream_unreachable");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    says(&answer, &["what it sends is not TLS", "a repeat does not help"]);
}

#[test]
fn a_proxy_that_is_not_read_is_named_at_start_in_check_and_in_the_hint() {
    let launch = |base: &str| {
        let config = Stage::config(base);
        let launch = Launch::new(&config).secret("proxy-password").set("log.level=warn");
        let launch = launch.set("upstream.connect_timeout_ms=500").set("upstream.call_timeout_ms=500");
        launch.env("https_proxy", "http://user:proxy-password@127.0.0.1:9")
    };
    // A name that nobody may register (RFC 6761).
    let sidecar = launch("https://qfpay.invalid").start();
    let line = sidecar.wait_for_log(&[" WARN ", "https_proxy"]);
    assert!(line.contains("it is not read"), "{line}");
    let answer = sidecar.curl(&["-d", "txamt=1"], PAYMENT);
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    says(&answer, &["https_proxy is set, and the sidecar does not read it", "safe to try again"]);
    let checked = launch("https://qfpay.invalid").verb("check").ends();
    assert!(
        checked.stdout.contains("environment variable https_proxy: it is not read"),
        "{}",
        checked.stdout
    );
    // On this machine nobody uses a proxy.
    let near = launch("http://127.0.0.1:1").verb("check").ends();
    assert!(!near.stdout.contains("https_proxy"), "{}", near.stdout);
}

#[test]
fn https_on_this_port() {
    let stage = Stage::new(&["log.level=info"]);
    let url = format!("https://{}{PAYMENT}", stage.sidecar.api);
    let tried = std::process::Command::new("curl").args(["-sSk", "-d", "txamt=1", &url]).output().unwrap();
    assert!(!tried.status.success());
    stage.sidecar.wait_for_log(&["head_malformed", "looks like TLS", "begins with http://"]);
    stage.assert_nothing_sent();
}

#[test]
fn a_receiver_whose_script_begins_with_a_byte_order_mark() {
    let receiver = FakeUpstream::start();
    let config = format!(
        "{}\n[[notifications.routes]]\npath = \"/notify\"\nreceiver_url = \"http://{}/\"\n",
        Stage::config("http://127.0.0.1:1"),
        receiver.address
    );
    let sidecar = Launch::new(&config).set("listen.notifications=127.0.0.1:0").start();
    receiver.script([Reply::of("200 OK", "", format!("{MARK}SUCCESS"))]);
    let vector = vector("notify_python_dumps_spacing");
    let url = format!("http://{}/notify", sidecar.notifications.clone().unwrap());
    let sign = format!("X-QF-SIGN: {}", vector.sign);
    assert_eq!(curl(&["-H", &sign, "--data-binary", &vector.canonical, &url]).status, 502);
    sidecar.wait_for_log(&["receiver_refused", "SUCCESS behind a byte order mark"]);
}

#[test]
fn a_key_file_with_a_byte_order_mark() {
    let launch = Launch::new(&Stage::config("http://127.0.0.1:1"));
    let ended = launch.file("key", format!("{MARK}{CLIENT_KEY}\n"), 0o600).ends();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("a byte order mark stands before the key"), "{}", ended.stderr);
}
