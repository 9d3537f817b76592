//! What one order went through: `/sidecar/v1/order`, and the command `order`.

use std::process::{Command, Output};

use super::flight::{call, start};
use super::outcome::ask;
use super::qfpay::{Fate, Qfpay};
use crate::support::{Answer, Sidecar};

fn way(sidecar: &Sidecar, query: &str) -> Answer {
    sidecar.curl(&[], &format!("/sidecar/v1/order?{query}"))
}

fn command(sidecar: &Sidecar, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.env_clear().args(["order", "--listen", &sidecar.api]).args(arguments);
    command.output().unwrap()
}

#[test]
fn an_orders_way_is_shown_end_to_end() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    assert_eq!(way(&sidecar, "out_trade_no=A").json()["calls"], serde_json::json!([]));
    qfpay.fate(Fate::PaidInSilence);
    let doubt = call(&sidecar, "payment", "A", &[]);
    let id = doubt.header("X-Sidecar-Request-Id").unwrap();
    call(&sidecar, "payment", "A", &[]).assert_failure(409, "order_in_flight");
    assert_eq!(way(&sidecar, "out_trade_no=A").json()["standing"], "in_doubt");
    assert_eq!(ask(&sidecar, &["out_trade_no=A", "wait_ms=10000"]).json()["state"], "paid");
    qfpay.fate(Fate::Paid);
    call(&sidecar, "payment", "B", &[]);
    call(&sidecar, "query", "A", &["mchid=another"]);
    let told = way(&sidecar, "out_trade_no=A").json();
    assert_eq!((&told["respcd"], &told["standing"]), (&"0000".into(), &().into()));
    let calls = told["calls"].as_array().unwrap();
    let rows: Vec<_> = calls
        .iter()
        .map(|call| {
            format!(
                "{} {} {} {} {}",
                call["endpoint"], call["status"], call["delivery"], call["respcd"], call["error"]
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            r#""/trade/v1/payment" 502 "unknown" null "upstream_no_answer""#,
            r#""/trade/v1/payment" 409 "not_sent" null "order_in_flight""#,
            r#""/trade/v1/query" 200 "answered" "0000" null"#,
        ]
    );
    assert_eq!(calls[0]["request_id"], id);
    assert_eq!((&calls[0]["by_sidecar"], &calls[2]["by_sidecar"]), (&false.into(), &true.into()));
    let shown = command(&sidecar, &["A"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success(), "{text}{}", String::from_utf8_lossy(&shown.stderr));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].contains("/trade/v1/payment: 502 unknown, upstream_no_answer") && lines[0].contains(id),
        "{text}"
    );
    assert!(lines[2].contains("/trade/v1/query by the sidecar: 200 answered, respcd 0000"), "{text}");
    let json = command(&sidecar, &["A", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["calls"], told["calls"]);
    // Another merchant's calls are another order's.
    let other = command(&sidecar, &["A", "--mchid", "another"]);
    assert_eq!(String::from_utf8(other.stdout).unwrap().lines().count(), 1);
}

#[test]
fn what_no_call_named_is_said() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    call(&sidecar, "reversal", "A", &["syssn=2026A"]);
    let by_syssn = command(&sidecar, &["2026A"]);
    assert!(String::from_utf8_lossy(&by_syssn.stdout).contains("/trade/v1/reversal"));
    let unknown = command(&sidecar, &["B"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no call of late names this order"));
    let refused = command(&sidecar, &["B", "--app-code", "none"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("app_code"), "{refused:?}");
    way(&sidecar, "").assert_failure(400, "parameter_missing");
    way(&sidecar, "out_trade_no=A&wait_ms=1").assert_failure(400, "parameter_unknown");
}

#[test]
fn the_last_thousand_calls_are_remembered() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["log.level=warn"]);
    let mut connection = sidecar.connect();
    for number in 0..1001 {
        let form = format!("out_trade_no=N{number}");
        let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        connection.write(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()));
        assert_eq!(connection.read().status, 200);
    }
    let kept = |number: usize| {
        way(&sidecar, &format!("out_trade_no=N{number}")).json()["calls"].as_array().unwrap().len()
    };
    assert_eq!([kept(0), kept(1), kept(1000)], [0, 1, 1]);
}
