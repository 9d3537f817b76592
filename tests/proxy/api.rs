//! Every way in which shops send their parameters, and what reaches QFPay: the same parameters, signed.

use crate::support::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// A shop's way of sending parameters: curl's arguments, what curl reads from its input, and the path with its query.
type Sent = (Vec<String>, Vec<u8>, String);

fn arguments(
    fixed: &[&str],
    pairs: &[(String, String)],
    flag: &str,
    write: fn(&str, &str) -> String,
) -> Vec<String> {
    let mut arguments: Vec<_> = fixed.iter().map(|&text| text.to_owned()).collect();
    for (name, value) in pairs {
        arguments.extend([flag.to_owned(), write(name, value)]);
    }
    arguments
}

fn joined(pairs: &[(String, String)], write: fn(&str) -> String) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", write(value))).collect::<Vec<_>>().join("&")
}

fn plus(value: &str) -> String {
    encode(value).replace("%20", "+")
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// Whether a value survives being written unencoded, as some official samples do.
fn needs_no_encoding(pairs: &[(String, String)]) -> bool {
    pairs.iter().all(|(_, value)| !value.contains(['&', '+', '%', '=', '\n', '\r']))
}

/// Sends the parameters in a way, or not at all where that way cannot carry them.
type Way = fn(&[(String, String)]) -> Option<Sent>;

/// Name, way, whether QFPay sees POST, whether the parameters stay in the query.
const WAYS: [(&str, Way, bool, bool); 11] = [
    ("a form, spaces as +", |p| Some((texts(&["-d", &joined(p, plus)]), vec![], String::new())), true, false),
    (
        "a form, spaces as %20",
        |p| Some((texts(&["-d", &joined(p, encode)]), vec![], String::new())),
        true,
        false,
    ),
    (
        "a form without Content-Type",
        |p| Some((texts(&["-H", "Content-Type:", "-d", &joined(p, plus)]), vec![], String::new())),
        true,
        false,
    ),
    (
        "curl --data-urlencode",
        |p| {
            let write: fn(&str, &str) -> String = |name, value| format!("{name}={value}");
            Some((arguments(&[], p, "--data-urlencode", write), vec![], String::new()))
        },
        true,
        false,
    ),
    (
        "unencoded text, as the official PHP sample posts",
        |p| {
            let body = joined(p, str::to_owned).into_bytes();
            needs_no_encoding(p).then(|| (texts(&["--data-binary", "@-"]), body, String::new()))
        },
        true,
        false,
    ),
    ("GET with a query", |p| Some((vec![], vec![], format!("?{}", joined(p, plus)))), false, true),
    (
        "curl -G",
        |p| {
            let write: fn(&str, &str) -> String = |name, value| format!("{name}={value}");
            Some((arguments(&["-G"], p, "--data-urlencode", write), vec![], String::new()))
        },
        false,
        true,
    ),
    (
        "POST with everything in the query, as the official JSAPI sample",
        |p| Some((texts(&["-X", "POST"]), vec![], format!("?{}", joined(p, encode)))),
        true,
        true,
    ),
    (
        "POST with everything in the query and an empty form",
        |p| Some((texts(&["-d", ""]), vec![], format!("?{}", joined(p, plus)))),
        true,
        true,
    ),
    (
        "a flat JSON object",
        |p| {
            let object: serde_json::Map<_, _> =
                p.iter().map(|(n, v)| (n.clone(), v.clone().into())).collect();
            let json = serde_json::Value::from(object).to_string().into_bytes();
            let sent = texts(&["-H", "Content-Type: application/json", "--data-binary", "@-"]);
            Some((sent, json, String::new()))
        },
        true,
        false,
    ),
    (
        "multipart, as PHP's curl sends an array",
        |p| {
            let write: fn(&str, &str) -> String = |name, value| format!("{name}={value}");
            Some((arguments(&[], p, "--form-string", write), vec![], String::new()))
        },
        true,
        false,
    ),
];

#[test]
fn however_the_parameters_are_sent_qfpay_sees_them_signed_alike() {
    let stage = Stage::new(&[]);
    let names = [
        "payment_no_mchid",
        "jsapi_payment_sub_openid",
        "query_batch_commas_and_times",
        "char_notify_url",
        "char_extend_info_json",
        "char_plus_literal",
        "char_ampersand",
        "char_space_leading_trailing",
        "char_emoji",
        "char_thai",
        "char_newline_lf",
    ];
    let mut sent = 0;
    for vector in names.map(vector) {
        let params = vector.filled();
        for (way, send, is_post, in_query) in WAYS {
            let Some((arguments, input, query)) = send(&params) else { continue };
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let what = format!("{}, {way}", vector.name);
            let answer =
                stage.sidecar.curl_with_input(&arguments, &input, &format!("/trade/v1/query{query}"));
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());

            sent += 1;
            let requests = stage.upstream.requests();
            assert_eq!(requests.len(), sent, "{what}");
            let request = requests.last().unwrap();
            assert_eq!(request.method(), if is_post { "POST" } else { "GET" }, "{what}");
            assert_eq!(request.path(), "/trade/v1/query", "{what}");
            assert_eq!(request.query().is_some(), in_query, "{what}");
            assert_eq!(request.header("Content-Type"), (!in_query).then_some(FORM), "{what}");
            assert_eq!(request.header("X-QF-APPCODE"), Some(APP_CODE), "{what}");
            assert_eq!(request.header("X-QF-SIGN"), Some(&*vector.sign), "{what}");
            assert_eq!(request.header("X-QF-SIGNTYPE"), None, "{what}");
            // In signing order, each once, nothing added.
            assert_eq!(request.params(), params, "{what}");
        }
    }
    assert!(sent > 110, "only {sent} calls were made");
}

