//! Every failure that a caller can meet, provoked from outside: status, JSON, headers, and what QFPay saw of it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::*;
use qfpay_sidecar::error::Code;

const PAYMENT: &str = "/trade/v1/payment";
const OAUTH: &str = "/tool/v1/get_weixin_oauth_code";
/// Holds [`CANARY`], so that every failure that it provokes is looked through for a customer's value.
const FORM: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=ERR-1\
                    &goods_name=canary-Chan-Tai-Man-4111111111111111";

/// What a test did to provoke a failure.
struct Provoked {
    stage: Stage,
    answer: Answer,
}

impl Provoked {
    /// A call with curl at a sidecar with these settings.
    fn by(settings: &[&str], arguments: &[&str], path: &str) -> Self {
        let stage = Stage::new(settings);
        let answer = stage.sidecar.curl(arguments, path);
        Self { stage, answer }
    }

    /// A form at the payment endpoint.
    fn by_form(form: &str) -> Self {
        Self::by(&[], &["-d", form], PAYMENT)
    }

    /// A body of some type at the payment endpoint.
    fn by_body(headers: &[&str], body: &[u8]) -> Self {
        let stage = Stage::new(&[]);
        let mut arguments = vec!["--data-binary", "@-"];
        headers.iter().for_each(|header| arguments.extend(["-H", header]));
        let answer = stage.sidecar.curl_with_input(&arguments, body, PAYMENT);
        Self { stage, answer }
    }

    /// Raw bytes at a sidecar with these settings; no more come after them.
    fn by_raw(settings: &[&str], request: &str) -> Self {
        let stage = Stage::new(settings);
        let answer = stage.sidecar.raw(request);
        Self { stage, answer }
    }

    /// A payment whose upstream replies like this.
    fn by_reply(settings: &[&str], reply: Reply) -> Self {
        let stage = Stage::new(settings);
        stage.upstream.script([reply]);
        let answer = stage.sidecar.curl(&["-d", FORM], PAYMENT);
        Self { stage, answer }
    }

    /// Checks the whole shape of the answer, and that the upstream saw nothing, or its one request.
    #[track_caller]
    fn check(self, code: &str, status: u16, delivery: &str) {
        let Self { stage, answer } = self;
        answer.assert_failure(status, code);
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some(delivery));
        assert_eq!(answer.header("Content-Type"), Some("application/json; charset=utf-8"));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        let json = answer.json();
        let respcd = if delivery == "unknown" { "1298".to_owned() } else { format!("9{status}") };
        assert_eq!(json["respcd"], respcd.as_str());
        assert_eq!(json["error"]["code"], code);
        assert_eq!(json["error"]["delivery"], delivery);
        assert_eq!(json["error"]["request_id"].as_str(), answer.header("X-Sidecar-Request-Id"));
        for text in [&json["resperr"], &json["respmsg"], &json["error"]["hint"]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{json}");
        }
        let order = if delivery == "unknown" { Some("ERR-1") } else { None };
        assert_eq!(json.get("out_trade_no").and_then(|order| order.as_str()), order, "{json}");
        match delivery {
            "unknown" => assert_eq!(stage.upstream.requests().len(), 1, "sent once, never repeated"),
            _ => assert_eq!(stage.upstream.requests().len(), 0, "nothing was sent"),
        }
        stage.sidecar.wait_for_log(&["request", &format!("error=\"{code}\"")]);
    }
}

/// One test for every failure: its name, HTTP status, delivery, and how it is provoked.
macro_rules! failures {
    ($($code:ident $status:literal $delivery:literal $provoke:expr;)*) => {
        mod each_failure {
            use super::*;
            $(#[test]
            fn $code() {
                let provoke: fn() -> Provoked = $provoke;
                provoke().check(stringify!($code), $status, $delivery);
            })*
        }

        /// Name and status, as written here: the contract that callers rely on, apart from the table in the code.
        const PROVOKED: &[(&str, u16)] = &[$((stringify!($code), $status)),*];
    };
}

