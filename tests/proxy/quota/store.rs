//! Redis goes away in every way that it can: the sidecar goes on with its share, says so, and finds it again.

use std::time::{Duration, Instant};

use super::redis::{BURST, PERIOD, decided, is_up, sharing};
use super::stage::*;
use crate::support::RedisServer;
use crate::support::{Answer, Reply, SOON, Stage, nobody_listens};

const WORD: &str = "hunter2-correct-horse";

fn count(stage: &Stage, words: &str) -> usize {
    stage.sidecar.log().matches(words).count()
}

const AWAY: &str = "the quota's store is away";
const SHARED: &str = "the quota is shared through its store";

#[test]
fn killed_and_restarted_it_never_lets_more_through() {
    let Some(mut redis) = RedisServer::start(&[]) else { return };
    let stages = [(); 3].map(|()| sharing(&redis, &["quota.local_percent=33"]));
    let begin = Instant::now();
    let burst_of = |stage: &Stage| burst(&stage.sidecar, PAYMENT, 4, 15).passed;
    let before: usize = stages.iter().map(burst_of).sum();
    redis.kill();
    for stage in &stages {
        eventually("that it is noticed", || !is_up(stage));
    }
    let meanwhile: usize = stages.iter().map(burst_of).sum();
    // It begins anew, and remembers nothing.
    redis.run();
    for stage in &stages {
        eventually("that it is back", || is_up(stage));
    }
    let after: usize = stages.iter().map(burst_of).sum();
    assert_kept(before + meanwhile + after, BURST, PERIOD, begin.elapsed());
    for stage in &stages {
        assert_eq!((count(stage, AWAY), count(stage, SHARED)), (1, 2), "one line for each change");
        assert!(decided(stage, "fallback", "exceeded") > 0 && decided(stage, "store", "exceeded") > 0);
    }
}

#[test]
fn a_share_of_the_quota_applies_meanwhile() {
    let Some(mut redis) = RedisServer::start(&[]) else { return };
    // One every second; a quarter of it is one every four seconds, which a call may wait for.
    let settings =
        ["quota.per_second=0", "quota.per_minute=2", "quota.max_wait_ms=0", "quota.local_percent=50"];
    let stage = sharing(&redis, &settings);
    redis.kill();
    eventually("that it is noticed", || !is_up(&stage));
    // The share begins used up: half of one a minute.
    let seconds = assert_refused(&call(&stage.sidecar, PAYMENT), "quota_exceeded");
    assert!((60..=121).contains(&seconds), "{seconds}");
    assert_eq!(decided(&stage, "fallback", "exceeded"), 1);
    stage.sidecar.wait_for_log(&[AWAY, "reason", "quota.local_percent"]);
}

#[test]
fn one_that_hangs_delays_one_call_and_no_other() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    // The share is as large as the whole here, so that payments pass after a while.
    let settings = ["quota.store_timeout_ms=400", "quota.local_percent=100", "quota.max_wait_ms=10000"];
    let stage = sharing(&redis, &settings);
    redis.signal("STOP");
    let begin = Instant::now();
    let statuses: Vec<u16> = (0..10).map(|_| call(&stage.sidecar, PAYMENT).status).collect();
    let took = begin.elapsed();
    redis.signal("CONT");
    assert_eq!(statuses, [200; 10]);
    // One timeout, then ten tokens one by one; ten timeouts would be four seconds more.
    assert!(took < Duration::from_millis(400) + PERIOD * 10 + Duration::from_secs(3), "{took:?}");
    assert!(took >= PERIOD * 9, "{took:?}");
    eventually("that it is back", || is_up(&stage));
    stage.sidecar.wait_for_log(&[AWAY, "no answer within 400 ms"]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
}

#[test]
fn one_that_hangs_while_nobody_calls_delays_none() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stage = sharing(&redis, &["quota.store_timeout_ms=500"]);
    redis.signal("STOP");
    eventually("that it is noticed", || !is_up(&stage));
    redis.signal("CONT");
    eventually("that it is back", || is_up(&stage));
    assert_eq!(stage.upstream.requests().len(), 0);
}

#[test]
fn a_replica_that_cannot_write_is_away_until_it_can() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let stage = sharing(&redis, &["quota.local_percent=100", "quota.max_wait_ms=10000"]);
    redis.ask("REPLICAOF 127.0.0.1 1");
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 200);
    assert!(!is_up(&stage));
    stage.sidecar.wait_for_log(&[AWAY, "it answered READONLY"]);
    redis.ask("REPLICAOF NO ONE");
    eventually("that it can write", || is_up(&stage));
}

