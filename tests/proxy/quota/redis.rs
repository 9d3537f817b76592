//! Several sidecars of one merchant, one quota: counted in a real Redis.

use std::time::{Duration, Instant};

use super::stage::*;
use crate::support::RedisServer;
use crate::support::{APP_CODE, Gate, Reply, Stage};

/// The bucket of QFPay's limits.
pub const BURST: usize = 94;
pub const PERIOD: Duration = Duration::from_nanos(196_079_000); // in whole microseconds

/// A sidecar that counts in this Redis, and is ready to. Slow machines get time; what waits for Redis has its own tests.
pub fn sharing(redis: &RedisServer, settings: &[&str]) -> Stage {
    let stage = Stage::launch(|launch| {
        let launch = launch
            .set(&redis.setting())
            .set("quota.per_second=100")
            .set("quota.per_minute=400")
            .set("quota.max_wait_ms=0")
            .set("quota.store_timeout_ms=5000");
        settings.iter().fold(launch, |launch, setting| launch.set(setting))
    });
    stage.sidecar.wait_for_log(&["the quota is shared through its store"]);
    assert!(is_up(&stage));
    stage
}

pub fn is_up(stage: &Stage) -> bool {
    metric(&stage.sidecar, "qfpay_sidecar_quota_store_up{store=\"redis\"}").unwrap() == 1.0
}

pub fn decided(stage: &Stage, source: &str, outcome: &str) -> usize {
    let labels = format!("app=\"shop\",source=\"{source}\",outcome=\"{outcome}\"");
    metric(&stage.sidecar, &format!("qfpay_sidecar_quota_decisions_total{{{labels}}}")).unwrap_or(0.0)
        as usize
}

#[test]
fn three_sidecars_together_keep_the_quota() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stages = [(); 3].map(|()| sharing(&redis, &[]));
    let begin = Instant::now();
    let bursts: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> =
            stages.iter().map(|stage| scope.spawn(|| burst(&stage.sidecar, PAYMENT, 4, 20))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let passed = bursts.iter().map(|burst| burst.passed).sum();
    assert_kept(passed, BURST, PERIOD, begin.elapsed());
    let sent: usize = stages.iter().map(|stage| stage.upstream.requests().len()).sum();
    let counted: usize = stages.iter().map(|stage| decided(stage, "store", "passed")).sum();
    assert_eq!((sent, counted), (passed, passed));
}

#[test]
fn the_app_code_is_what_counts_and_reads_have_their_share_here_too() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    // The same merchant under another name.
    let first = sharing(&redis, &["quota.per_second=0", "quota.per_minute=40"]);
    let second = sharing(
        &redis,
        &[
            "quota.per_second=0",
            "quota.per_minute=40",
            "default_app=till",
            &format!("apps.till.app_code={APP_CODE}"),
            "apps.till.client_key_file={folder}/key",
            "apps.shop.app_code=ANOTHER",
        ],
    );
    let queries = burst(&first.sidecar, QUERY, 2, 12);
    assert_kept(queries.passed, 14, Duration::from_nanos(4_285_714_286), queries.took);
    let refused = call(&second.sidecar, QUERY);
    refused.assert_failure(429, "quota_exceeded");
    assert!(refused.text().contains("app till"), "{}", refused.text());
    let begin = Instant::now();
    let paid = (0..20).take_while(|_| call(&second.sidecar, PAYMENT).status == 200).count();
    assert_kept(paid, 20 - queries.passed, Duration::from_secs(3), begin.elapsed() + queries.took);
    // Nothing stays for ever.
    let key = format!("qfpay-sidecar:quota:v2:{APP_CODE}");
    assert!(redis.ask(&format!("EXISTS {key}")).starts_with(":1"));
    let left: i64 = redis.ask(&format!("PTTL {key}")).trim().trim_start_matches(':').parse().unwrap();
    assert!((1..=200_000).contains(&left), "{left}");
}

#[test]
fn a_call_waits_for_a_token_of_the_shared_bucket() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    // Two at once, then one every half second.
    let settings = ["quota.per_second=4", "quota.per_minute=0", "quota.max_wait_ms=20000"];
    let stages = [(); 2].map(|()| sharing(&redis, &settings));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let callers: Vec<_> =
            stages.iter().map(|stage| scope.spawn(|| burst(&stage.sidecar, PAYMENT, 2, 1).passed)).collect();
        assert_eq!(callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>(), 4);
    });
    assert!(begin.elapsed() >= Duration::from_millis(990), "{:?}", begin.elapsed());
}

