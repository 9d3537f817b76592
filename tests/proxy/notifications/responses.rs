//! Signatures on QFPay's answers.

use crate::support::{Answer, Reply, Stage, Vector, vector};

const HEADER: &str = "X-Sidecar-Response-Signature";
/// The order that the published answer names.
const ORDER: &str = "130145934788787530052";
const PAYMENT: [&str; 2] = ["-d", "txamt=1&txcurrcd=CNY&pay_type=800108&out_trade_no=130145934788787530052"];

/// A sidecar whose app has the key that QFPay printed beside a signed answer.
fn stage(published: &Vector, setting: &str) -> Stage {
    Stage::launch(|launch| {
        let launch = launch.file("key", &published.client_key, 0o600).secret(&published.client_key);
        launch.set(&format!("upstream.verify_responses={setting}"))
    })
}

fn published() -> Vector {
    vector("published_japan_response_body_md5")
}

fn pay(stage: &Stage, headers: &str, body: &[u8]) -> Answer {
    stage.upstream.script([Reply::of("200 OK", headers, body)]);
    stage.sidecar.curl(&PAYMENT, "/trade/v1/payment")
}

#[test]
fn report_tells_and_touches_nothing() {
    let published = published();
    let stage = stage(&published, "report");
    let body = published.canonical.as_bytes();
    let sign = &published.sign;
    // python3 -c 'import json,hashlib; v=[json.loads(l) for l in open("tests/vectors/sign.jsonl")][2];
    //   print(hashlib.sha256((v["body"]+v["client_key"]).encode()).hexdigest())'
    let sha256 = "3255794169ca1da8d35ba909fa7b927666718c3ea25394a40c23839391693118";
    let cases = [
        (format!("X-QF-SIGN: {sign}\r\n"), "valid"),
        (format!("X-QF-SIGN: {}\r\n", sign.to_lowercase()), "valid"),
        (format!("X-QF-SIGN: {sign}\r\nX-QF-SIGNTYPE: md5\r\n"), "valid"),
        (format!("X-QF-SIGN: {sha256}\r\nX-QF-SIGNTYPE: SHA256\r\n"), "valid"),
        (String::new(), "absent"),
        ("X-QF-SIGNTYPE: SHA256\r\n".to_owned(), "absent"),
        // The rule of a newer page of QFPay's, over sorted fields, which the published digest contradicts.
        ("X-QF-SIGN: D2E89B15556D9785D7E1D0A431398451\r\n".to_owned(), "invalid"),
        (format!("X-QF-SIGN: {sha256}\r\n"), "invalid"),
        (format!("X-QF-SIGN: {sign}\r\nX-QF-SIGNTYPE: SHA256\r\n"), "invalid"),
        (format!("X-QF-SIGN: {sign}\r\nX-QF-SIGNTYPE: SHA1\r\n"), "invalid"),
        (format!("X-QF-SIGN: {}\r\n", &sign[..31]), "invalid"),
        (format!("X-QF-SIGN: {sign}\r\nX-QF-SIGN: {sign}\r\n"), "invalid"),
    ];
    for (headers, expected) in cases {
        let answer = pay(&stage, &headers, body);
        assert_eq!((answer.status, answer.header(HEADER)), (200, Some(expected)), "{headers}");
        assert_eq!(answer.body, body);
    }
    let forged = pay(&stage, &format!("{HEADER}: valid\r\nX_Sidecar_Response_Signature: valid\r\n"), body);
    assert_eq!(forged.header(HEADER), Some("absent"));
    assert_eq!(forged.header("X_Sidecar_Response_Signature"), None);
    let metrics = stage.sidecar.admin("/metrics");
    let counted = r#"response_signatures_total{app="shop",result="valid"} 4"#;
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

#[test]
fn off_says_nothing() {
    let published = published();
    let stage = stage(&published, "off");
    let answer =
        pay(&stage, "X-QF-SIGN: 00000000000000000000000000000000\r\n", published.canonical.as_bytes());
    assert_eq!((answer.status, answer.header(HEADER)), (200, None));
    assert_eq!(
        answer.header("X-QF-SIGN"),
        Some("00000000000000000000000000000000"),
        "the shop may look itself"
    );
}

#[test]
fn enforce_refuses_a_wrong_signature_as_a_payment_that_may_have_happened() {
    let published = published();
    let stage = stage(&published, "enforce");
    let body = published.canonical.as_bytes();
    let good = format!("X-QF-SIGN: {}\r\n", published.sign);
    let answer = pay(&stage, &good, body);
    assert_eq!((answer.status, answer.header(HEADER)), (200, Some("valid")));
    // Whether today's hosts sign at all is not known, so nothing is refused for lack of a signature.
    let answer = pay(&stage, "", body);
    assert_eq!((answer.status, answer.header(HEADER)), (200, Some("absent")));

    let mut changed = body.to_vec();
    changed[20] ^= 1;
    let answer = pay(&stage, &good, &changed);
    answer.assert_failure(502, "response_signature_wrong");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("answered"));
    let json = answer.json();
    assert_eq!((&json["respcd"], &json["out_trade_no"]), (&"1298".into(), &ORDER.into()));
    assert!(json["error"]["hint"].as_str().unwrap().contains("/trade/v1/query"));
    assert!(!answer.text().contains("2088802362210279"), "the answer's content was passed on");
    assert_eq!(stage.upstream.requests().len(), 3, "nothing is repeated");
}

#[test]
fn a_streamed_answer_is_unchecked() {
    let published = published();
    for setting in ["report", "enforce"] {
        let stage = stage(&published, setting);
        let large = vec![b'x'; (1 << 20) + 1];
        let wrong = "X-QF-SIGN: 00000000000000000000000000000000\r\n";
        stage.upstream.script([Reply::of("200 OK", wrong, &large)]);
        let answer = stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.header(HEADER)), (200, Some("unchecked")));
        assert_eq!(answer.body.len(), large.len());
    }
}
