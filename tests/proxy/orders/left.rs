//! What a crash leaves in doubt is held again before the next process takes a call, whatever else is in doubt.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::flight::{call, start};
use super::outcome::ask;
use super::qfpay::{Fate, PAID, Qfpay, Seen};
use super::restart::{crash, journal};
use crate::support::{own_ip, sqlite};

/// Puts calls of an earlier process into its journal that began at some moment and have no end; their numbers are `OLD1` and so on.
fn plant(file: &str, how_many: usize, at: &str) {
    let statement = format!(
        "INSERT INTO chain (id, rows, digest) \
         WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < {how_many}), \
           tip(id) AS (SELECT coalesce(max(id), 0) FROM chain) \
         SELECT tip.id + i, json_array(json_array('begin', {at}, NULL, 'r' || i, 'OLD' || i, NULL, NULL, NULL, NULL, 'shop', \
           '/trade/v1/payment')), zeroblob(32) FROM n, tip"
    );
    sqlite(Path::new(file), &statement);
}

/// A moment as the journal writes it, for SQLite.
fn ago(days: u32) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days')")
}

/// Pays as soon as anybody listens there; the status of each answer.
fn hammer(api: &str, number: &str) -> Vec<String> {
    let form = format!("out_trade_no={number}&txamt=100");
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let request = format!(
        "{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let streams: Vec<_> = (0..6)
            .map_while(|_| {
                let mut stream = TcpStream::connect(api).ok()?;
                stream.write_all(request.as_bytes()).ok()?;
                Some(stream)
            })
            .collect();
        let answers = streams.into_iter().map(|mut stream| {
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer.chars().skip(9).take(3).collect()
        });
        let answers: Vec<String> = answers.filter(|answer: &String| !answer.is_empty()).collect();
        if !answers.is_empty() {
            return answers;
        }
        assert!(Instant::now() < deadline, "nobody listens at {api}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_number_in_doubt_is_held_before_the_first_call_after_a_restart() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    let settings = |api: &str| [setting.clone(), "runtime.workers=3".to_owned(), format!("listen.api={api}")];
    let launch = |api: &str| start(&qfpay, &settings(api).each_ref().map(|setting| &**setting));
    crash(launch("127.0.0.1:0"));
    // Enough of them that taking them up lasts.
    plant(&file, 3000, &ago(1));
    let first = launch(&format!("{}:0", own_ip()));
    let api = first.api.clone();
    qfpay.fate(Fate::PaidLater(Duration::from_secs(600)));
    call(&first, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    let comes_again = thread::spawn({
        let api = api.clone();
        move || {
            thread::sleep(Duration::from_millis(50));
            hammer(&api, "A")
        }
    });
    crash(first);
    let _second = launch(&api);
    let answers = comes_again.join().unwrap();
    assert!(answers.iter().all(|status| status == "409"), "{answers:?}");
    assert_eq!(qfpay.seen("payment").len(), 1);
    assert!(journal(&file, &["doubt"]).contains("order A"));
}

#[test]
fn a_number_is_held_and_asked_for_byte_for_byte_after_a_restart() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    // Another customer's.
    qfpay.book("B", PAID);
    let sidecar = start(&qfpay, &[&setting]);
    qfpay.fate(Fate::Lost);
    let long = "7".repeat(256);
    let numbers = ["B%20", "%20%20", "%20C", &long];
    for number in numbers {
        call(&sidecar, "payment", number, &["mchid=%20M"]).assert_failure(502, "upstream_no_answer");
    }
    // What could not be kept whole does not go.
    for number in [long.clone() + "7", "試".repeat(86)] {
        let answer = call(&sidecar, "payment", &number, &[]);
        answer.assert_failure(400, "parameter_invalid");
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    }
    crash(sidecar);

    let sidecar = start(&qfpay, &[&setting]);
    for number in numbers {
        call(&sidecar, "payment", number, &["mchid=%20M"]).assert_failure(409, "order_in_flight");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let asked = |number: &str| {
        let query = |seen: &Seen| seen.params["out_trade_no"] == number && seen.params["mchid"] == " M";
        qfpay.seen("query").iter().any(query)
    };
    while !["B ", "  ", " C", &long].into_iter().all(asked) {
        assert!(Instant::now() < deadline, "{:?}", qfpay.seen("query"));
        thread::sleep(Duration::from_millis(50));
    }
    assert!(journal(&file, &["doubt"]).contains("order B "), "{}", journal(&file, &["doubt"]));
    assert_eq!(qfpay.seen("payment").len(), numbers.len());
}

#[test]
fn a_refund_without_a_number_of_its_own_is_not_settled_by_its_payment_after_a_restart() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    qfpay.book("P", PAID);
    let sidecar = start(&qfpay, &[&setting]);
    qfpay.fate(Fate::Lost);
    let refund = sidecar.curl(&["-d", "syssn=2026P", "-d", "txamt=100"], "/trade/v1/refund");
    refund.assert_failure(502, "upstream_no_answer");
    crash(sidecar);

    let sidecar = start(&qfpay, &[&setting]);
    sidecar.wait_for_log(&["WARN", "left in doubt", "of_no_order=1"]);
    // Longer than until the first query.
    thread::sleep(Duration::from_secs(4));
    assert!(qfpay.seen("query").is_empty(), "{:?}", qfpay.seen("query"));
    assert!(journal(&file, &["doubt"]).contains("/trade/v1/refund"), "{}", journal(&file, &["doubt"]));
}

#[test]
fn of_too_many_doubts_a_restart_follows_the_newest_and_says_how_many_it_does_not() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    crash(start(&qfpay, &[&setting]));
    plant(&file, 50, &ago(8));
    plant(&file, 900, &ago(1));
    let sidecar = start(&qfpay, &[&setting, "orders.follow_ms=0"]);
    qfpay.fate(Fate::Lost);
    call(&sidecar, "payment", "CRASH", &[]).assert_failure(502, "upstream_no_answer");
    crash(sidecar);

    let sidecar = start(&qfpay, &[&setting]);
    sidecar.wait_for_log(&["WARN", "left in doubt", "doubts=151", "old=50", "too_many=101"]);
    qfpay.book("CRASH", PAID);
    sidecar.wait_for_log(&["an order in doubt is resolved", "paid"]);
    let queries = qfpay.seen("query");
    assert_eq!(queries[0].params["out_trade_no"], "CRASH");
    // There is room for a doubt of its own.
    call(&sidecar, "payment", "NEW", &[]).assert_failure(502, "upstream_no_answer");
    qfpay.book("NEW", PAID);
    assert_eq!(ask(&sidecar, &["out_trade_no=NEW", "wait_ms=20000"]).json()["state"], "paid");
    assert!(!sidecar.log().contains("too many orders"), "{}", sidecar.log());
}

#[test]
fn doubts_of_an_app_that_has_another_name_are_told() {
    let qfpay = Qfpay::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let setting = format!("journal.file={file}");
    crash(start(&qfpay, &[&setting]));
    plant(&file, 3, &ago(0));
    sqlite(Path::new(&file), "UPDATE chain SET rows = replace(rows, '\"shop\"', '\"web-shop\"')");
    let sidecar = start(&qfpay, &[&setting]);
    sidecar.wait_for_log(&["WARN", "left in doubt", "of_no_app=3", "apps=\"web-shop\""]);
    assert!(journal(&file, &["doubt"]).contains("OLD3"));
}
