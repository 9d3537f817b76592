//! A doubt is followed until QFPay knows.

use std::thread;
use std::time::{Duration, Instant};

use super::flight::{call, start};
use super::outcome::ask;
use super::qfpay::{Fate, PAID, Qfpay};

fn wait_until(within: Duration, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !done() {
        assert!(Instant::now() < deadline, "not within {within:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_doubt_is_resolved_by_itself() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    qfpay.fate(Fate::PaidLater(Duration::from_secs(4)));
    let doubt = call(&sidecar, "payment", "A", &[]);
    doubt.assert_failure(502, "upstream_no_answer");
    let id = doubt.header("X-Sidecar-Request-Id").unwrap();
    let metrics = sidecar.admin("/metrics");
    assert!(metrics.text().contains("qfpay_sidecar_orders_in_doubt 1\n"), "{}", metrics.text());
    let line = sidecar.wait_for_log(&["an order in doubt is resolved", id]);
    for word in ["state=\"paid\"", "app=\"shop\"", "/trade/v1/payment", "asked=2"] {
        assert!(line.contains(word), "{line}");
    }
    let queries = qfpay.seen("query");
    assert_eq!(queries.len(), 2);
    assert!(queries[0].at - qfpay.seen("payment")[0].at >= Duration::from_millis(2900));
    let metrics = sidecar.admin("/metrics");
    let text = metrics.text();
    assert!(text.contains("qfpay_sidecar_orders_in_doubt 0\n"), "{text}");
    assert!(text.contains("qfpay_sidecar_doubts_ended_total{app=\"shop\",state=\"paid\"} 1\n"), "{text}");
    // It is over: no more queries.
    thread::sleep(Duration::from_millis(3500));
    assert_eq!(qfpay.seen("query").len(), 2);
}

#[test]
fn a_refund_is_followed_by_its_own_number() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    qfpay.fate(Fate::PaidInSilence);
    call(&sidecar, "refund", "R", &["syssn=2026A", "mchid=M"]).assert_failure(502, "upstream_no_answer");
    sidecar.wait_for_log(&["an order in doubt is resolved", "/trade/v1/refund"]);
    let query = &qfpay.seen("query")[0].params;
    let mut params: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    params.sort();
    assert_eq!(params, ["mchid=M", "out_trade_no=R", "page_size=100"]);
}

/// A row's fields of an order that was paid and then reversed.
const REVERSED: &str = r#""txamt": "1.10", "cancel": "1", "respcd": "0000""#;

#[test]
fn a_reversal_and_its_payment_are_followed_until_the_order_shows_the_reversal() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    qfpay.fate(Fate::PaidInSilence);
    let payment = call(&sidecar, "payment", "A", &[]);
    payment.assert_failure(502, "upstream_no_answer");
    let reversal = call(&sidecar, "reversal", "A", &[]);
    reversal.assert_failure(502, "upstream_no_answer");
    let metrics = sidecar.admin("/metrics");
    assert!(metrics.text().contains("qfpay_sidecar_orders_in_doubt 2\n"), "{}", metrics.text());
    // The order is paid, which says nothing of the reversal: that it was made is still on its way.
    let id = payment.header("X-Sidecar-Request-Id").unwrap();
    let line = sidecar.wait_for_log(&["an order in doubt is resolved", id]);
    assert!(line.contains("state=\"paid\""), "{line}");
    let metrics = sidecar.admin("/metrics");
    assert!(metrics.text().contains("qfpay_sidecar_orders_in_doubt 1\n"), "{}", metrics.text());
    qfpay.book("A", REVERSED);
    let id = reversal.header("X-Sidecar-Request-Id").unwrap();
    let line = sidecar.wait_for_log(&["an order in doubt is resolved", id]);
    for word in ["state=\"reversed\"", "/trade/v1/reversal"] {
        assert!(line.contains(word), "{line}");
    }
    let queries = qfpay.seen("query").len();
    thread::sleep(Duration::from_millis(3500));
    assert_eq!(qfpay.seen("query").len(), queries, "it is over");
    let metrics = sidecar.admin("/metrics");
    assert!(metrics.text().contains("qfpay_sidecar_orders_in_doubt 0\n"), "{}", metrics.text());
}