/// Every vector of a form: other keys, SHA256, empty values, odd names and long texts.
#[test]
fn every_vector_arrives_with_its_signature() {
    for policy in ["drop", "keep"] {
        let stage = Stage::launch(|launch| {
            let mut launch = launch.set(&format!("parameters.empty={policy}"));
            for (name, code, vector) in apps() {
                let app = format!("apps.{name}");
                let kind = if vector.alg == "sha256" { "SHA256" } else { "MD5" };
                launch = launch
                    .file(&name, &vector.client_key, 0o600)
                    .set(&format!("{app}.app_code={code}"))
                    .set(&format!("{app}.client_key_file={{folder}}/{name}"))
                    .set(&format!("{app}.sign_type={kind}"))
                    .set(&format!("{app}.hex_case={}", vector.hex_case))
                    .set(&format!("{app}.allow_short_key=true"));
            }
            launch
        });
        let mut seen = 0;
        for vector in vectors() {
            let vector_policy = if vector.empty_policy.is_empty() { "drop" } else { &vector.empty_policy };
            let (Some(form), true) = (&vector.form, vector_policy == policy) else { continue };
            if vector.params.contains_key("app_code") {
                continue; // a browser URL, see tests/proxy/browser_urls.rs
            }
            let (_, code, _) = apps().into_iter().find(|(_, _, app)| same_app(app, &vector)).unwrap();
            let header = format!("X-QF-APPCODE: {code}");
            let answer = stage.sidecar.curl_with_input(
                &["-H", &header, "--data-binary", "@-"],
                form.as_bytes(),
                // A payment says something.
                if vector.params.is_empty() { "/trade/v1/query" } else { "/trade/v1/payment" },
            );
            assert_eq!(answer.status, 200, "{}: {}", vector.name, answer.text());
            seen += 1;
            let requests = stage.upstream.requests();
            assert_eq!(requests.len(), seen);
            let request = requests.last().unwrap();
            assert_eq!(request.header("X-QF-SIGN"), Some(&*vector.sign), "{}", vector.name);
            assert_eq!(request.header("X-QF-APPCODE"), Some(&*code), "{}", vector.name);
            let sha256 = (vector.alg == "sha256").then_some("SHA256");
            assert_eq!(request.header("X-QF-SIGNTYPE"), sha256, "{}", vector.name);
            let kept = |(_, value): &(_, &String)| policy == "keep" || !value.is_empty();
            let expected: Vec<_> = vector.params.iter().filter(kept).collect();
            let arrived = request.params();
            assert_eq!(arrived.iter().map(|(n, v)| (n, v)).collect::<Vec<_>>(), expected, "{}", vector.name);
        }
        assert!(seen >= if policy == "drop" { 45 } else { 2 }, "only {seen} vectors under {policy}");
    }
}

fn same_app(a: &Vector, b: &Vector) -> bool {
    (&a.client_key, &a.alg, &a.hex_case) == (&b.client_key, &b.alg, &b.hex_case)
}

/// One app for every key, hash and spelling that the vectors use: name, app_code, a vector of it.
fn apps() -> Vec<(String, String, Vector)> {
    let mut apps: Vec<(String, String, Vector)> = Vec::new();
    for vector in vectors().into_iter().filter(|vector| vector.form.is_some()) {
        if !apps.iter().any(|(_, _, app)| same_app(app, &vector)) {
            let number = apps.len();
            apps.push((format!("app{number}"), format!("C0DE{number}"), vector));
        }
    }
    apps
}

