//! Slips of shops: those that can be read in one way only are taken, those that cost money when they pass are not.

use crate::support::{APP_CODE, Answer, CLIENT_KEY, Connection, Stage, md5_elsewhere};

const PAYMENT: &str = "/trade/v1/payment";
const JSON: [&str; 2] = ["-H", "Content-Type: application/json"];

fn raw(stage: &Stage, line: &str, headers: &str, body: &str) -> Answer {
    let length = format!("Content-Length: {}\r\n", body.len());
    stage.sidecar.raw(format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}"))
}

#[test]
fn one_slash_too_many_at_the_beginning_is_taken_off() {
    let stage =
        Stage::new(&["browser.public_prefix=/pay", r#"browser.allowed_redirect_hosts=["shop.test"]"#]);
    assert_eq!(raw(&stage, "POST //trade/v1/payment", "", "txamt=1").status, 200);
    assert_eq!(stage.only_request().path(), PAYMENT);
    assert_eq!(raw(&stage, "GET //trade/v1/query?syssn=1", "", "").status, 200);
    let oauth = "tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F";
    assert_eq!(raw(&stage, &format!("GET //{oauth}"), "", "").status, 302);
    assert_eq!(raw(&stage, &format!("GET //pay/{oauth}"), "Origin: null\r\n", "").status, 302);
    raw(&stage, "POST //sidecar/v1/verify", "", "{}").assert_failure(400, "signature_missing");
    raw(&stage, "GET //trade/v1/payment", "", "").assert_failure(405, "method_not_allowed");
    raw(&stage, "POST //oauth/v2/access_token", "", "a=1").assert_failure(403, "path_not_allowed");
    // Whatever else is doubled, or more than doubled, can be read in two ways.
    for path in
        ["///trade/v1/payment", "/trade//v1/payment", "//trade//v1/payment", "/trade/v1/payment//", "//"]
    {
        let status = raw(&stage, &format!("POST {path}"), "", "txamt=1").status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    raw(&stage, "GET /pay//q/direct", "", "").assert_failure(400, "target_refused");
    assert_eq!(stage.upstream.requests().len(), 2);
}

#[test]
fn json_that_says_nothing_stands_beside_a_query() {
    let stage = Stage::new(&[]);
    let methods: [&[&str]; 2] = [&["-X", "POST"], &["-X", "GET"]];
    for (i, body) in ["{}", "null", "[]", " {\r\n} "].into_iter().enumerate() {
        for method in methods {
            let arguments = [&JSON[..], method, &["-d", body]].concat();
            let answer = stage.sidecar.curl(&arguments, "/trade/v1/query?syssn=1");
            assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        }
        let sent = &stage.upstream.requests()[2 * i];
        assert_eq!((sent.target(), sent.body()), ("/trade/v1/query?syssn=1", &b""[..]));
    }
    stage.upstream.forget();
    for body in ["{\"a\": 1}", "\"\"", "0", "nullx", "{}{}"] {
        let arguments = [&JSON[..], &["-d", body]].concat();
        stage.sidecar.curl(&arguments, "/trade/v1/query?syssn=1").assert_failure(400, "query_and_body");
    }
    // As a form it is something else.
    stage.sidecar.curl(&["-d", "{}"], "/trade/v1/query?syssn=1").assert_failure(400, "query_and_body");
    stage
        .sidecar
        .curl(&[&JSON[..], &["-d", "[]"]].concat(), PAYMENT)
        .assert_failure(400, "json_not_an_object");
    assert!(stage.upstream.requests().is_empty());
}

#[test]
fn accept_is_read_with_its_weights() {
    let stage = Stage::new(&[]);
    let oauth = "/tool/v1/get_weixin_oauth_code?redirect_uri=https://shop.test/";
    for (accept, status) in [
        ("application/json", 200),
        ("application/json, text/plain, */*", 200),
        ("text/html;q=0.5, application/json;q=0.6", 200),
        ("text/html, application/json;q=0.9", 302),
        ("application/json;q=0", 302),
        ("*/*", 302),
    ] {
        let answer = stage.sidecar.curl(&["-H", &format!("Accept: {accept}")], oauth);
        assert_eq!(answer.status, status, "{accept}");
    }
}

#[test]
fn an_openid_is_fetched_by_post_as_well() {
    let stage = Stage::new(&["apps.shop.mchid=M1"]);
    for arguments in [["-d", "code=021"], ["-F", "code=021"], ["-G", "-dcode=021"]] {
        let answer = stage.sidecar.curl(&arguments, "/tool/v1/get_weixin_openid");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let requests = stage.upstream.requests();
    let methods: Vec<_> = requests.iter().map(|request| request.method().to_owned()).collect();
    assert_eq!(methods, ["POST", "POST", "GET"]);
    for request in &requests {
        let expected =
            [("code", "021"), ("mchid", "M1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(request.params(), expected);
        assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&expected, CLIENT_KEY)));
    }
    assert_eq!((requests[0].query(), requests[0].body()), (None, &b"code=021&mchid=M1"[..]));
}

#[test]
fn a_raw_line_end_does_not_become_part_of_an_order_number() {
    let stage = Stage::new(&[]);
    let post = |body: &[u8]| stage.sidecar.curl_with_input(&["--data-binary", "@-"], body, PAYMENT);
    for body in [
        &b"txamt=1&out_trade_no=n2\n"[..],
        b"txamt=1&out_trade_no=n2\r\n",
        b"out_trade_no=n2\r\n&txamt=1",
        b"out_trade_no=n2\r&txamt=1",
        b"txamt=1&out_trade_no=\n",
    ] {
        let answer = post(body);
        answer.assert_failure(400, "parameter_line_end");
        assert!(
            answer.text().contains("'out_trade_no'") && answer.text().contains("%0A"),
            "{}",
            answer.text()
        );
    }
    stage.assert_nothing_sent();
    // Within a value, and written as %0A, it is meant.
    assert_eq!(post(b"txamt=1&goods_name=a\r\nb&note=c%0D%0A").status, 200);
    let sent = stage.only_request();
    assert_eq!(
        (sent.param("goods_name").as_deref(), sent.param("note").as_deref()),
        (Some("a\r\nb"), Some("c\r\n"))
    );
}

#[test]
fn a_line_end_behind_a_text_field_does_not_become_part_of_an_order_number() {
    let stage = Stage::new(&[]);
    for number in [&b"n2\n"[..], b"n2\r\n", b"n2\r", b"\n"] {
        // What a shop's script says for a number in a file.
        let answer =
            stage.sidecar.curl_with_input(&["-F", "txamt=1", "-F", "out_trade_no=<-"], number, PAYMENT);
        answer.assert_failure(400, "parameter_line_end");
        assert!(
            answer.text().contains("'out_trade_no'") && answer.text().contains("trim"),
            "{}",
            answer.text()
        );
    }
    stage.assert_nothing_sent();
    let text = stage.sidecar.curl_with_input(&["-F", "txamt=1", "-F", "goods_name=<-"], b"a\nb=c", PAYMENT);
    assert_eq!(text.status, 200, "{}", text.text());
    assert_eq!(stage.only_request().param("goods_name").as_deref(), Some("a\nb=c"));
}

#[test]
fn lines_that_nothing_joins_are_not_one_parameter() {
    let stage = Stage::new(&[]);
    let post = |body: &[u8]| stage.sidecar.curl_with_input(&["--data-binary", "@-"], body, PAYMENT);
    for body in [
        &b"txamt=1\nout_trade_no=X"[..],
        b"txamt=1\nout_trade_no=X\n",
        b"pay_type=800201&txamt=1\r\n\r\n  out_trade_no=X&goods_name=tea",
        b"txamt=1\rout_trade_no=X",
    ] {
        let answer = post(body);
        answer.assert_failure(400, "parameter_line_end");
        assert!(answer.text().contains("'txamt'") && answer.text().contains("by '&'"), "{}", answer.text());
    }
    stage.assert_nothing_sent();
    // Free text, and what is written as %0A.
    assert_eq!(post(b"goods_name=tea\nmilk tea = 2&note=tea%0Amilk=2&txamt=1").status, 200);
    let sent = stage.only_request();
    assert_eq!(
        (sent.param("goods_name").as_deref(), sent.param("note").as_deref()),
        (Some("tea\nmilk tea = 2"), Some("tea\nmilk=2"))
    );
}

#[test]
fn a_call_that_moves_money_says_something() {
    let stage = Stage::new(&["apps.shop.mchid=M1"]);
    let empty: [&[&str]; 5] = [
        &["-d", ""],
        &["-d", "goods_name=&txamt="],
        &["-H", "Content-Type: application/json", "-d", "{}"],
        &["-H", "Content-Type: application/json", "-d", r#"{"txamt": null, "goods_name": ""}"#],
        &["-d", "sign=0123456789ABCDEF0123456789ABCDEF0&sign_type=MD5"],
    ];
    for path in [PAYMENT, "/trade/v1/refund", "/trade/v1/reversal", "/trade/v1/close", "/trade/v1/brand_new"]
    {
        for arguments in empty {
            stage.sidecar.curl(arguments, path).assert_failure(400, "parameter_missing");
        }
    }
    stage.sidecar.curl(&[], "/trade/v1/close").assert_failure(400, "parameter_missing");
    stage.assert_nothing_sent();
    // What only reads may ask for everything.
    for arguments in [&[][..], &["-d", ""]] {
        assert_eq!(stage.sidecar.curl(arguments, "/trade/v1/query").status, 200);
    }
    assert_eq!(stage.sidecar.curl(&[], "/tool/v1/mcc").status, 200);
}

#[test]
fn a_body_without_a_length_is_not_read_as_none() {
    let stage = Stage::new(&[]);
    for line in [
        "POST /trade/v1/payment HTTP/1.0",
        "POST /trade/v1/payment?txamt=1 HTTP/1.0",
        "POST /trade/v1/query HTTP/1.0",
        "POST /sidecar/v1/verify HTTP/1.0",
    ] {
        for more in ["", "Connection: keep-alive\r\n"] {
            let answer = stage.sidecar.raw(format!("{line}\r\nHost: localhost\r\n{more}\r\ntxamt=1"));
            answer.assert_failure(411, "length_required");
        }
    }
    stage.assert_nothing_sent();
    for (line, body) in [
        ("POST /trade/v1/payment", "txamt=1"),
        ("POST /trade/v1/payment?txamt=1", ""),
        ("GET /trade/v1/query?syssn=1", ""),
    ] {
        let length = if line.starts_with("GET") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let answer = stage.sidecar.raw(format!("{line} HTTP/1.0\r\nHost: localhost\r\n{length}\r\n{body}"));
        assert_eq!(answer.status, 200, "{line}: {}", answer.text());
    }
}

/// A sidecar with a key, a previous key, and another app with a key of its own.
fn with_keys() -> (Stage, [&'static str; 3]) {
    let keys = [CLIENT_KEY, "AAAABBBBCCCCDDDDEEEEFFFF00001111", "1111BBBBCCCCDDDDEEEEFFFF00002222"];
    let stage = Stage::launch(|launch| {
        launch
            .file("previous", keys[1], 0o400)
            .file("other", keys[2], 0o400)
            .secret(keys[1])
            .secret(keys[2])
            .set("apps.shop.client_key_previous_file={folder}/previous")
            .set("apps.other.app_code=0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B")
            .set("apps.other.client_key_file={folder}/other")
    });
    (stage, keys)
}

#[test]
fn no_configured_key_is_forwarded_or_shown() {
    let (stage, keys) = with_keys();
    for key in keys {
        let refused = |answer: Answer| {
            answer.assert_failure(400, "client_key_in_request");
            assert!(!answer.text().contains(key) && !format!("{:?}", answer.headers).contains(key));
        };
        let json = format!(r#"{{"txamt": 1, "key": "{key}"}}"#);
        for arguments in [
            vec!["-d".to_owned(), format!("txamt=1&key={key}")], // QFPay's own refund sample
            vec!["-d".to_owned(), format!("txamt=1&key=+{key}%0A")],
            vec!["-d".to_owned(), format!("txamt=1&{key}=1")],
            vec!["-d".to_owned(), format!("{key}=1&{key}=2")],
            vec!["-d".to_owned(), format!("{key}[]=1")],
            vec!["-d".to_owned(), format!("{key}=%FF")],
            vec!["-d".to_owned(), format!("{key}=%")],
            vec!["-F".to_owned(), format!("client_key={key}")],
            vec!["-H".to_owned(), JSON[1].to_owned(), "-d".to_owned(), json],
            vec![
                "-H".to_owned(),
                JSON[1].to_owned(),
                "-d".to_owned(),
                format!(r#"{{"txamt": 1, "{key}": null}}"#),
            ],
            vec!["-H".to_owned(), format!("X-QF-SIGN: {key}"), "-d".to_owned(), "txamt=1".to_owned()],
            vec!["-A".to_owned(), key.to_owned(), "-d".to_owned(), "txamt=1".to_owned()],
            vec!["-H".to_owned(), format!("X-Request-Id: {key}"), "-d".to_owned(), "txamt=1".to_owned()],
        ] {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            refused(stage.sidecar.curl(&arguments, PAYMENT));
        }
        refused(stage.sidecar.curl(&["-d", "txamt=1"], &format!("/trade/v1/{key}")));
        refused(stage.sidecar.curl(&[], &format!("/trade/v1/query?key={key}")));
        refused(stage.sidecar.curl(&[], &format!("/tool/v1/get_weixin_oauth_code?redirect_uri={key}")));
        refused(stage.sidecar.curl(&["-H", &format!("X-QF-SIGN: {key}"), "-d", "{}"], "/sidecar/v1/verify"));
    }
    stage.assert_nothing_sent();
    // A key that is not ours is a value as any other, and so is a part of one.
    for value in ["0123456789ABCDEF0123456789ABCDE0", &keys[0][1..], "0123456789abcdef0123456789abcdee"] {
        assert_eq!(stage.sidecar.curl(&["-d", &format!("txamt=1&key={value}")], PAYMENT).status, 200);
    }
}

#[test]
fn a_merchant_that_is_named_elsewhere_is_the_one_that_is_signed() {
    let stage = Stage::new(&["apps.shop.mchid=M1"]);
    for header in ["X-QF-MCHCODE: M2", "x-qf-mchcode: M2", "X_QF_MCHCODE: M2", "X-QF-MCHCODE: m1"] {
        for (arguments, path) in [
            (&["-d", "txamt=1"][..], PAYMENT),
            (&["-d", "txamt=1&mchid=M3"], PAYMENT),
            (&[], "/trade/v1/query?syssn=1"),
            (&[], "/tool/v1/get_weixin_oauth_code?redirect_uri=https://shop.test/"),
        ] {
            let answer = stage.sidecar.curl(&[&["-H", header], arguments].concat(), path);
            answer.assert_failure(400, "merchant_conflict");
            assert!(
                answer.text().contains("X-QF-MCHCODE") && answer.text().contains("mchid"),
                "{}",
                answer.text()
            );
        }
    }
    // Nothing but blanks is a merchant too, and not this one.
    let blank = format!(
        "POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nX-QF-MCHCODE: \r\nContent-Length: 7\r\n\r\ntxamt=1"
    );
    stage.sidecar.raw(blank).assert_failure(400, "merchant_conflict");
    stage.sidecar.curl(&["-d", "txamt=1&mchntid=M2"], PAYMENT).assert_failure(400, "merchant_conflict");
    stage.assert_nothing_sent();

    for (header, form, mchid) in [
        ("X-QF-MCHCODE: M1", "txamt=1", "M1"),
        ("X_QF_MCHCODE: M2", "txamt=1&mchid=M2", "M2"),
        ("X-Other: M2", "txamt=1&mchntid=M1", "M1"),
    ] {
        assert_eq!(stage.sidecar.curl(&["-H", header, "-d", form], PAYMENT).status, 200, "{header} {form}");
        assert_eq!(stage.upstream.requests().last().unwrap().param("mchid").as_deref(), Some(mchid));
    }
    assert!(
        stage
            .upstream
            .requests()
            .iter()
            .all(|seen| !seen.header_names().contains(&"x-qf-mchcode".to_owned()))
    );
    assert_eq!(stage.upstream.requests()[0].header("X-QF-APPCODE"), Some(APP_CODE));
}

/// The default would be taken for what such a name means to whoever wrote it.
#[test]
fn an_app_or_a_merchant_in_a_spelling_that_nobody_reads_is_not_the_default() {
    let stage = Stage::new(&["apps.shop.mchid=M1"]);
    let refused = |arguments: &[&str], code: &str, name: &str| {
        let answer = stage.sidecar.curl(arguments, PAYMENT);
        answer.assert_failure(400, code);
        assert!(answer.text().contains(name), "{name}: {}", answer.text());
    };
    for name in ["appCode", "APP_CODE", "AppCode", "app-code", "X-QF-APPCODE", "X_QF_APPCODE"] {
        refused(&["-d", &format!("txamt=1&{name}=OTHERAPPCODE")], "app_conflict", name);
    }
    for name in ["appcode", "app-code", "x-qf-app-code"] {
        refused(&["-H", &format!("{name}: OTHERAPPCODE"), "-d", "txamt=1"], "app_conflict", name);
    }
    for name in ["mchId", "MCHID", "mch_id", "X-QF-MCHID", "mchCode"] {
        refused(&["-d", &format!("txamt=1&{name}=M2")], "merchant_conflict", name);
    }
    for name in ["mchid", "mch_id", "x-qf-mchid"] {
        refused(&["-H", &format!("{name}: M2"), "-d", "txamt=1"], "merchant_conflict", name);
    }
    stage.assert_nothing_sent();
    // What they say is what is signed, or they are other words.
    for form in
        [&format!("txamt=1&appCode={APP_CODE}"), "txamt=1&mchId=M1", "txamt=1&sub_mch_id=M2&app_codes=x"]
    {
        assert_eq!(stage.sidecar.curl(&["-d", form], PAYMENT).status, 200, "{form}");
    }
}

#[test]
fn hosts_without_a_port_reach_calls() {
    let stage = Stage::new(&["listen.allowed_hosts=[]"]);
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let mut connection = Connection::open(&stage.sidecar.api);
        connection
            .write(format!("POST {PAYMENT} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 7\r\n\r\ntxamt=1"));
        assert_eq!(connection.read().status, 200, "{host}");
    }
}
