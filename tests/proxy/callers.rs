//! Callers and their rights: who is known by what, and what becomes of a call that nobody is known to make, or may make.

mod local_keys;
mod pages;
mod reloaded;
mod report;
mod rights;
mod settings;
mod tokens;
mod users;

use crate::support::*;

const TOKEN_A: &str = "token-of-shop-a-6b1f0c52d79e4a83";
const TOKEN_B: &str = "token-of-shop-b-90ad3e6f81c247b5";
const TOKEN_ANY: &str = "token-of-office-1c5f7a20b9d8e346";
const KEY_A: &str = "local-key-of-shop-a-77aa5d10c3fe";
const SECOND_CODE: &str = "00112233445566778899AABBCCDDEEFF";
const SECOND_KEY: &str = "FFEEDDCCBBAA99887766554433221100";

const PAYMENT: &str = "/trade/v1/payment";
const QUERY: &str = "/trade/v1/query";
const REFUND: &str = "/trade/v1/refund";
const ORDER: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1";

/// Two apps; shop A with one merchant of the second one, shop B with two, and an office that may do anything.
const SHOPS: &str = r#"
[apps.agency]
app_code = "00112233445566778899AABBCCDDEEFF"
client_key_file = "{folder}/second"
[callers.shop-a]
token_file = "{folder}/token-a"
apps = ["agency"]
mchids = ["M0001"]
endpoints = ["/trade/v1/payment", "/trade/v1/query", "/tool/v1/"]
max_amount = { HKD = 500000, JPY = 80 }
[callers.shop-b]
token_file = "{folder}/token-b"
apps = ["agency", "shop"]
mchids = ["M0002", "M0003"]
[callers.office]
token_file = "{folder}/token-any"
"#;

fn launch(upstream: &str, sections: &str) -> Launch {
    let launch = Launch::new(&(Stage::config(upstream) + sections));
    let files = [
        ("second", SECOND_KEY),
        ("token-a", TOKEN_A),
        ("token-b", TOKEN_B),
        ("token-any", TOKEN_ANY),
        ("local-a", KEY_A),
    ];
    files.iter().fold(launch, |launch, (name, secret)| launch.file(name, secret, 0o600).secret(secret))
}

/// A sidecar with these sections of callers beside two apps, in front of a scripted upstream.
fn stage_of(sections: &str, settings: &[&str]) -> Stage {
    let upstream = FakeUpstream::start();
    let launch = launch(&format!("http://{}", upstream.address), sections);
    let sidecar = settings.iter().fold(launch, |launch, setting| launch.set(setting)).start();
    Stage { upstream, sidecar }
}

fn stage(settings: &[&str]) -> Stage {
    stage_of(SHOPS, settings)
}

/// Calls as the owner of this token.
fn call(stage: &Stage, token: &str, path: &str, form: &str) -> Answer {
    let header = format!("Authorization: Bearer {token}");
    stage.sidecar.curl(&["-H", &header, "-d", form], path)
}

/// The parameters of the one request that reached the upstream, which this key signed for this app.
#[track_caller]
fn sent(stage: &Stage, app_code: &str, key: &str) -> Vec<(String, String)> {
    let requests = stage.upstream.requests();
    assert_eq!(requests.len(), 1, "requests at the upstream");
    let request = &requests[0];
    assert_eq!(request.header("X-QF-APPCODE"), Some(app_code));
    assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), key)));
    stage.upstream.forget();
    request.params()
}

fn value<'p>(params: &'p [(String, String)], name: &str) -> Option<&'p str> {
    params.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// A refusal for want of this right, which says so, names no other caller, and nothing was sent.
#[track_caller]
fn denied(stage: &Stage, answer: &Answer, caller: &str, right: &str) {
    answer.assert_failure(403, "caller_denied");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    let told = answer.json()["respmsg"].as_str().unwrap().to_owned();
    assert!(told.starts_with(&format!("callers.{caller}.{right}: ")), "{told}");
    for other in ["shop-a", "shop-b", "office"].iter().filter(|other| **other != caller) {
        assert!(!answer.text().contains(other), "{}", answer.text());
    }
    assert_eq!(stage.upstream.requests().len(), 0, "nothing was sent");
}

#[track_caller]
fn unknown(stage: &Stage, answer: &Answer) {
    answer.assert_failure(401, "caller_unknown");
    assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert_eq!(stage.upstream.requests().len(), 0, "nothing was sent");
}

/// The value of a counter of refusals.
fn refused(stage: &Stage, caller: &str, right: &str) -> u64 {
    let metrics = stage.sidecar.admin("/metrics").text().to_owned();
    let name = format!("qfpay_sidecar_access_refused_total{{caller=\"{caller}\",right=\"{right}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}
