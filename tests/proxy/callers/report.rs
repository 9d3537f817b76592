//! `access.mode = "report"`: lets pass what enforce refuses, as it was before there were callers, and says so.

use super::*;

/// Who calls with what: allowed and not, in the ways of every right.
const CALLS: [(&str, &str, &str); 17] = [
    (TOKEN_A, PAYMENT, "txamt=1&txcurrcd=HKD"),
    (TOKEN_A, PAYMENT, "txamt=1&txcurrcd=HKD&mchid=M0001"),
    (TOKEN_A, PAYMENT, "txamt=1&txcurrcd=HKD&mchid=M0002"),
    (TOKEN_A, PAYMENT, "txamt=1&txcurrcd=USD"),
    (TOKEN_A, PAYMENT, "txamt=500001&txcurrcd=HKD"),
    (TOKEN_A, PAYMENT, "txamt=1&txcurrcd=HKD&app_code=A1B2C3D4E5F60718293A4B5C6D7E8F90"),
    (TOKEN_A, REFUND, "txamt=1&syssn=1"),
    (TOKEN_A, QUERY, "syssn=1"),
    (TOKEN_A, "/tool/v1/mcc", ""),
    (TOKEN_B, PAYMENT, "txamt=1&txcurrcd=HKD"),
    (TOKEN_B, PAYMENT, "txamt=1&txcurrcd=HKD&app_code=00112233445566778899AABBCCDDEEFF"),
    (TOKEN_B, PAYMENT, "txamt=1&txcurrcd=HKD&mchid=M0002"),
    (TOKEN_B, PAYMENT, "txamt=1&txcurrcd=HKD&mchid=M0002&app_code=00112233445566778899AABBCCDDEEFF"),
    (TOKEN_ANY, REFUND, "txamt=999999999&syssn=1"),
    ("token-of-nobody-1c5f7a20b9d8e346", PAYMENT, "txamt=1&txcurrcd=HKD"),
    ("", PAYMENT, "txamt=1&txcurrcd=HKD"),
    ("", QUERY, "syssn=1"),
];

fn play(stage: &Stage, (token, path, form): (&str, &str, &str)) -> Answer {
    let header = format!("Authorization: Bearer {token}");
    let header = if token.is_empty() { vec![] } else { vec!["-H", &header] };
    match form {
        "" => stage.sidecar.curl(&header, path),
        _ => stage.sidecar.curl(&[header, vec!["-d", form]].concat(), path),
    }
}

/// The counters of refusals, as text.
fn counts(stage: &Stage) -> Vec<String> {
    let metrics = stage.sidecar.admin("/metrics").text().to_owned();
    let lines = metrics.lines().filter(|line| line.starts_with("qfpay_sidecar_access_refused_total{"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn report_and_enforce_decide_alike() {
    let (enforce, report) = (stage(&[]), stage(&["access.mode=report"]));
    let mut refused = 0;
    for call in CALLS {
        let answer = play(&enforce, call);
        let is_refused = matches!(answer.header("X-Sidecar-Error"), Some("caller_unknown" | "caller_denied"));
        assert_eq!(is_refused, answer.status != 200, "{call:?}: {}", answer.text());
        refused += usize::from(is_refused);
        let answer = play(&report, call);
        assert_eq!(answer.status, 200, "{call:?}: {}", answer.text());
        assert_eq!(counts(&enforce), counts(&report), "{call:?}");
    }
    // A line is written some milliseconds later; this one comes last.
    report.sidecar.wait_for_log(&["endpoint=\"/trade/v1/query\"", "caller=\"unknown\"", "status=200"]);
    let lines = report.sidecar.log();
    let told = lines.lines().filter(|line| line.contains("access.mode = enforce would refuse this call"));
    assert_eq!(told.count(), refused, "{lines}");
    assert!((8..CALLS.len() - 4).contains(&refused), "{refused} refusals");
    assert_eq!(report.upstream.requests().len(), CALLS.len());
    assert_eq!(enforce.upstream.requests().len(), CALLS.len() - refused);
    report.sidecar.wait_for_log(&[
        "WARN",
        "caller=\"shop-a\"",
        "callers.shop-a.mchids",
        "enforce would refuse",
    ]);
    report.sidecar.wait_for_log(&["WARN", "caller=\"unknown\"", "enforce would refuse"]);
    assert!(report.sidecar.screen().contains("only reported"), "{}", report.sidecar.screen());
}

#[test]
fn what_is_only_reported_is_signed_as_before_there_were_callers() {
    let stage = stage(&[
        "access.mode=report",
        "apps.shop.mchid=M0002",
        "callers.shop-b.mchids=[\"M0002\", \"M0003\"]",
    ]);
    // Several apps and merchants, and none is named: the defaults, as before.
    assert_eq!(call(&stage, TOKEN_B, PAYMENT, ORDER).status, 200);
    assert_eq!(value(&sent(&stage, APP_CODE, CLIENT_KEY), "mchid"), Some("M0002"));
    assert_eq!((refused(&stage, "shop-b", "apps"), refused(&stage, "shop-b", "mchids")), (1, 0));
    // A stranger.
    assert_eq!(stage.sidecar.curl(&["-d", ORDER], PAYMENT).status, 200);
    assert_eq!(value(&sent(&stage, APP_CODE, CLIENT_KEY), "mchid"), Some("M0002"));
    // What was named stays as it was named.
    assert_eq!(call(&stage, TOKEN_A, PAYMENT, &format!("{ORDER}&mchid=M0009")).status, 200);
    assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0009"));
}
