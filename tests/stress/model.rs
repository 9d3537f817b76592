//! The proxy beside a model of it: whatever a caller may send, what arrives at QFPay verifies and is what was meant;
//! and what must be refused is refused, with nothing sent.
//!
//! Everything is real but QFPay: the binary, its sockets, its configuration. The model is the rule, written once more
//! ([`case::Case::expected`]) and in another language (`model/oracle.py`, which reads the raw bytes that arrived).
//! PROPTEST_CASES and PROPTEST_RNG_SEED change how many requests are made, and which.

mod case;
mod oracle;
mod refused;
mod spelling;
mod upstream;
mod wire;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::support::{Answer, Connection, Launch, Sidecar};
use case::{APPS, Case, cases};
use oracle::Oracle;
use upstream::Upstream;
use wire::Wire;

/// How many requests must be taken, and how many refused, unless PROPTEST_CASES says otherwise.
const CASES: u32 = 2000;

/// What the tests need to be otherwise than it is by default.
const SETTINGS: &str = r#"
listen.api = "127.0.0.1:0"
listen.admin = "127.0.0.1:0"
listen.allowed_hosts = ["127.0.0.1", "localhost:80", "[::1]"]
log.level = "error"
quota.per_second = 0
quota.per_minute = 0
routes.allow = ["/tool/v1/", "/trade/v1/", "/download/v1/"]
"#;

/// A sidecar with QFPay's stand-in behind it and a caller in front of it.
struct Stage {
    upstream: Upstream,
    sidecar: Sidecar,
    /// The caller keeps its connection, as long as the sidecar does.
    connection: Option<Connection>,
}

impl Stage {
    fn new() -> Self {
        let upstream = Upstream::start();
        let mut config = format!("default_app = {:?}\n{SETTINGS}", APPS[0].name);
        config += &format!("upstream.base_url = \"http://{}\"\n", upstream.address);
        for app in &APPS {
            config += &format!(
                "[apps.{0}]\napp_code = \"{1}\"\nclient_key_file = \"{{folder}}/{0}.key\"\nmchid = \"{2}\"\n\
                 sign_type = \"{3}\"\n",
                app.name, app.app_code, app.mchid, app.sign_type
            );
        }
        let launch = APPS.iter().fold(Launch::new(&config), |launch, app| {
            launch.file(&format!("{}.key", app.name), app.client_key, 0o600).secret(app.client_key)
        });
        Self { upstream, sidecar: launch.start(), connection: None }
    }

    fn call(&mut self, wire: &Wire) -> Answer {
        let bytes = wire.bytes();
        let mut kept = self.connection.take();
        let answer = kept.as_mut().and_then(|connection| {
            connection.write(&bytes);
            connection.try_read()
        });
        // A connection that ended meanwhile gave no answer, and took nothing on.
        let (connection, answer) = match (kept, answer) {
            (Some(connection), Some(answer)) => (connection, answer),
            _ => {
                let mut connection = self.sidecar.connect();
                connection.write(&bytes);
                let answer = connection.read();
                (connection, answer)
            }
        };
        let closes = answer.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        self.connection = (!closes).then_some(connection);
        self.sidecar.seen(answer)
    }
}

/// Runs a property; the seed is the same each time, so that a failure can be had again, and is printed with it.
fn run<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) -> u32 {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if let RngSeed::Random = config.rng_seed {
        config.rng_seed = RngSeed::Fixed(20_251_117);
    }
    let (cases, seed) = (config.cases, config.rng_seed);
    if let Err(error) = TestRunner::new(config).run(&strategy, property) {
        panic!("with {seed:?} (set PROPTEST_RNG_SEED for another): {error}");
    }
    cases
}

#[test]
fn what_arrives_verifies_and_is_what_the_caller_meant() {
    let keys = APPS.iter().map(|app| (app.app_code.to_owned(), app.client_key.to_owned()));
    let Some(oracle) = Oracle::start(keys.collect::<BTreeMap<_, _>>()) else { return };
    let (stage, oracle) = (RefCell::new(Stage::new()), RefCell::new(oracle));
    let cases = run(cases(), |case| {
        let mut stage = stage.borrow_mut();
        let answer = stage.call(&Wire::of(&case));
        prop_assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        prop_assert_eq!(answer.text(), "{\"respcd\": \"0000\"}");
        let arrived = stage.upstream.arrived();
        prop_assert_eq!(arrived.len(), 1, "requests at the upstream");
        is_meant(&case, &oracle.borrow_mut().judge(&arrived[0]))
    });
    eprintln!("{cases} requests were taken as they were meant");
}

/// What arrived, beside what must.
fn is_meant(case: &Case, seen: &oracle::Verdict) -> Result<(), TestCaseError> {
    let (app, expected) = (&APPS[case.app], case.expected());
    prop_assert_eq!(&seen.wrong, &Vec::<String>::new());
    prop_assert_eq!(
        (&*seen.method, &*seen.path, &*seen.place),
        (case.endpoint.0, case.endpoint.1, case.expected_place())
    );
    prop_assert_eq!((&*seen.app_code, &*seen.sign_type), (app.app_code, app.sign_type));
    prop_assert_eq!(&*seen.user_agent, wire::USER_AGENT);
    prop_assert_eq!(&seen.pairs, &expected);
    Ok(())
}

#[test]
fn what_must_be_refused_is_refused_and_nothing_is_sent() {
    let stage = RefCell::new(Stage::new());
    let seen = RefCell::new(BTreeMap::new());
    let cases = run(refused::faulty(), |(fault, _, wire)| {
        let mut stage = stage.borrow_mut();
        *seen.borrow_mut().entry(fault.name).or_insert(0_u32) += 1;
        let answer = stage.call(&wire);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        prop_assert_eq!(answer.status, fault.status, "{}", body);
        prop_assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
        prop_assert_eq!(&answer.json()["respcd"], &format!("9{}", fault.status));
        prop_assert_eq!(stage.upstream.arrived().len(), 0, "requests at the upstream");
        Ok(())
    });
    eprintln!("{cases} requests were refused: {:?}", seen.borrow());
}
