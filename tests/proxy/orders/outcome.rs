//! `/sidecar/v1/outcome`.

use std::thread;
use std::time::{Duration, Instant};

use super::flight::{call, start};
use super::qfpay::{Fate, PAID, Qfpay};
use crate::support::{Answer, CLIENT_KEY, Sidecar, md5_elsewhere};

const PATH: &str = "/sidecar/v1/outcome";

pub fn ask(sidecar: &Sidecar, pairs: &[&str]) -> Answer {
    let arguments: Vec<_> = pairs.iter().flat_map(|pair| ["-d", pair]).collect();
    sidecar.curl(&arguments, PATH)
}

#[test]
fn a_paid_order_is_told_with_qfpays_own_row() {
    let qfpay = Qfpay::start();
    qfpay.book("A-1", PAID);
    let sidecar = start(&qfpay, &[]);
    let answer = ask(&sidecar, &["out_trade_no=A-1"]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let row = qfpay.row("A-1");
    let begins = format!(
        r#"{{"respcd":"0000","state":"paid","final":true,"out_trade_no":"A-1","row":{row},"asked":1,"age_ms":"#
    );
    assert!(answer.text().starts_with(&begins), "{}", answer.text());
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    // By QFPay's number, by GET.
    let by_syssn = sidecar.curl(&["-G"], &format!("{PATH}?syssn=2026A-1")).json();
    assert_eq!((&by_syssn["state"], &by_syssn["syssn"]), (&"paid".into(), &"2026A-1".into()));
    for query in qfpay.seen("query") {
        assert!(!query.params.contains_key("wait_ms"), "{query:?}");
    }
    sidecar.wait_for_log(&["/trade/v1/query", "by_sidecar"]);
}

#[test]
fn the_query_is_signed_and_asks_as_the_caller_asked() {
    let stage = crate::support::Stage::new(&["orders.one_flight=true", "orders.follow_ms=600000"]);
    let fields = ["mchid=M1", "start_time=2026-01-01 00:00:00", "end_time=2026-01-31 23:59:59"];
    let told = ask(&stage.sidecar, &[&["out_trade_no=A", "app_code=APP"][..1], &fields[..]].concat()).json();
    assert_eq!(
        (&told["state"], &told["respcd"], &told["final"]),
        (&"unknown".into(), &"1298".into(), &false.into())
    );
    let request = stage.upstream.requests().remove(0);
    assert_eq!((request.method(), request.path()), ("POST", "/trade/v1/query"));
    let params = request.params();
    let expected = [fields[2], fields[0], "out_trade_no=A", fields[1]];
    assert_eq!(params.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>(), expected);
    assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&params, CLIENT_KEY)));
}

#[test]
fn whoever_asks_for_one_order_shares_its_queries() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    let began = Instant::now();
    thread::scope(|scope| {
        let askers: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| ask(&sidecar, &["out_trade_no=A", "wait_ms=15000"]).json()))
            .collect();
        thread::sleep(Duration::from_millis(1500));
        qfpay.book("A", PAID);
        for asker in askers {
            let told = asker.join().unwrap();
            assert_eq!((&told["state"], &told["asked"]), (&"paid".into(), &2.into()), "{told}");
        }
    });
    let took = began.elapsed();
    assert!((2.9..8.0).contains(&took.as_secs_f64()), "{took:?}");
    let queries = qfpay.seen("query");
    assert_eq!(queries.len(), 2);
    assert!(queries[1].at - queries[0].at >= Duration::from_millis(2900));
    // Once more within 3 s: the same news. Another merchant's order of that number is another order.
    assert_eq!(ask(&sidecar, &["out_trade_no=A"]).json()["asked"], 2);
    ask(&sidecar, &["out_trade_no=A", "mchid=M2"]);
    assert_eq!(qfpay.seen("query").len(), 3);
}