#[test]
fn a_pause_is_shared_and_so_is_its_end() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stages = [(); 2].map(|()| sharing(&redis, &["quota.pause_ms=300", "quota.pause_max_ms=60000"]));
    let [first, second] = &stages;
    let field = |name: &str| {
        let answer = redis.ask(&format!("HGET qfpay-sidecar:quota:v2:{APP_CODE} {name}"));
        answer.lines().nth(1).map(str::to_owned)
    };
    let too_many = |headers: &str| Reply::of("429 Too Many Requests", headers, "{}");
    first.upstream.script([too_many("Retry-After: 1\r\n")]);
    assert_eq!(call(&first.sidecar, PAYMENT).status, 429);
    eventually("the pause in Redis", || field("money_strikes").as_deref() == Some("1"));
    // On a slow machine the second may have passed already.
    let refused = call(&second.sidecar, PAYMENT);
    assert!(refused.status == 200 || assert_refused(&refused, "quota_paused") == 1);
    eventually("an answer that ends it", || call(&second.sidecar, PAYMENT).status == 200);
    eventually("no pause in Redis", || field("money_strikes").as_deref() == Some("0"));

    // Each further one is longer, whoever meets it.
    second.upstream.script([too_many("")]);
    assert_eq!(call(&second.sidecar, PAYMENT).status, 429);
    eventually("a first one", || field("money_strikes").as_deref() == Some("1"));
    first.upstream.script([too_many("")]);
    eventually("a second one", || {
        let sent = first.upstream.requests().len();
        call(&first.sidecar, PAYMENT);
        first.upstream.requests().len() > sent
    });
    eventually("two in a row", || field("money_strikes").as_deref() == Some("2"));
    let micros = |name: &str| field(name).unwrap().parse::<u64>().unwrap();
    assert_eq!(micros("money_until") - micros("money_began"), 600_000);
}

#[test]
fn a_429_to_a_query_makes_the_payments_of_all_sidecars_wait_for_one() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stages = [(); 2].map(|()| sharing(&redis, &["quota.pause_ms=5000"]));
    let [first, second] = &stages;
    let field = |name: &str| {
        let answer = redis.ask(&format!("HGET qfpay-sidecar:quota:v2:{APP_CODE} {name}"));
        answer.lines().nth(1).map_or(0, |line| line.parse::<u64>().unwrap())
    };
    first.upstream.script([Reply::of("429 Too Many Requests", "Retry-After: 60\r\n", "{}")]);
    assert_eq!(call(&first.sidecar, QUERY).status, 429);
    eventually("the caution in Redis", || field("cautious") > 0);
    assert!(assert_refused(&call(&second.sidecar, QUERY), "quota_paused") > 30);
    let gate = Gate::default();
    second.upstream.script([success_behind(&gate)]);
    std::thread::scope(|scope| {
        let ahead = scope.spawn(|| call(&second.sidecar, PAYMENT).status);
        second.upstream.wait_for_requests(1);
        let refused = call(&first.sidecar, PAYMENT);
        assert!((1..=5).contains(&assert_refused(&refused, "quota_paused")));
        assert!(refused.text().contains("one payment has gone ahead"), "{}", refused.text());
        gate.open();
        assert_eq!(ahead.join().unwrap(), 200);
    });
    eventually("its end in Redis", || field("cautious") == 0 && field("calm") > 0);
    assert_eq!(call(&first.sidecar, PAYMENT).status, 200);
    assert_eq!(decided(first, "store", "paused"), 1);

    // A further one does not bring it back.
    redis.ask(&format!("HSET qfpay-sidecar:quota:v2:{APP_CODE} until 0"));
    second.upstream.script([Reply::of("429 Too Many Requests", "", "{}")]);
    let strikes = field("strikes");
    assert_eq!(call(&second.sidecar, QUERY).status, 429);
    eventually("that it is told", || field("strikes") > strikes || field("until") > 0);
    assert_eq!(field("cautious"), 0);
    assert_eq!([call(&first.sidecar, PAYMENT).status, call(&second.sidecar, PAYMENT).status], [200, 200]);
}

#[test]
fn a_script_and_a_count_that_redis_forgot_are_made_anew() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stage = sharing(&redis, &[]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    redis.ask("SCRIPT FLUSH");
    redis.ask("FLUSHALL");
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    assert_eq!((decided(&stage, "store", "passed"), is_up(&stage)), (2, true));
}

#[test]
fn a_clock_that_was_set_back_costs_a_burst_and_no_more() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stage = sharing(&redis, &["quota.max_wait_ms=20000"]);
    let key = format!("qfpay-sidecar:quota:v2:{APP_CODE}");
    // As if counted by a clock that was centuries ahead.
    let moments = ["all", "lesser", "began", "money_began", "cautious", "ahead", "calm"];
    let moments = moments.map(|name| format!("{name} 9000000000000000")).join(" ");
    redis.ask(&format!("HSET {key} {moments} strikes 1 money_strikes 1"));
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    assert_eq!(decided(&stage, "store", "waited"), 1);
}