#[test]
fn a_password_is_asked_for_and_never_shown() {
    let Some(redis) = RedisServer::start(&["--requirepass", WORD]) else { return };
    let start = |word: &str| {
        Stage::launch(|launch| {
            let launch = launch.file("word", format!("{word}\n"), 0o400).secret(word);
            let launch =
                launch.set("quota.store_password_file={folder}/word").set("quota.store_timeout_ms=5000");
            launch.set(&redis.setting()).set("quota.per_minute=40").set("quota.max_wait_ms=0")
        })
    };
    let right = start(WORD);
    right.sidecar.wait_for_log(&[SHARED]);
    assert_eq!((call(&right.sidecar, PAYMENT).status, is_up(&right)), (200, true));

    // A wrong one, or none, is a Redis that is away: payments go on.
    let wrong = start("wrong-battery-staple");
    wrong.sidecar.wait_for_log(&[AWAY, "authentication failed"]);
    let none = Stage::new(&[&redis.setting(), "quota.per_minute=40", "quota.store_timeout_ms=5000"]);
    none.sidecar.wait_for_log(&[AWAY, "NOAUTH"]);
    for stage in [&wrong, &none] {
        assert_eq!((call(&stage.sidecar, PAYMENT).status, is_up(stage)), (200, false));
        assert_eq!(decided(stage, "fallback", "passed"), 1);
        assert_eq!(count(stage, AWAY), 1);
    }
}

#[test]
fn a_user_may_be_confined_to_what_the_quota_needs() {
    let address = nobody_listens();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let Some(redis) = RedisServer::start(&["--port", &port, "--bind", &ip]) else { return };
    // As docs/quota.md says.
    let commands = "+ping +select +evalsha +script|load +time +hmget +hset +pexpire";
    let made =
        redis.ask(&format!("ACL SETUSER sidecar on >{WORD} resetkeys ~qfpay-sidecar:quota:* {commands}"));
    assert_eq!(made, "+OK\r\n");
    let start = || {
        let store = format!("quota.store=redis://sidecar@{address}/0");
        Stage::launch(|launch| {
            let launch =
                launch.file("word", WORD, 0o400).secret(WORD).set(&store).set("quota.per_minute=400");
            launch
                .set("quota.store_password_file={folder}/word")
                .set("quota.store_timeout_ms=5000")
                .set("quota.pause_ms=50")
        })
    };
    let stage = start();
    stage.upstream.script([Reply::of("429 Too Many Requests", "", "{}")]);
    assert_eq!(call(&stage.sidecar, PAYMENT).status, 429);
    eventually("the end of the pause", || call(&stage.sidecar, PAYMENT).status == 200);
    stage.sidecar.wait_for_log(&[SHARED]);
    assert_eq!((count(&stage, AWAY), count(&stage, SHARED), is_up(&stage)), (0, 1, true));
    assert!(!stage.sidecar.log().contains("sidecar@"), "the user is nobody's business");

    // One that may not do all of it is away, in one line, not now and then.
    redis.ask("ACL SETUSER sidecar -ping");
    let stage = start();
    stage.sidecar.wait_for_log(&[AWAY, "NOPERM"]);
    assert_eq!((call(&stage.sidecar, PAYMENT).status, count(&stage, SHARED)), (200, 0));
}

#[test]
fn a_start_does_not_wait_for_one_that_is_away() {
    let Some(mut redis) = RedisServer::stopped(&[]) else { return };
    let settings = [&redis.setting(), "quota.per_minute=40", "quota.local_percent=50", "quota.max_wait_ms=0"];
    let stage = Stage::new(&settings);
    // Half of 20 at once.
    let burst = burst(&stage.sidecar, PAYMENT, 2, 10);
    assert_kept(burst.passed, 10, Duration::from_secs(6), burst.took);
    assert!(!is_up(&stage));
    redis.run();
    eventually("that it is found", || is_up(&stage));
    // What went meanwhile was charged: ten of twenty.
    let begin = Instant::now();
    let rest = (0..20).take_while(|_| call(&stage.sidecar, PAYMENT).status == 200).count();
    assert_kept(rest, 20 - burst.passed, Duration::from_secs(3), begin.elapsed() + burst.took + SOON);
    assert!(rest < 20, "the bucket in Redis was full");
}

#[test]
fn a_port_without_a_redis_is_told() {
    let answers: [(&str, &str); 2] = [("redis://127.0.0.1:1", "refused"), ("redis://redis.invalid:6379", "")];
    for (store, words) in answers {
        let setting = format!("quota.store={store}");
        let stage = Stage::new(&[&setting, "quota.per_minute=400", "quota.store_timeout_ms=1000"]);
        let line = stage.sidecar.wait_for_log(&[AWAY]);
        assert!(line.contains(words) && line.contains(&format!("store=\"{store}")), "{line}");
        let answer: Answer = call(&stage.sidecar, PAYMENT);
        assert_eq!(answer.status, 200);
    }
}

#[test]
fn what_answers_but_is_no_redis_is_away() {
    // An HTTP server on the port that was meant for Redis.
    let http = crate::support::FakeUpstream::start();
    let setting = format!("quota.store=redis://{}", http.address);
    let stage = Stage::new(&[&setting, "quota.per_minute=400", "quota.store_timeout_ms=300"]);
    stage.sidecar.wait_for_log(&[AWAY]);
    assert_eq!((call(&stage.sidecar, PAYMENT).status, is_up(&stage)), (200, false));
}