#[test]
fn a_missing_row_is_never_not_paid() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    for (answer, note) in [
        (None, "QFPay shows no row of it; that does not say that it was not paid"),
        (Some(r#"{"respcd":"0000"}"#), "QFPay shows no row of it; that does not say that it was not paid"),
        (Some(r#"{"respcd":"1104","resperr":"time window"}"#), "QFPay did not answer the query: respcd 1104"),
        (Some("<html>"), "QFPay's answer cannot be read"),
        (
            Some(r#"{"respcd":"0000","data":[{"out_trade_no":"other","respcd":"0000"}]}"#),
            "the query brought no answer: order_mismatch",
        ),
    ] {
        qfpay.answer_queries(answer);
        let number = format!("out_trade_no=A{}", qfpay.seen("query").len());
        let told = ask(&sidecar, &[&number]).json();
        assert_eq!(told["state"], "unknown", "{told}");
        assert_eq!((&told["final"], &told["row"], &told["note"]), (&false.into(), &().into(), &note.into()));
        assert_eq!(told["respcd"], "1298");
    }
}

#[test]
fn states_follow_the_table() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    for (i, (fields, state, respcd)) in [
        (r#""respcd":"1143""#, "pending", "1143"),
        (r#""respcd":"8888""#, "pending", "8888"),
        (r#""respcd":"0000","cancel":"3""#, "refunded", "1262"),
        (r#""respcd":"0000","cancel":"5""#, "partly_refunded", "0000"),
        (r#""respcd":"1142","cancel":"2""#, "closed", "1142"),
        (r#""respcd":"1263","cancel":"1""#, "reversed", "1263"),
        (r#""respcd":"1205""#, "failed", "1205"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("N{i}");
        qfpay.book(&number, fields);
        let told = ask(&sidecar, &[&format!("out_trade_no={number}")]).json();
        assert_eq!((&told["state"], &told["respcd"]), (&state.into(), &respcd.into()), "{told}");
        assert_eq!(told["final"], state != "pending");
    }
}

#[test]
fn an_order_in_flight_is_asked_for_after_three_seconds_or_once_it_has_landed() {
    let qfpay = Qfpay::start();
    qfpay.fate(Fate::Slow(Duration::from_millis(1200)));
    let sidecar = start(&qfpay, &[]);
    thread::scope(|scope| {
        let payment = scope.spawn(|| call(&sidecar, "payment", "A", &[]));
        while qfpay.seen("payment").is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let told = ask(&sidecar, &["out_trade_no=A"]).json();
        assert_eq!(
            (&told["state"], &told["asked"], &told["age_ms"]),
            (&"in_flight".into(), &0.into(), &().into())
        );
        assert_eq!(told["respcd"], "1145");
        assert!(qfpay.seen("query").is_empty());
        let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=10000"]).json();
        assert_eq!((&told["state"], &told["asked"]), (&"paid".into(), &1.into()));
        assert_eq!(payment.join().unwrap().status, 200);
    });
    let waited = qfpay.seen("query")[0].at - qfpay.seen("payment")[0].at;
    assert!((1.1..2.9).contains(&waited.as_secs_f64()), "{waited:?}");
}

/// QFPay shows an earlier try of the number.
#[test]
fn a_failure_is_not_final_while_a_call_with_the_number_is_on_its_way() {
    let qfpay = Qfpay::start();
    let row = r#"{"out_trade_no": "A", "syssn": "1", "respcd": "1205"}"#;
    qfpay.answer_queries(Some(&format!(r#"{{"respcd": "0000", "data": [{row}]}}"#)));
    qfpay.fate(Fate::Slow(Duration::from_secs(8)));
    let sidecar = start(&qfpay, &[]);
    thread::scope(|scope| {
        let payment = scope.spawn(|| call(&sidecar, "payment", "A", &[]));
        while qfpay.seen("payment").is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=3800"]).json();
        assert_eq!((&told["state"], &told["final"]), (&"failed".into(), &false.into()), "{told}");
        assert_eq!(told["respcd"], "1145");
        assert!(told["note"].as_str().unwrap().contains("on its way"), "{told}");
        assert_eq!(payment.join().unwrap().status, 200);
    });
    let told = ask(&sidecar, &["out_trade_no=A"]).json();
    assert_eq!((&told["final"], &told["respcd"]), (&true.into(), &"1205".into()), "{told}");
}

#[test]
fn so_many_wait_and_others_are_told_what_is_known() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &["orders.waiting=1", "limits.in_flight=1", "quota.reserved_percent=0"]);
    thread::scope(|scope| {
        scope.spawn(|| ask(&sidecar, &["out_trade_no=A", "wait_ms=5000"]));
        while qfpay.seen("query").is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let began = Instant::now();
        let told = ask(&sidecar, &["out_trade_no=B", "wait_ms=5000"]).json();
        assert_eq!((&told["state"], &told["asked"]), (&"unknown".into(), &0.into()));
        let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=5000"]).json();
        assert_eq!((&told["state"], &told["asked"]), (&"unknown".into(), &1.into()));
        assert!(began.elapsed() < Duration::from_secs(2));
        // One that waits holds no place in flight.
        assert_eq!(call(&sidecar, "payment", "D", &[]).status, 200);
    });
}

#[test]
fn the_end_tells_those_who_wait_what_is_known() {
    let qfpay = Qfpay::start();
    let mut sidecar = start(&qfpay, &[]);
    let began = Instant::now();
    thread::scope(|scope| {
        let asker = scope.spawn(|| ask(&sidecar, &["out_trade_no=A", "wait_ms=50000"]).json());
        while qfpay.seen("query").is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        sidecar.signal("TERM");
        assert_eq!(asker.join().unwrap()["state"], "unknown");
    });
    assert_eq!(sidecar.wait_for_exit(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_cannot_be_asked_is_told() {
    let qfpay = Qfpay::start();
    let sidecar = start(&qfpay, &[]);
    for (pairs, status, code) in [
        (&["wait_ms=1000"][..], 400, "parameter_missing"),
        (&["out_trade_no="], 400, "parameter_missing"),
        (&["out_trade_no=A", "wait_ms=50001"], 400, "parameter_invalid"),
        (&["out_trade_no=A", "wait_ms=-1"], 400, "parameter_invalid"),
        (&["out_trade_no=A", "wait_ms=soon"], 400, "parameter_invalid"),
        (&["out_trade_no=A,B"], 400, "parameter_invalid"),
        (&["out_trade_no=A", "out_trade_no=B"], 400, "parameter_repeated"),
        (&["outtradeno=A"], 400, "parameter_unknown"),
        (&["out_trade_no=A", "txamt=1"], 400, "parameter_unknown"),
        (&["out_trade_no=A", "app_code=none"], 403, "app_unknown"),
    ] {
        ask(&sidecar, pairs).assert_failure(status, code);
    }
    let put = sidecar.curl(&["-X", "PUT", "-d", "out_trade_no=A"], PATH);
    put.assert_failure(405, "method_not_allowed");
    assert_eq!(put.header("Allow"), Some("GET, POST"));
    assert!(qfpay.seen("query").is_empty());
    let sidecar = start(&qfpay, &["routes.allow=/trade/v1/payment"]);
    ask(&sidecar, &["out_trade_no=A"]).assert_failure(403, "path_not_allowed");
    assert!(qfpay.seen("query").is_empty());
}

#[test]
fn a_row_of_before_is_not_told_as_fresh_when_queries_bring_nothing() {
    let qfpay = Qfpay::start();
    qfpay.book("A", PAID);
    let sidecar = start(&qfpay, &[]);
    // A doubt about a reversal keeps it asked for.
    qfpay.fate(Fate::Lost);
    call(&sidecar, "reversal", "A", &[]).assert_failure(502, "upstream_no_answer");
    let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=4000"]).json();
    // The money may go back any moment.
    assert_eq!((&told["state"], &told["final"]), (&"paid".into(), &false.into()), "{told}");
    assert!(told["note"].as_str().unwrap().contains("reversal"), "{told}");
    let by_syssn = ask(&sidecar, &["syssn=2026A"]).json();
    assert_eq!((&by_syssn["state"], &by_syssn["final"]), (&"paid".into(), &false.into()), "{by_syssn}");
    qfpay.answer_queries(Some(r#"{"respcd": "1104", "resperr": "later"}"#));
    thread::sleep(Duration::from_secs(4));
    let told = ask(&sidecar, &["out_trade_no=A"]).json();
    assert!(told["age_ms"].as_u64().unwrap() >= 4000, "{told}");
    assert_eq!(told["state"], "paid");
    qfpay.book("A", r#""cancel": "1", "respcd": "0000""#);
    qfpay.answer_queries(None);
    let told = ask(&sidecar, &["out_trade_no=A", "wait_ms=20000"]).json();
    assert_eq!((&told["state"], &told["final"]), (&"reversed".into(), &true.into()), "{told}");
    assert!(told["age_ms"].as_u64().unwrap() < 3000 && told.get("note").is_none(), "{told}");
}