failures! {
    head_malformed 400 "not_sent" || Provoked::by_raw(&[], "garbage\r\n\r\n");
    target_too_long 414 "not_sent" || {
        Provoked::by_raw(&[], &format!("GET /trade/v1/query?syssn={} HTTP/1.1\r\n\r\n", "1".repeat(65_536)))
    };
    head_too_large 431 "not_sent" || {
        let head = format!("GET /trade/v1/query HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: 1\r\n".repeat(10));
        Provoked::by_raw(&["limits.headers=10"], &head)
    };
    head_too_slow 408 "not_sent" || {
        Provoked::by_raw(&["limits.header_timeout_ms=100"], "POST /trade/v1/payment HTTP/1.1\r\nHost: loc")
    };
    connection_evicted 503 "not_sent" || {
        let stage = Stage::new(&["limits.connections=1"]);
        let mut first = stage.sidecar.connect();
        first.write("POST /trade/v1/payment HTTP/1.1\r\nHost: loc");
        stage.sidecar.curl(&[], "/nowhere").assert_failure(404, "path_unknown");
        let answer = stage.sidecar.seen(first.read());
        Provoked { stage, answer }
    };
    target_refused 400 "not_sent" || Provoked::by(&[], &["-d", FORM], "/trade/v1/pay%6dent");
    path_unknown 404 "not_sent" || Provoked::by(&[], &["-d", FORM], "/trade/v1/Payment");
    path_not_allowed 403 "not_sent" || Provoked::by(&[], &["-d", FORM], "/customer/v1/create");
    method_not_allowed 405 "not_sent" || Provoked::by(&[], &[], "/trade/v1/payment?txamt=1");
    browser_refused 403 "not_sent" || Provoked::by(&[], &["-H", "Origin: https://evil.test", "-d", FORM], PAYMENT);
    forwarded_refused 403 "not_sent" || {
        Provoked::by(&[], &["-H", "X-Forwarded-For: 203.0.113.9", "-d", FORM], PAYMENT)
    };
    app_unknown 403 "not_sent" || Provoked::by(&[], &["-H", "X-QF-APPCODE: NOBODY", "-d", FORM], PAYMENT);
    app_conflict 400 "not_sent" || {
        Provoked::by(&[], &["-H", "X-QF-APPCODE: ONE", "-d", "app_code=TWO"], PAYMENT)
    };
    body_too_large 413 "not_sent" || Provoked::by(&["limits.body_bytes=1024"], &["-d", &"x".repeat(1025)], PAYMENT);
    body_too_slow 408 "not_sent" || {
        let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\ntxamt";
        Provoked::by_raw(&["limits.body_timeout_ms=100"], head)
    };
    body_incomplete 400 "not_sent" || {
        let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        Provoked::by_raw(&[], &format!("{head}5\r\ntxamt\r\nno-length\r\n"))
    };
    query_and_body 400 "not_sent" || Provoked::by(&[], &["-d", FORM], "/trade/v1/payment?mchid=1");
    body_on_get 400 "not_sent" || Provoked::by(&[], &["-X", "GET", "-d", "syssn=1"], "/trade/v1/query");
    media_type_unsupported 415 "not_sent" || Provoked::by_body(&["Content-Type: text/xml"], b"<txamt>1</txamt>");
    charset_unsupported 415 "not_sent" || {
        Provoked::by_body(&["Content-Type: application/x-www-form-urlencoded; charset=UTF-16"], FORM.as_bytes())
    };
    encoding_unsupported 415 "not_sent" || Provoked::by_body(&["Content-Encoding: gzip"], b"\x1f\x8b\x08");
    file_upload 415 "not_sent" || Provoked::by(&[], &["-F", "idcard=canary;filename=id.png"], PAYMENT);
    parameter_repeated 400 "not_sent" || Provoked::by_form(&format!("txamt=1&txcurrcd={CANARY}&tx%61mt={CANARY}"));
    parameter_name 400 "not_sent" || Provoked::by_form(&format!("txamt={CANARY}&goods[]={CANARY}"));
    parameter_not_utf8 400 "not_sent" || Provoked::by_form("goods_name=%B2%E2%CA%D4");
    parameter_charset 400 "not_sent" || {
        Provoked::by_body(&["Content-Type: application/x-www-form-urlencoded; charset=GBK"], b"goods_name=%FF")
    };
    parameter_line_end 400 "not_sent" || Provoked::by_body(&[], format!("{FORM}\n").as_bytes());
    merchant_conflict 400 "not_sent" || Provoked::by(&[], &["-H", "X-QF-MCHCODE: M2", "-d", FORM], PAYMENT);
    client_key_in_request 400 "not_sent" || Provoked::by_form(&format!("{FORM}&key={CLIENT_KEY}"));
    length_required 411 "not_sent" || {
        Provoked::by_raw(&[], &format!("POST {PAYMENT} HTTP/1.0\r\nHost: localhost\r\n\r\n{FORM}"))
    };
    length_mismatch 400 "not_sent" || {
        let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n";
        Provoked::by_raw(&[], &format!("{head}{FORM}"))
    };
    parameters_too_many 400 "not_sent" || Provoked::by_form(&many_parameters());
    parameter_empty 400 "not_sent" || Provoked::by(&["parameters.empty=reject"], &["-d", "txamt=1&mchid="], PAYMENT);
    percent_encoding 400 "not_sent" || Provoked::by_form(&format!("goods_name=100% {CANARY}"));
    json_invalid 400 "not_sent" || Provoked::by_body(&["Content-Type: application/json"], br#"{"txamt": 1,}"#);
    json_not_an_object 400 "not_sent" || Provoked::by_body(&["Content-Type: application/json"], br#"["txamt", 1]"#);
    multipart_invalid 400 "not_sent" || {
        Provoked::by_body(&["Content-Type: multipart/form-data; boundary=XX"], b"--YY\r\nno boundary")
    };
    query_too_long 414 "not_sent" || {
        // Each | is sent as it is, but becomes %7C on its way.
        let target = format!("/trade/v1/query?syssn={}", "|".repeat(30_000));
        Provoked::by_raw(&["limits.head_bytes=65536"], &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    };
    parameter_missing 400 "not_sent" || Provoked::by(&[], &[], OAUTH);
    parameter_invalid 400 "not_sent" || Provoked::by(&[], &[], "/q/direct?pay_params=no-json");
    parameter_unknown 400 "not_sent" || Provoked::by(&[], &[], &format!("{OAUTH}?redirect_uri=http://shop.test/&syssn=1"));
    redirect_invalid 400 "not_sent" || Provoked::by(&[], &[], &format!("{OAUTH}?redirect_uri=shop.test/back"));
    redirect_host_not_allowed 403 "not_sent" || {
        let settings = ["browser.allowed_redirect_hosts=shop.test"];
        Provoked::by(&settings, &[], &format!("{OAUTH}?redirect_uri=https://evil.test/back"))
    };
    parameter_ambiguous 400 "not_sent" || {
        Provoked::by(&[], &[], &format!("{OAUTH}?redirect_uri=https://shop.test/?a=1%26mchid=2"))
    };
    page_not_vouched 403 "not_sent" || {
        let settings = ["browser.public_prefix=/pay", "browser.allowed_redirect_hosts=shop.test"];
        Provoked::by(&settings, &[], &format!("/pay{OAUTH}?redirect_uri=https://shop.test/&mchid=2"))
    };
    upstream_unreachable 502 "not_sent" || Provoked::by(&["upstream.base_url=http://127.0.0.1:1"], &["-d", FORM], PAYMENT);
    upstream_connect_timeout 504 "not_sent" || {
        // Accepts TCP, and never answers the TLS handshake.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("upstream.base_url=https://{}", silent.local_addr().unwrap());
        let stage = Stage::new(&["upstream.connect_timeout_ms=150", &base]);
        let answer = stage.sidecar.curl(&["-d", FORM], PAYMENT);
        Provoked { stage, answer }
    };
    upstream_timeout 504 "unknown" || {
        Provoked::by_reply(&["upstream.connect_timeout_ms=300", "upstream.call_timeout_ms=300"], Reply::hang())
    };
    upstream_no_answer 502 "unknown" || Provoked::by_reply(&[], Reply::close());
    upstream_truncated 502 "unknown" || {
        Provoked::by_reply(&[], Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"respcd\"").then_close())
    };
    answer_unclear 502 "unknown" || {
        Provoked::by_reply(&[], Reply::of("502 Bad Gateway", "Content-Type: text/html\r\n", "<html>502</html>"))
    };
    order_mismatch 502 "unknown" || {
        Provoked::by_reply(&[], Reply::ok(r#"{"respcd": "0000", "out_trade_no": "ANOTHER"}"#))
    };
    busy 503 "not_sent" || {
        let stage = Stage::new(&["limits.in_flight=1"]);
        stage.upstream.script([Reply::hang()]);
        let mut first = stage.sidecar.connect();
        first.write("POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1");
        stage.upstream.wait_for_requests(1);
        let answer = stage.sidecar.curl(&["-d", FORM], PAYMENT);
        assert_eq!(stage.upstream.requests().len(), 1);
        stage.upstream.forget();
        Provoked { stage, answer }
    };
    memory_busy 503 "not_sent" || {
        let stage = Stage::new(&[
            "limits.large_requests_bytes=65536",
            "limits.body_bytes=65536",
            "notifications.body_bytes=65536",
        ]);
        let body = format!("syssn={}", "1".repeat(60_000));
        let head = format!("POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        // Tried until the other one's bytes have arrived before it, and not beside it.
        let refused = || {
            let mut other = stage.sidecar.connect();
            other.write(format!("{head}{}", &body[..60_000]));
            std::thread::sleep(Duration::from_millis(20));
            Some(stage.sidecar.curl(&["-H", "Expect:", "-d", &body], "/trade/v1/query")).filter(Answer::is_failure)
        };
        let answer = (0..100).find_map(|_| refused()).expect("the memory is bounded");
        stage.upstream.forget();
        Provoked { stage, answer }
    };
    streams_busy 503 "unknown" || {
        let stage = Stage::new(&["limits.streams=1"]);
        let large = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 12582912\r\n\r\n").then_repeat([b'x'; 1 << 20], 12);
        stage.upstream.script([large.clone(), large]);
        let mut first = stage.sidecar.connect();
        first.write("POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1");
        uninterrupted(|| first.0.peek(&mut [0])).unwrap();
        stage.upstream.forget();
        let answer = stage.sidecar.curl(&["-d", FORM], "/trade/v1/query");
        Provoked { stage, answer }
    };
    quota_exceeded 429 "not_sent" || {
        let stage = Stage::new(&["quota.per_minute=1", "quota.max_wait_ms=0"]);
        assert_eq!(stage.sidecar.curl(&["-d", FORM], PAYMENT).status, 200);
        stage.upstream.forget();
        let answer = stage.sidecar.curl(&["-d", FORM], PAYMENT);
        Provoked { stage, answer }
    };
    quota_paused 429 "not_sent" || {
        let stage = Stage::new(&["quota.pause_ms=60000"]);
        stage.upstream.script([Reply::of("429 Too Many Requests", "", "{}")]);
        assert!(!stage.sidecar.curl(&["-d", FORM], PAYMENT).is_failure());
        stage.upstream.forget();
        let answer = stage.sidecar.curl(&["-d", FORM], PAYMENT);
        Provoked { stage, answer }
    };
    host_refused 421 "not_sent" || {
        Provoked::by(&[], &["-H", "Host: rebound.evil.test", "-d", FORM], PAYMENT)
    };
    cut_off 503 "unknown" || {
        let stage = Stage::new(&["limits.shutdown_timeout_ms=100"]);
        stage.upstream.script([Reply::hang()]);
        let mut caller = stage.sidecar.connect();
        caller.write(format!(
            "POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{FORM}",
            FORM.len()
        ));
        stage.upstream.wait_for_requests(1);
        stage.sidecar.signal("TERM");
        let answer = stage.sidecar.seen(caller.read());
        Provoked { stage, answer }
    };
    shutting_down 503 "not_sent" || {
        let stage = Stage::new(&[]);
        // Half a head before the signal, the other half after it. Connections are served in the order in which they
        // came, so once later ones were answered, the sidecar has read this half.
        let mut early = stage.sidecar.connect();
        early.write("POST /trade/v1/payment HTTP/1.1\r\n");
        for _ in 0..3 {
            assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query").status, 200);
        }
        stage.upstream.forget();
        stage.sidecar.signal("TERM");
        stage.sidecar.wait_until_not_ready();
        early.write(format!("Host: localhost\r\nContent-Length: {}\r\n\r\n{FORM}", FORM.len()));
        let answer = stage.sidecar.seen(early.read());
        Provoked { stage, answer }
    };
}

/// Codes that cannot be provoked from outside, each with its reason.
const NOT_PROVOKED: [(&str, u16, &str); 1] = [(
    "internal",
    500,
    "only a panic in the sidecar's own code makes it; any that is known is mended instead",
)];

/// Codes of notifications and of signatures on answers, which `tests/notifications` provokes.
const NOTIFICATIONS: [(&str, u16); 13] = [
    ("response_signature_wrong", 502),
    ("notification_path_unknown", 404),
    ("notification_unrouted", 404),
    ("source_refused", 403),
    ("body_empty", 400),
    ("notification_not_json", 400),
    ("signature_missing", 400),
    ("signature_malformed", 400),
    ("signature_wrong", 401),
    ("receiver_unreachable", 502),
    ("receiver_timeout", 504),
    ("receiver_broke_off", 502),
    ("receiver_refused", 502),
];

/// Codes that stories of their own provoke: `tests/proxy/orders`, `callers` and `journal`.
const ELSEWHERE: [(&str, u16); 4] =
    [("order_in_flight", 409), ("caller_unknown", 401), ("caller_denied", 403), ("journal_unavailable", 503)];

#[test]
fn every_code_has_its_test_and_keeps_its_status() {
    assert!(FORM.contains(CANARY));
    let covered =
        PROVOKED.iter().copied().chain(NOT_PROVOKED.iter().map(|&(name, status, _)| (name, status)));
    let covered: BTreeSet<_> = covered.chain(NOTIFICATIONS).chain(ELSEWHERE).collect();
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| (code.row().name, code.row().status)).collect();
    assert_eq!(covered, all);
}

#[test]
fn a_failure_says_exactly_what_to_mend_without_repeating_a_value() {
    // The form, and words of `respmsg`.
    let cases = [
        (format!("txamt={CANARY}&txamt=2"), "'txamt' was sent more than once"),
        (format!("goods_name=%B2{CANARY}"), "'goods_name' is not UTF-8"),
        (format!("goods_name={CANARY}%zz"), "'goods_name'"),
        (format!("goods name={CANARY}"), "begins with 'goods'"),
        (format!("{{\"goods_name\": \"{CANARY}\"}}"), "looks like JSON"),
    ];
    let stage = Stage::new(&[]);
    for (form, words) in cases {
        let answer = stage.sidecar.curl(&["-d", &form], PAYMENT);
        let message = answer.json()["respmsg"].as_str().unwrap().to_owned();
        assert!(matches!(answer.status, 400 | 415));
        assert!(message.contains(words), "{message}");
        // That the value is not in it, the stage checks at its end.
    }
    let json = format!(r#"{{"goods_name": "{CANARY}", "txamt": 01}}"#);
    let sent = ["-H", "Content-Type: application/json", "-d", &json];
    let answer = stage.sidecar.curl(&sent, PAYMENT);
    assert!(answer.json()["respmsg"].as_str().unwrap().contains("line 1, column"), "{}", answer.text());
    stage.assert_nothing_sent();
}

#[test]
fn failures_are_counted_by_code() {
    let stage = Stage::new(&[]);
    for _ in 0..3 {
        stage.sidecar.curl(&["-d", "a=1&a=2"], PAYMENT);
    }
    let metrics = stage.sidecar.admin("/metrics");
    let line = metrics.text().lines().find(|line| line.contains("parameter_repeated")).unwrap();
    assert!(line.starts_with("qfpay_sidecar_requests_total{") && line.ends_with(" 3"), "{line}");
}

#[test]
fn web_pages_are_refused_however_they_call() {
    let stage = Stage::new(&[]);
    for header in [
        "Origin: null",
        "Origin: http://localhost",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-origin",
        "Sec-Fetch-Site: same-site",
    ] {
        stage.sidecar.curl(&["-H", header, "-d", FORM], PAYMENT).assert_failure(403, "browser_refused");
    }
    stage.assert_nothing_sent();
    // Typed into the address bar.
    let typed = stage.sidecar.curl(&["-H", "Sec-Fetch-Site: none"], "/trade/v1/query?syssn=1");
    assert_eq!(typed.status, 200);
}

/// One more than are taken.
fn many_parameters() -> String {
    (0..1001).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&")
}
