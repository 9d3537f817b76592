//! Calls by the dozen, and what became of them.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Answer, Gate, Launch, Reply, SOON, Sidecar, Stage};

pub const PAYMENT: &str = "/trade/v1/payment";
pub const QUERY: &str = "/trade/v1/query";

/// The code and key of a second app.
pub const OTHER_CODE: &str = "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B";
pub const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210";

/// A stage with a quota: these settings win over those of [`Stage`], which has none.
pub fn stage(settings: &[&str]) -> Stage {
    Stage::new(settings)
}

/// The settings of a quota of so many calls a minute, `minute / 2` of them at once; nobody waits.
pub fn per_minute(minute: u32) -> [String; 2] {
    [format!("quota.per_minute={minute}"), "quota.max_wait_ms=0".to_owned()]
}

pub fn with<'a>(base: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

/// Adds an app named `other` to a start.
pub fn with_other_app(launch: Launch) -> Launch {
    launch
        .file("other", OTHER_KEY, 0o400)
        .secret(OTHER_KEY)
        .set(&format!("apps.other.app_code={OTHER_CODE}"))
        .set("apps.other.client_key_file={folder}/other")
}

/// A success that waits for the gate.
pub fn success_behind(gate: &Gate) -> Reply {
    let body = r#"{"respcd": "0000"}"#;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    Reply::raw("").then_wait(gate).then_bytes(answer)
}

/// One call of the app `shop`, on a connection of its own.
pub fn call(sidecar: &Sidecar, path: &str) -> Answer {
    call_with(sidecar, path, "")
}

/// The same with a further header line.
pub fn call_with(sidecar: &Sidecar, path: &str, header: &str) -> Answer {
    sidecar.raw(request(path, header))
}

pub fn request(path: &str, header: &str) -> String {
    let body = "out_trade_no=Q-1";
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// How many of so many calls were answered by QFPay; every other one is checked to be a refusal for its quota.
pub struct Burst {
    pub passed: usize,
    pub refused: Vec<Answer>,
    /// From before the first call until after the last.
    pub took: Duration,
}

/// Calls from several threads at once, each on one connection.
pub fn burst(sidecar: &Sidecar, path: &str, threads: usize, each: usize) -> Burst {
    let begin = Instant::now();
    let answers: Vec<Answer> = thread::scope(|scope| {
        let caller = || {
            let mut connection = sidecar.connect();
            let call = |_| {
                connection.write(request(path, ""));
                connection.read()
            };
            (0..each).map(call).collect::<Vec<_>>()
        };
        let callers: Vec<_> = (0..threads).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let took = begin.elapsed();
    let (passed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    for answer in &refused {
        assert_refused(answer, "quota_exceeded");
    }
    Burst { passed: passed.len(), refused, took }
}

/// A refusal: its shape, and when to come again.
#[track_caller]
pub fn assert_refused(answer: &Answer, code: &str) -> u64 {
    answer.assert_failure(429, code);
    let json = answer.json();
    assert_eq!(json["respcd"], "9429");
    assert_eq!(json["error"]["delivery"], "not_sent");
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
    assert!(json["respmsg"].as_str().unwrap().contains("app shop"), "{json}");
    let seconds = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    seconds
}

/// Asserts what a token bucket lets through: the burst, and what came back meanwhile.
#[track_caller]
pub fn assert_kept(passed: usize, burst: usize, period: Duration, took: Duration) {
    let most = burst + (took.as_nanos() / period.as_nanos()) as usize;
    assert!(
        (burst..=most).contains(&passed),
        "{passed} calls passed in {took:?}, {burst} to {most} are right"
    );
}

/// The value of a metric; nothing while it was not counted.
pub fn metric(sidecar: &Sidecar, line: &str) -> Option<f64> {
    let metrics = sidecar.admin("/metrics");
    let mut lines = metrics.text().lines();
    lines.find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
}

/// Waits until something holds.
#[track_caller]
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
