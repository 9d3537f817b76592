//! `answers.own_status = "200"`: a shop that reads no body below another status than 200 still learns what became of its
//! payment, and everybody else is told by HTTP's own means.

use crate::support::{Answer, Launch, Reply, Stage};

const PAYMENT: &str = "/trade/v1/payment";
const FORM: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=OWN-1";

fn as_ok() -> Stage {
    Stage::new(&["answers.own_status=200"])
}

/// Told as 200, with the status that it has otherwise beside it.
#[track_caller]
fn assert_told_as_ok(answer: &Answer, status: &str, code: &str) {
    assert_eq!((answer.status, answer.header("X-Sidecar-Error")), (200, Some(code)), "{}", answer.text());
    assert_eq!(answer.header("X-Sidecar-Status"), Some(status));
}

/// Told by its own status.
#[track_caller]
fn assert_kept(answer: &Answer, status: u16, code: &str) {
    answer.assert_failure(status, code);
    assert_eq!(answer.header("X-Sidecar-Status"), None);
}

#[test]
fn a_payment_in_doubt_is_read_by_who_reads_200_only() {
    let [plain, as_ok] = [Stage::new(&[]), as_ok()];
    let id = ["-H", "X-Request-Id: own-1", "-d", FORM];
    let [expected, answer] = [&plain, &as_ok].map(|stage| {
        stage.upstream.script([Reply::close()]);
        stage.sidecar.curl(&id, PAYMENT)
    });
    assert_kept(&expected, 502, "upstream_no_answer");
    assert_told_as_ok(&answer, "502", "upstream_no_answer");
    assert_eq!(answer.json(), {
        let mut json = expected.json();
        let [theirs, ours] = [&plain, &as_ok].map(|stage| stage.upstream.address.to_string());
        let text = json["respmsg"].as_str().unwrap().replace(&theirs, &ours);
        json["respmsg"] = text.into();
        json
    });
    assert_eq!(
        (answer.json()["respcd"].as_str(), answer.json()["out_trade_no"].as_str()),
        (Some("1298"), Some("OWN-1"))
    );
    for header in ["X-Sidecar-Delivery", "X-Sidecar-Request-Id", "Content-Type", "Cache-Control"] {
        assert_eq!(answer.header(header), expected.header(header));
    }
    // Whoever operates it sees no difference.
    as_ok.sidecar.wait_for_log(&["status=502", "upstream_no_answer", "own-1"]);
    let metrics = as_ok.sidecar.admin("/metrics");
    assert!(metrics.text().contains("status=\"502\"") && !metrics.text().contains("status=\"200\""));
}

#[test]
fn every_failure_of_a_matched_call_is_told_so() {
    let stage = as_ok();
    let refused = [
        (&["-d", "a[]=1"][..], PAYMENT, "400", "parameter_name"),
        (&["-d", "a=%ff"], PAYMENT, "400", "parameter_not_utf8"),
        (&["-H", "Content-Type: text/xml", "-d", "<a/>"], PAYMENT, "415", "media_type_unsupported"),
        (&[], "/trade/v1/payment?txamt=1", "405", "method_not_allowed"),
        // Below an allowed prefix, so it is signed and sent as any other.
        (&["-d", "a[]=1"], "/trade/v1/brand_new", "400", "parameter_name"),
    ];
    for (arguments, path, status, code) in refused {
        let answer = stage.sidecar.curl(arguments, path);
        assert_told_as_ok(&answer, status, code);
        assert_eq!(answer.json()["respcd"], format!("9{status}"));
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    }
    stage.assert_nothing_sent();
}

#[test]
fn whoever_is_no_such_shop_is_told_by_the_status() {
    let stage = as_ok();
    let sidecar = &stage.sidecar;
    let kept = [
        (&["-H", "Host: shop.example", "-d", FORM][..], PAYMENT, 421, "host_refused"),
        (&["-H", "Origin: http://shop.example", "-d", FORM], PAYMENT, 403, "browser_refused"),
        (&["-H", "X-QF-APPCODE: FFFF", "-d", FORM], PAYMENT, 403, "app_unknown"),
        (&["-d", FORM], "/trade/v2/payment", 404, "path_unknown"),
        (&["-d", FORM], "/trade/v1/payment/", 404, "path_unknown"),
        (&["-d", FORM], "/customer/v1/create", 403, "path_not_allowed"),
        (&["-d", FORM], "/trade//v1/payment", 400, "target_refused"),
        (&[], "/tool/v1/get_weixin_oauth_code", 400, "parameter_missing"),
        (&[], "/checkstand/?txamt=1", 400, "parameter_missing"),
        (&["-d", "{}"], "/sidecar/v1/verify", 400, "signature_missing"),
        (
            &["-H", "X-QF-SIGN: 00000000000000000000000000000000", "-d", "{}"],
            "/sidecar/v1/verify",
            401,
            "signature_wrong",
        ),
    ];
    for (arguments, path, status, code) in kept {
        assert_kept(&sidecar.curl(arguments, path), status, code);
    }
    let mut connection = sidecar.connect();
    connection.write(format!("POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\ntxamt"));
    connection.end();
    assert_kept(&connection.read(), 400, "body_incomplete");
    let unmeasured = sidecar.raw(format!("POST {PAYMENT} HTTP/1.0\r\nHost: localhost\r\n\r\ntxamt=1"));
    assert_kept(&unmeasured, 411, "length_required");
    for raw in ["POST /trade/v1/payment?a=1#b HTTP/1.1\r\nHost: localhost\r\n\r\n", "nonsense\r\n\r\n"] {
        let answer = sidecar.raw(raw);
        assert_eq!((answer.status, answer.header("X-Sidecar-Status")), (400, None));
    }
    stage.assert_nothing_sent();
}

#[test]
fn qfpays_own_answers_keep_their_status() {
    let stage = as_ok();
    stage.upstream.script([Reply::of(
        "503 Service Unavailable",
        "X-Sidecar-Status: 502\r\n",
        "{\"respcd\":\"1100\"}",
    )]);
    let answer = stage.sidecar.curl(&["-d", FORM], PAYMENT);
    assert_eq!((answer.status, answer.header("X-Sidecar-Status")), (503, None));
    assert!(!answer.is_failure());
}

#[test]
fn check_says_for_whom_it_is() {
    let launch =
        Launch::new(&Stage::config("http://127.0.0.1:1")).verb("check").set("answers.own_status=200");
    let ended = launch.ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("only for shops that read respcd"), "{}", ended.stdout);
    let plain = Launch::new(&Stage::config("http://127.0.0.1:1")).verb("check").ends();
    assert!(!plain.stdout.contains("only for shops that read respcd"));
    let wrong =
        Launch::new(&Stage::config("http://127.0.0.1:1")).verb("check").set("answers.own_status=ok").ends();
    assert!(wrong.code == Some(2) && wrong.stderr.contains("write http or 200"), "{}", wrong.stderr);
}
