//! Tokens: as `Bearer` and in a base URL; what is no caller's token is 401 before the body is read.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn a_token_says_who_calls_as_bearer_or_in_the_base_url() {
    let stage = stage(&[]);
    let own = |stage: &Stage| {
        let params = sent(stage, SECOND_CODE, SECOND_KEY);
        assert_eq!(value(&params, "mchid"), Some("M0001"), "the only merchant is added, the only app signs");
        stage.sidecar.wait_for_log(&["caller=\"shop-a\"", "app=\"agency\"", "status=200"]);
    };
    assert_eq!(call(&stage, TOKEN_A, PAYMENT, ORDER).status, 200);
    own(&stage);
    for user in ["x", "shop", ""] {
        let url = format!("http://{user}:{TOKEN_A}@{}{PAYMENT}", stage.sidecar.api);
        assert_eq!(curl(&["-d", ORDER, &url]).status, 200, "{user}");
        own(&stage);
    }
    let lower = format!("authorization: bearer {TOKEN_A}");
    assert_eq!(stage.sidecar.curl(&["-H", &lower, "-d", ORDER], PAYMENT).status, 200);
    own(&stage);
}

#[test]
fn the_header_goes_nowhere() {
    let stage = stage(&[]);
    assert_eq!(call(&stage, TOKEN_ANY, PAYMENT, ORDER).status, 200);
    let request = stage.upstream.requests().remove(0);
    assert_eq!(request.header("Authorization"), None);
    assert!(!String::from_utf8_lossy(&request.raw).contains("token-of"));
}

#[test]
fn who_is_nobody_learns_it_before_his_body_is_read() {
    let stage = stage(&[]);
    for arguments in [
        &[][..],
        &["-H", "Authorization: Bearer token-of-nobody-6b1f0c52d79e4a83"],
        &["-H", "Authorization: Bearer"],
        &["-H", "Authorization: Digest x"],
        &["-u", "shop:token-of-nobody-6b1f0c52d79e4a83"],
        &["-u", &format!("{TOKEN_A}:x")],
        &["-H", &format!("Authorization: {TOKEN_A}")],
        &["-H", &format!("X-Token: {TOKEN_A}")],
        &["-H", &format!("Authorization: Bearer {}", &TOKEN_A[1..])],
        &["-H", &format!("Authorization: Bearer {TOKEN_A}x")],
        &[
            "-H",
            &format!("Authorization: Bearer {TOKEN_A}"),
            "-H",
            &format!("Authorization: Bearer {TOKEN_A}"),
        ],
        &[
            "-H",
            &format!("Authorization: Bearer {TOKEN_A}"),
            "-H",
            &format!("Authorization: Bearer {TOKEN_B}"),
        ],
        &["-H", &format!("Proxy-Authorization: Bearer {TOKEN_A}")],
    ] {
        for path in [PAYMENT, QUERY, "/checkstand/", "/sidecar/v1/verify", "/nowhere"] {
            let arguments = [arguments, &["-d", ORDER]].concat();
            unknown(&stage, &stage.sidecar.curl(&arguments, path));
        }
    }
    assert!(refused(&stage, "unknown", "proof") >= 50);
    stage.sidecar.wait_for_log(&["caller=\"unknown\"", "error=\"caller_unknown\"", "status=401"]);
    // The body never comes.
    let mut slow = stage.sidecar.connect();
    let begun = Instant::now();
    slow.write("POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\ntxamt");
    unknown(&stage, &slow.read());
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited for the body");
    stage.assert_nothing_sent();
}

#[test]
fn without_callers_every_local_process_may_call_and_the_start_screen_says_so() {
    let open = Stage::new(&[]);
    assert!(open.sidecar.screen().contains("every local process may call"), "{}", open.sidecar.screen());
    let answer = open.sidecar.curl(&["-H", "Authorization: Bearer whatever", "-d", ORDER], PAYMENT);
    assert_eq!(answer.status, 200);
    assert!(!open.sidecar.wait_for_log(&["status=200"]).contains("caller="));
    let closed = stage(&[]);
    assert!(!closed.sidecar.screen().contains("every local process"), "{}", closed.sidecar.screen());
    assert!(closed.sidecar.screen().contains("office shop-a shop-b"), "{}", closed.sidecar.screen());
}

#[test]
fn a_token_or_a_local_key_among_the_parameters_is_refused_and_not_shown() {
    let sections = format!("{SHOPS}local_key_file = \"{{folder}}/local-a\"\n");
    let stage = stage_of(&sections, &[]);
    // Named as a parameter it would stand in the log.
    for form in
        [format!("{TOKEN_B}=1&{ORDER}"), format!("{KEY_A}=1"), format!("goods_name={TOKEN_B}&{ORDER}")]
    {
        let answer = call(&stage, TOKEN_B, PAYMENT, &form);
        answer.assert_failure(400, "client_key_in_request");
    }
    let id = format!("X-Request-Id: {TOKEN_A}");
    let header = format!("Authorization: Bearer {TOKEN_A}");
    let answer = stage.sidecar.curl(&["-H", &header, "-H", &id, "-d", ORDER], PAYMENT);
    assert_ne!(answer.header("X-Sidecar-Request-Id"), Some(TOKEN_A));
}
