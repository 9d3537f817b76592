//! A signal that asks for the end while many callers pay: each is answered, and each knows whether its payment was sent.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{Load, Outcome, Payment, Reply, Stage};

const CALLERS: usize = 64;

/// How often each order number reached the upstream.
fn arrivals(stage: &Stage) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    for request in stage.upstream.requests() {
        *arrivals.entry(request.param("out_trade_no").unwrap()).or_default() += 1;
    }
    arrivals
}

#[test]
fn sigterm_under_load_loses_no_answer() {
    loses_no_answer("TERM");
}

#[test]
fn sigquit_under_load_loses_no_answer() {
    loses_no_answer("QUIT");
}

#[test]
fn sigint_under_load_loses_no_answer() {
    loses_no_answer("INT");
}

/// It comes again every second while processor time is over the limit.
#[test]
fn sigxcpu_under_load_loses_no_answer() {
    loses_no_answer("XCPU");
}

fn loses_no_answer(signal: &str) {
    let mut stage = Stage::new(&["log.level=info", "limits.grace_period_ms=3000"]);
    let body = r#"{"respcd": "0000"}"#;
    stage.upstream.always(Reply::ok(body).after(Duration::from_millis(50)));
    let load = Load::start(&stage.sidecar.api, CALLERS, "L");
    stage.upstream.wait_for_requests(6 * CALLERS);
    stage.sidecar.signal(signal);
    if signal == "XCPU" {
        stage.sidecar.wait_for_log(&["shutting down"]);
        stage.sidecar.signal(signal);
    }
    let payments = load.finish();
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0), "{}", stage.sidecar.log());

    let arrivals = arrivals(&stage);
    assert!(arrivals.values().all(|times| *times == 1), "a payment was sent twice");
    let (mut answered, mut told, mut not_connected, mut reset) = (0, 0, 0, 0);
    for payment in &payments {
        let Payment { out_trade_no, outcome, on_kept_connection } = payment;
        let was_sent = arrivals.contains_key(out_trade_no);
        match outcome {
            Outcome::Answered(said) => {
                assert!(was_sent && said == body, "{payment:?}");
                answered += 1;
            }
            Outcome::Refused(code, delivery) => {
                assert_eq!((code.as_str(), delivery.as_str()), ("shutting_down", "not_sent"), "{payment:?}");
                assert!(!was_sent, "{payment:?} was sent");
                told += 1;
            }
            Outcome::NotConnected => {
                assert!(!was_sent, "{payment:?} was sent");
                not_connected += 1;
            }
            // The system had accepted the connection, and the process had not: in the instant before nobody listens.
            Outcome::Closed => {
                assert!(!was_sent && !on_kept_connection, "{payment:?} got no answer");
                reset += 1;
            }
        }
    }
    eprintln!(
        "SIG{signal} under load: {} payments of {CALLERS} callers: {answered} answered, {told} told that it is shutting down, \
         {not_connected} not connected, {reset} reset before they were accepted",
        payments.len()
    );
    assert_eq!(answered, arrivals.len(), "each payment that was sent has its answer");
    assert_eq!(not_connected, CALLERS, "every caller went on until nobody listened");
    assert!(told > 0, "nobody met the shutdown");
    assert!(reset <= CALLERS / 8, "{reset} callers were reset");
}
