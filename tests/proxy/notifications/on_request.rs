//! `POST /sidecar/v1/verify`, for shops that receive notifications themselves.

use super::stage::{OTHER_KEY, PREVIOUS_KEY, Relay, notification};
use crate::support::{Answer, Stage, md5_of_body, vector};

const VERIFY: &str = "/sidecar/v1/verify";

fn verify(stage: &Stage, sign: &str, body: &[u8]) -> Answer {
    let header = format!("X-QF-SIGN: {sign}");
    let json = "Content-Type: application/json";
    stage.sidecar.curl_with_input(&["-H", &header, "-H", json, "--data-binary", "@-"], body, VERIFY)
}

#[test]
fn it_says_whose_key_it_was() {
    let upstream = crate::support::FakeUpstream::start();
    let sidecar = Relay::start(&upstream, "").start();
    let stage = Stage { upstream, sidecar };
    let vector = notification();
    let body = vector.canonical.as_bytes();
    for (sign, app) in [
        (vector.sign.clone(), "shop"),
        (vector.sign.to_lowercase(), "shop"),
        (md5_of_body(body, PREVIOUS_KEY), "shop"),
        (md5_of_body(body, OTHER_KEY), "other"),
    ] {
        let answer = verify(&stage, &sign, body);
        assert_eq!(
            (answer.status, answer.header("Content-Type")),
            (200, Some("application/json; charset=utf-8"))
        );
        assert_eq!(answer.json(), serde_json::json!({ "valid": true, "app": app }));
    }
    stage.assert_nothing_sent();
}

#[test]
fn it_works_without_a_notification_listener() {
    let (stage, vector) = (Stage::new(&[]), vector("notify_unicode_raw_utf8"));
    assert_eq!(verify(&stage, &vector.sign, vector.canonical.as_bytes()).status, 200);
    assert_eq!(stage.sidecar.notifications, None);
    stage.sidecar.wait_for_log(&["request", VERIFY, "status=200"]);
}

#[test]
fn it_refuses_with_the_reason() {
    let (stage, vector) = (Stage::new(&[]), notification());
    let (sign, body) = (vector.sign.as_str(), vector.canonical.as_bytes());
    verify(&stage, &"0".repeat(32), body).assert_failure(401, "signature_wrong");
    verify(&stage, sign, &body[..body.len() - 1]).assert_failure(401, "signature_wrong");
    verify(&stage, sign, &body[1..]).assert_failure(400, "notification_not_json");
    verify(&stage, &sign[..31], body).assert_failure(400, "signature_malformed");
    verify(&stage, sign, b"").assert_failure(400, "body_empty");
    stage.sidecar.curl(&["-d", "x"], VERIFY).assert_failure(400, "signature_missing");
    let header = format!("X-QF-SIGN: {sign}");
    let underscores = format!("X_QF_SIGN: {sign}");
    stage
        .sidecar
        .curl(&["-H", &header, "-H", &underscores, "-d", "x"], VERIFY)
        .assert_failure(400, "signature_malformed");
    stage
        .sidecar
        .curl(&["-H", &header, "-H", "Origin: https://evil.test", "-d", "x"], VERIFY)
        .assert_failure(403, "browser_refused");
    stage
        .sidecar
        .curl(&["-H", &header, "-H", "Sec-Fetch-Site: cross-site", "-d", "x"], VERIFY)
        .assert_failure(403, "browser_refused");
    let answer = stage.sidecar.curl(&["-H", &header], VERIFY);
    answer.assert_failure(405, "method_not_allowed");
    assert_eq!(answer.header("Allow"), Some("POST"));
    let large = vec![b'x'; 262_145];
    verify(&stage, sign, &large).assert_failure(413, "body_too_large");
    stage.assert_nothing_sent();
}
