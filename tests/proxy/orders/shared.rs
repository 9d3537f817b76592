//! Two sidecars with one store agree which numbers are on their way, and none of what may be wrong with the store refuses one.

use std::thread;
use std::time::{Duration, Instant};

use super::flight::{call, start};
use super::outcome::ask;
use super::qfpay::{Fate, PAID, Qfpay};
use crate::support::{RedisServer, Sidecar};

fn sharing(qfpay: &Qfpay, redis: &RedisServer, settings: &[&str]) -> Sidecar {
    let store = redis.setting();
    let shared = [&*store, "quota.per_second=100", "quota.per_minute=400", "quota.store_timeout_ms=2000"];
    let sidecar = start(qfpay, &[&shared[..], settings].concat());
    sidecar.wait_for_log(&["the quota is shared through its store"]);
    sidecar
}

fn keys(redis: &RedisServer) -> Vec<String> {
    let answer = redis.ask("KEYS qfpay-sidecar:flight:*");
    answer.lines().filter(|line| line.starts_with("qfpay-sidecar")).map(str::to_owned).collect()
}

fn wait_until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to that");
        thread::sleep(Duration::from_millis(20));
    }
}

fn wait_until_no_flight(redis: &RedisServer) {
    wait_until(|| keys(redis).is_empty());
}

#[test]
fn a_number_of_one_sidecar_is_held_at_the_other() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let qfpay = Qfpay::start();
    let (first, second) = (sharing(&qfpay, &redis, &[]), sharing(&qfpay, &redis, &[]));
    qfpay.fate(Fate::Slow(Duration::from_millis(1500)));
    thread::scope(|scope| {
        let payment = scope.spawn(|| call(&first, "payment", "A", &[]));
        while qfpay.seen("payment").is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        call(&second, "payment", "A", &[]).assert_failure(409, "order_in_flight");
        qfpay.fate(Fate::Paid);
        assert_eq!(call(&second, "payment", "B", &[]).status, 200);
        assert_eq!(payment.join().unwrap().status, 200);
    });
    wait_until_no_flight(&redis);
    assert_eq!(call(&second, "payment", "A", &[]).status, 200);
    // In doubt at one, held at the other, until QFPay names it to either.
    qfpay.fate(Fate::PaidLater(Duration::from_secs(600)));
    call(&first, "payment", "C", &["mchid=M"]).assert_failure(502, "upstream_no_answer");
    let held = call(&second, "payment", "C", &["mchid=M"]);
    held.assert_failure(409, "order_in_flight");
    let key = keys(&redis).remove(0);
    assert!(!key.contains('C') && !key.contains('M'), "{key}");
    let left: u64 = redis.ask(&format!("PTTL {key}")).trim().trim_start_matches(':').parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    qfpay.book("C", PAID);
    assert_eq!(ask(&second, &["out_trade_no=C", "mchid=M"]).json()["state"], "paid");
    wait_until_no_flight(&redis);
}

#[test]
fn a_store_that_is_away_refuses_nothing() {
    let Some(mut redis) = RedisServer::start(&[]) else { return };
    let qfpay = Qfpay::start();
    let sidecar = sharing(&qfpay, &redis, &[]);
    qfpay.fate(Fate::Lost);
    call(&sidecar, "payment", "A", &[]).assert_failure(502, "upstream_no_answer");
    redis.kill();
    qfpay.fate(Fate::Paid);
    for number in ["B", "B", "C"] {
        assert_eq!(call(&sidecar, "payment", number, &[]).status, 200);
    }
    // Its own flights it knows all the same.
    call(&sidecar, "payment", "A", &[]).assert_failure(409, "order_in_flight");
    redis.run();
    sidecar.wait_for_log(&["the quota is shared through its store"]);
    assert_eq!(call(&sidecar, "payment", "D", &[]).status, 200);
}

#[test]
fn a_store_that_is_full_refuses_nothing() {
    let Some(redis) = RedisServer::start(&["--maxmemory-policy", "noeviction"]) else { return };
    let qfpay = Qfpay::start();
    let sidecar = sharing(&qfpay, &redis, &[]);
    assert!(redis.ask("CONFIG SET maxmemory 1").starts_with("+OK"));
    for number in ["A", "A", "B"] {
        assert_eq!(call(&sidecar, "payment", number, &[]).status, 200);
    }
}

#[test]
fn what_else_stands_under_a_numbers_name_refuses_nothing() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let qfpay = Qfpay::start();
    let sidecar = sharing(&qfpay, &redis, &["orders.follow_ms=0"]);
    // What a doubt is called tells what the next one will be.
    let named = |number: &str| {
        qfpay.fate(Fate::Lost);
        call(&sidecar, "payment", number, &[]).assert_failure(502, "upstream_no_answer");
        let key = keys(&redis).remove(0);
        // Told to Redis apart from the answer: deleted before that, it would be there again.
        wait_until(|| redis.ask(&format!("GET {key}")).contains("doubt:"));
        redis.ask(&format!("DEL {key}"));
        qfpay.fate(Fate::Paid);
        key
    };
    let mark = "0123456789abcdef0123456789abcdef";
    let other = sharing(&qfpay, &redis, &["orders.follow_ms=0"]);
    for (number, poison) in [
        ("A", "SET KEY air:x".to_owned()),
        ("B", format!("SET KEY air:{mark}")), // for ever
        ("C", format!("SET KEY air:{mark} PX 999999999")),
        ("D", "RPUSH KEY a".to_owned()),
        ("E", "HSET KEY a b".to_owned()),
        ("F", "SET KEY  PX 1000".replace("KEY ", "KEY \"\"")),
    ] {
        let key = named(number);
        let done = redis.ask(&poison.replace("KEY", &key));
        assert!(!done.starts_with('-'), "{done}");
        assert_eq!(call(&other, "payment", number, &[]).status, 200, "{poison}");
        wait_until_no_flight(&redis);
    }
    let key = named("G");
    assert!(redis.ask(&format!("SET {key} air:{mark} PX 50000")).starts_with("+OK"));
    call(&other, "payment", "G", &[]).assert_failure(409, "order_in_flight");
}