#[test]
fn a_close_by_qfpays_number_is_followed_by_that_number() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["orders.follow_ms=8000"]);
    qfpay.book("C", PAID);
    qfpay.fate(Fate::Lost);
    let form = ["-d", "syssn=2026C", "-d", "txamt=110"];
    let close = sidecar.curl(&form, "/trade/v1/close");
    close.assert_failure(502, "upstream_no_answer");
    // It never happened: that the order is paid is not taken for an answer, and stands beside the doubt in the end.
    let id = close.header("X-Sidecar-Request-Id").unwrap();
    let line = sidecar.wait_for_log(&["an order is still in doubt", id]);
    assert!(line.contains("state=\"paid\""), "{line}");
    let query = &qfpay.seen("query")[0].params;
    assert_eq!(query.get("syssn").map(String::as_str), Some("2026C"));
}

#[test]
fn what_qfpay_never_shows_stays_unknown_and_is_followed_no_longer() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["orders.follow_ms=4000"]);
    qfpay.fate(Fate::Lost);
    call(&sidecar, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    let line = sidecar.wait_for_log(&["an order is still in doubt"]);
    assert!(line.contains("state=\"unknown\"") && line.contains("no row"), "{line}");
    let told = ask(&sidecar, &["out_trade_no=A"]).json();
    assert_eq!(told["state"], "unknown");
    let metrics = sidecar.admin("/metrics");
    let ended = "qfpay_sidecar_doubts_ended_total{app=\"shop\",state=\"unknown\"} 1\n";
    assert!(metrics.text().contains(ended), "{}", metrics.text());
}

#[test]
fn a_shop_that_waits_shares_the_doubts_queries() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    qfpay.fate(Fate::PaidLater(Duration::from_secs(4)));
    call(&sidecar, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    let told = ask(&sidecar, &["out_trade_no=A"]).json();
    assert_eq!((&told["state"], &told["asked"]), (&"unknown".into(), &0.into()), "too early to ask");
    let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=15000"]).json();
    assert_eq!((&told["state"], &told["asked"]), (&"paid".into(), &2.into()));
    assert_eq!(qfpay.seen("query").len(), 2);
}

#[test]
fn the_shops_own_query_ends_a_doubt() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    qfpay.fate(Fate::PaidInSilence);
    call(&sidecar, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    assert_eq!(call(&sidecar, "query", "A", &[]).status, 200);
    sidecar.wait_for_log(&["an order in doubt is resolved", "state=\"paid\""]);
    thread::sleep(Duration::from_millis(3500));
    assert_eq!(qfpay.seen("query").len(), 1);
}

#[test]
fn following_keeps_no_payment_out() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["limits.in_flight=4", "quota.per_minute=400", "quota.max_wait_ms=0"]);
    qfpay.fate(Fate::Lost);
    for number in 0..20 {
        call(&sidecar, "payment", &format!("D{number}"), &[]).assert_failure(502, "upstream_no_answer");
    }
    qfpay.fate(Fate::Paid);
    wait_until(Duration::from_secs(10), || qfpay.seen("query").len() > 5);
    for number in 0..3 {
        assert_eq!(call(&sidecar, "payment", &format!("P{number}"), &[]).status, 200);
    }
}

/// A moment as QFPay's hosts in Hong Kong print it.
fn printed(minutes_ago: i64) -> String {
    let moment =
        time::OffsetDateTime::now_utc() + time::Duration::hours(8) - time::Duration::minutes(minutes_ago);
    let (date, time) = (moment.date(), moment.time());
    format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

#[test]
fn an_earlier_try_that_failed_says_nothing_of_a_call_in_doubt() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    let failed = |minutes_ago| format!(r#""respcd": "1205", "sysdtm": "{}""#, printed(minutes_ago));
    qfpay.book("A", &failed(20));
    qfpay.fate(Fate::Lost);
    call(&sidecar, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=5000"]).json();
    assert_eq!((&told["state"], &told["final"]), (&"failed".into(), &false.into()), "{told}");
    assert_eq!(told["respcd"], "1145");
    assert!(told["note"].as_str().unwrap().contains("another call"), "{told}");
    call(&sidecar, "payment", "A", &[]).assert_failure(409, "order_in_flight");
    assert_eq!(call(&sidecar, "query", "A", &[]).status, 200);
    call(&sidecar, "payment", "A", &[]).assert_failure(409, "order_in_flight");
    assert_eq!(qfpay.seen("payment").len(), 1);
    // Its own row.
    qfpay.book("A", &failed(0));
    sidecar.wait_for_log(&["an order in doubt is resolved", "state=\"failed\""]);
    let told = ask(&sidecar, &["out_trade_no=A"]).json();
    assert_eq!(
        (&told["state"], &told["final"], &told["respcd"]),
        (&"failed".into(), &true.into(), &"1205".into())
    );
}
