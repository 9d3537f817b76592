//! Places in flight: what hangs at QFPay and moves no money, or is one app's, leaves places for other payments.

use super::stage::*;
use crate::support::{Answer, Connection, Gate, Stage};

const OF_OTHER: &str = "X-QF-APPCODE: 0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B\r\n";

/// So many calls that QFPay does not answer before the gate opens.
fn hang(stage: &Stage, gate: &Gate, count: usize, path: &str) -> Vec<Connection> {
    let sent = stage.upstream.requests().len();
    stage.upstream.script((0..count).map(|_| success_behind(gate)));
    let calls = (0..count).map(|_| {
        let mut connection = stage.sidecar.connect();
        connection.write(request(path, ""));
        connection
    });
    let calls = calls.collect();
    stage.upstream.wait_for_requests(sent + count);
    calls
}

#[track_caller]
fn assert_busy(answer: &Answer, words: &str) {
    answer.assert_failure(503, "busy");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    let message = answer.json()["respmsg"].as_str().unwrap().to_owned();
    assert!(message.contains(words), "{message}");
}

#[test]
fn queries_that_hang_leave_places_for_payments() {
    let stage = Stage::new(&["limits.in_flight=8", "quota.reserved_percent=30"]);
    let gate = Gate::default();
    // 70 percent of 8, rounded down.
    let queries = hang(&stage, &gate, 5, QUERY);
    for path in [QUERY, "/trade/v1/add_note"] {
        assert_busy(&call(&stage.sidecar, path), "move no money");
    }
    let openid =
        stage.sidecar.raw("GET /tool/v1/get_weixin_openid?code=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_busy(&openid, "quota.reserved_percent");
    assert_eq!(stage.upstream.requests().len(), 5);
    for path in [PAYMENT, "/trade/v1/close", "/trade/v1/brand_new"] {
        assert_eq!(call(&stage.sidecar, path).status, 200, "{path}");
    }
    // What is answered here waits for nobody.
    let page = "/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F";
    assert_eq!(stage.sidecar.raw(format!("GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n")).status, 302);
    // Payments may take all that is left.
    let payments = hang(&stage, &gate, 3, PAYMENT);
    assert_busy(&call(&stage.sidecar, PAYMENT), "limits.in_flight is reached");
    gate.open();
    for mut connection in queries.into_iter().chain(payments) {
        assert_eq!(connection.read().status, 200);
    }
    eventually("a free place", || call(&stage.sidecar, QUERY).status == 200);
}

#[test]
fn an_app_whose_calls_hang_leaves_the_last_quarter_to_the_others() {
    let stage = Stage::launch(|launch| with_other_app(launch).set("limits.in_flight=8"));
    let gate = Gate::default();
    let shops = hang(&stage, &gate, 6, PAYMENT);
    assert_busy(&call(&stage.sidecar, PAYMENT), "the last quarter");
    for _ in 0..3 {
        assert_eq!(call_with(&stage.sidecar, PAYMENT, OF_OTHER).status, 200);
    }
    gate.open();
    for mut connection in shops {
        assert_eq!(connection.read().status, 200);
    }
    eventually("a free place", || call(&stage.sidecar, PAYMENT).status == 200);
}

#[test]
fn an_app_alone_takes_all_places() {
    let stage = Stage::new(&["limits.in_flight=4"]);
    let gate = Gate::default();
    let payments = hang(&stage, &gate, 4, PAYMENT);
    assert_busy(&call(&stage.sidecar, PAYMENT), "limits.in_flight is reached");
    gate.open();
    for mut connection in payments {
        assert_eq!(connection.read().status, 200);
    }
}

#[test]
fn one_place_serves_queries_too() {
    let stage = Stage::new(&["limits.in_flight=1", "quota.reserved_percent=90"]);
    assert_eq!(call(&stage.sidecar, QUERY).status, 200);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
}