#[test]
fn json_numbers_and_nested_values_are_signed_as_written_and_null_is_absent() {
    let stage = Stage::new(&[]);
    let json = r#"{"txamt": 1.10, "fee": 1e2, "big": 12345678901234567890123, "flag": true, "udid": null,
        "extend_info": {"user_creid" : "1",  "list":[1, 2]}, "goods_name": "\u8336 \"x\"", "tags": [1,  2]}"#;
    let sent = ["-H", "Content-Type: application/json; charset=utf-8", "--data-binary", "@-"];
    assert_eq!(stage.sidecar.curl_with_input(&sent, json.as_bytes(), "/trade/v1/payment").status, 200);
    let request = stage.only_request();
    let expected = [
        ("big", "12345678901234567890123"),
        ("extend_info", r#"{"user_creid" : "1",  "list":[1, 2]}"#),
        ("fee", "1e2"),
        ("flag", "true"),
        ("goods_name", "茶 \"x\""),
        ("tags", "[1,  2]"),
        ("txamt", "1.10"),
    ];
    let params = request.params();
    assert_eq!(params.iter().map(|(n, v)| (&**n, &**v)).collect::<Vec<_>>(), expected);
    assert_eq!(request.header("Content-Type"), Some(FORM));
    // printf '%s' 'big=12345678901234567890123&extend_info={"user_creid" : "1",  "list":[1, 2]}&fee=1e2&flag=true&' \
    //   'goods_name=茶 "x"&tags=[1,  2]&txamt=1.10' 0123456789ABCDEF0123456789ABCDEF | md5sum
    // is what `only_request` compares with.
}

#[test]
fn several_calls_on_one_connection_are_answered_in_order() {
    let stage = Stage::new(&[]);
    stage.upstream.script((0..4).map(|i| Reply::ok(format!(r#"{{"respcd":"0000","n":{i}}}"#))));
    let mut connection = stage.sidecar.connect();
    for i in 0..4 {
        let body = format!("out_trade_no=K{i}&txamt=1");
        let length = body.len();
        connection.write(format!(
            "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        let answer = connection.read();
        assert_eq!((answer.status, answer.json()["n"].as_i64()), (200, Some(i)));
        // A connection to QFPay rests for 20 ms before it is used again.
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    let requests = stage.upstream.requests();
    let orders: Vec<_> = requests.iter().map(|seen| seen.param("out_trade_no").unwrap()).collect();
    assert_eq!(orders, ["K0", "K1", "K2", "K3"]);
    assert_eq!(stage.upstream.connections(), 1, "the way to QFPay is kept open as well");
}

#[test]
fn curl_reuses_its_connection_for_a_second_url() {
    let stage = Stage::new(&[]);
    let url = stage.sidecar.url("/trade/v1/query");
    let answer =
        curl(&["-w", "%{num_connects}", "-o", "/dev/null", "-d", "a=1", &url, "-d", "b=2", "-o", "-", &url]);
    assert_eq!(answer.status, 200);
    assert!(answer.text().ends_with('0'), "the second call opened a connection: {}", answer.text());
    assert_eq!(stage.upstream.requests().len(), 2);
}

#[test]
fn mchid_is_added_by_qfpays_rule() {
    let mchid = "ZaMVg12345";
    let stage = Stage::new(&[&format!("apps.shop.mchid={mchid}")]);
    // Path, what the caller sends, the mchid that arrives.
    let cases = [
        ("/trade/v1/payment", "txamt=1", Some(mchid)),
        ("/trade/v1/refund", "txamt=1", Some(mchid)),
        ("/trade/v1/query", "syssn=1", Some(mchid)),
        ("/tool/v1/get_weixin_openid", "code=1", Some(mchid)),
        ("/trade/v1/payment", "txamt=1&mchid=own", Some("own")),
        ("/trade/v1/add_note", "syssn=1", None),
        ("/trade/v1/add_note", "syssn=1&mchid=own", Some("own")),
    ];
    for (i, (path, body, expected)) in cases.into_iter().enumerate() {
        let get: &[&str] = if path.ends_with("openid") { &["-G"] } else { &[] };
        assert_eq!(stage.sidecar.curl(&[get, &["-d", body]].concat(), path).status, 200);
        let request = stage.upstream.requests().remove(i);
        assert_eq!(request.param("mchid").as_deref(), expected, "{path} {body}");
        let sign = md5_elsewhere(&request.params(), CLIENT_KEY);
        assert_eq!(request.header("X-QF-SIGN"), Some(&*sign), "{path} {body}");
    }
}

#[test]
fn an_added_mchid_is_part_of_the_vectors_signature() {
    let stage = Stage::new(&["apps.shop.mchid=ZaMVg12345"]);
    let (with, without) = (vector("payment_mpm_basic"), vector("payment_no_mchid"));
    stage.sidecar.curl(&["-d", without.form.as_deref().unwrap()], "/trade/v1/payment");
    assert_eq!(stage.only_request().header("X-QF-SIGN"), Some(&*with.sign));
}

#[test]
fn a_bill_never_gets_an_mchid() {
    let stage = Stage::new(&["apps.shop.mchid=ZaMVg12345", "routes.allow=/download/v1/"]);
    stage.sidecar.curl(&[], "/download/v1/trade_bill?trade_date=2025-11-17");
    assert_eq!(stage.only_request().query(), Some("trade_date=2025-11-17"));
}

#[test]
fn empty_values_are_dropped_kept_or_refused_as_configured() {
    let form = "txamt=100&txcurrcd=HKD&goods_name=&mchid=&out_trade_no=X1";
    let dropped = Stage::new(&[]);
    assert_eq!(dropped.sidecar.curl(&["-d", form], "/trade/v1/payment").status, 200);
    let request = dropped.only_request();
    assert_eq!(request.header("X-QF-SIGN"), Some(&*vector("empty_two_dropped").sign));
    assert_eq!(request.body(), b"out_trade_no=X1&txamt=100&txcurrcd=HKD");

    let kept = Stage::new(&["parameters.empty=keep"]);
    assert_eq!(kept.sidecar.curl(&["-d", form], "/trade/v1/payment").status, 200);
    let request = kept.only_request();
    assert_eq!(request.body(), b"goods_name=&mchid=&out_trade_no=X1&txamt=100&txcurrcd=HKD");

    let rejecting = Stage::new(&["parameters.empty=reject"]);
    let answer = rejecting.sidecar.curl(&["-d", form], "/trade/v1/payment");
    answer.assert_failure(400, "parameter_empty");
    assert!(answer.text().contains("goods_name"), "{}", answer.text());
    rejecting.assert_nothing_sent();
}

#[test]
fn a_shop_that_still_signs_is_signed_for_anew() {
    let stage = Stage::new(&[]);
    let vector = vector("payment_no_mchid");
    let form = format!("sign=0BAD&{}&sign_type=SHA256", vector.form.as_ref().unwrap());
    let headers = ["-H", "X-QF-SIGN: 0BAD", "-H", "X-QF-SIGNTYPE: SHA256", "-H", "X_QF_SIGN: 0BAD"];
    let arguments: Vec<_> = headers.into_iter().chain(["-d", &form]).collect();
    assert_eq!(stage.sidecar.curl(&arguments, "/trade/v1/payment").status, 200);
    let request = stage.only_request();
    assert_eq!(request.header("X-QF-SIGN"), Some(&*vector.sign));
    assert_eq!(request.params(), vector.filled());
    assert!(!String::from_utf8_lossy(&request.raw).contains("0BAD"));
}

#[test]
fn a_call_without_parameters_is_signed_too() {
    let stage = Stage::new(&[]);
    assert_eq!(stage.sidecar.curl(&[], "/tool/v1/mcc").status, 200);
    let request = stage.only_request();
    assert_eq!((request.method(), request.target(), request.body()), ("GET", "/tool/v1/mcc", &b""[..]));
    assert_eq!(request.header("X-QF-SIGN"), Some(&*vector("no_params").sign));
}

#[test]
fn the_demo_sandbox_answers_like_qfpay() {
    let sidecar = Sidecar::start(
        r#"
environment = "sandbox"
listen.api = "127.0.0.1:0"
listen.admin = "127.0.0.1:0"
sandbox.listen = "127.0.0.1:0"
log.level = "trace"
[apps.shop]
app_code = "5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2B"
"#,
    );
    assert!(sidecar.sandbox.is_some(), "the screen names the sandbox: {}", sidecar.screen());
    let form = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=D1&txdtm=2026-01-31 12:00:00";
    let answer = sidecar.curl(&["--data-raw", form], "/trade/v1/payment");
    assert_eq!((answer.status, answer.json()["respcd"].as_str()), (200, Some("0000")), "{}", answer.text());
    assert_eq!(sidecar.admin("/readyz").text(), "ready\n");
}
