//! 50 rotations of a key, and 200 merchants that come and go, under 10,000 calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{key, signed_by};
use crate::support::{Answer, Connection, Launch, Reply, Stage};

const ROTATIONS: usize = 50;
/// Merchants that come with each rotation, and go with the next but one.
const AT_ONCE: usize = 4;
const CALLERS: usize = 12;
const CALLS: usize = 10_000;

/// What is known of the configuration in force.
#[derive(Default)]
struct InForce {
    /// The number of the shop's key that was put in force last, and of the one that may be by now.
    surely: AtomicUsize,
    perhaps: AtomicUsize,
    /// The merchants that are there for sure.
    merchants: Mutex<Vec<usize>>,
    over: AtomicBool,
}

/// A call, and what its caller knows of it.
struct Called {
    /// Nothing is the shop itself.
    merchant: Option<usize>,
    /// The numbers of the keys that may have signed it, for the shop.
    keys: std::ops::RangeInclusive<usize>,
    answer: Answer,
    /// Whether its merchant was still there when it was answered.
    was_there: bool,
}

fn call(connection: &mut Option<Connection>, api: &str, number: &str, app_code: &str) -> Answer {
    let body = format!("txamt=100&out_trade_no={number}");
    let mut open = connection.take().unwrap_or_else(|| Connection::open(api));
    open.write(format!(
        "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nX-QF-APPCODE: {app_code}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = open.read();
    if answer.header("Connection") != Some("close") {
        *connection = Some(open);
    }
    answer
}

fn keep_calling(caller: usize, api: &str, in_force: &InForce) -> HashMap<String, Called> {
    let mut calls = HashMap::new();
    let mut kept = None;
    while !in_force.over.load(Ordering::SeqCst) {
        let number = format!("N{caller}-{}", calls.len());
        let merchant = {
            let merchants = in_force.merchants.lock().unwrap();
            let chosen = calls.len() % (merchants.len() + 1);
            merchants.get(chosen).copied()
        };
        let from = in_force.surely.load(Ordering::SeqCst);
        let app_code = merchant.map_or_else(|| "SHOP".to_owned(), |merchant| format!("M{merchant}"));
        // Every third caller opens a connection for each call.
        if caller.is_multiple_of(3) {
            kept = None;
        }
        let answer = call(&mut kept, api, &number, &app_code);
        let to = in_force.perhaps.load(Ordering::SeqCst);
        let was_there =
            merchant.is_none_or(|merchant| in_force.merchants.lock().unwrap().contains(&merchant));
        calls.insert(number, Called { merchant, keys: from..=to, answer, was_there });
        thread::sleep(Duration::from_millis(25));
    }
    calls
}

#[test]
fn no_call_fails_and_none_is_signed_with_a_wrong_key() {
    let upstream = crate::support::FakeUpstream::start();
    upstream.always(Reply::ok(r#"{"respcd": "0000"}"#).after(Duration::from_millis(3)));
    let config = Stage::config(&format!("http://{}", upstream.address))
        .replace("log.level = \"trace\"", "log.level = \"warn\"")
        .replace(crate::support::APP_CODE, "SHOP");
    let launch = Launch::new(&format!("include = [\"apps.d/*.toml\"]\n{config}"));
    let launch = launch.file("key", key(0), 0o600).file("apps.d/readme.txt", "", 0o600);
    let sidecar = launch.secret(&key(0)).secret(&key(ROTATIONS)).secret(&key(1001)).start();

    let in_force = Arc::new(InForce::default());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (api, in_force) = (sidecar.api.clone(), in_force.clone());
            thread::spawn(move || keep_calling(caller, &api, &in_force))
        })
        .collect();
    let folder = sidecar.folder.path().to_owned();
    for rotation in 1..=ROTATIONS {
        // Calls for those that go are refused from some moment on.
        let (go, come) = ((rotation - 1) * AT_ONCE, rotation * AT_ONCE);
        in_force.merchants.lock().unwrap().retain(|merchant| *merchant >= go + AT_ONCE);
        for gone in go..go + AT_ONCE {
            let _ = std::fs::remove_file(folder.join(format!("apps.d/m{gone}.toml")));
        }
        for new in come..come + AT_ONCE {
            sidecar.write(&format!("keys/m{new}"), &key(1000 + new));
            let merchant = format!(
                "[apps.m{new}]\napp_code = \"M{new}\"\nclient_key_file = \"{}/keys/m{new}\"\n",
                folder.display()
            );
            sidecar.write(&format!("apps.d/m{new}.toml"), &merchant);
        }
        in_force.perhaps.store(rotation, Ordering::SeqCst);
        sidecar.write("key", &key(rotation));
        let answer = sidecar.reload();
        assert_eq!(answer.status, 200, "{}", answer.text());
        in_force.surely.store(rotation, Ordering::SeqCst);
        in_force.merchants.lock().unwrap().extend(come..come + AT_ONCE);
    }
    while upstream.requests().len() < CALLS {
        thread::sleep(Duration::from_millis(50));
    }
    in_force.over.store(true, Ordering::SeqCst);
    let calls: HashMap<_, _> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();

    let requests = upstream.requests();
    let mut asked = Vec::new();
    for request in &requests {
        let called = &calls[&request.param("out_trade_no").unwrap()];
        let (app_code, keys) = match called.merchant {
            None => ("SHOP".to_owned(), called.keys.clone().map(key).collect()),
            Some(merchant) => (format!("M{merchant}"), vec![key(1000 + merchant)]),
        };
        assert_eq!(request.header("X-QF-APPCODE"), Some(&*app_code));
        asked.push((request, keys));
    }
    for (found, (request, keys)) in signed_by(&asked).iter().zip(&asked) {
        assert!(found.is_some(), "none of {} keys signed {}", keys.len(), request.raw.escape_ascii());
    }
    let arrived = requests.iter().filter_map(|request| request.param("out_trade_no"));
    let mut times: HashMap<String, usize> = HashMap::new();
    arrived.for_each(|number| *times.entry(number).or_default() += 1);
    let mut refused = 0;
    for (number, called) in &calls {
        let came = times.get(number).copied().unwrap_or(0);
        match called.answer.status {
            200 => assert_eq!(came, 1, "{number}"),
            // It named a merchant that had just been taken out.
            403 if !called.was_there => {
                called.answer.assert_failure(403, "app_unknown");
                assert_eq!((came, called.answer.header("X-Sidecar-Delivery")), (0, Some("not_sent")));
                refused += 1;
            }
            status => panic!("{number} was answered {status}: {}", called.answer.text()),
        }
    }
    println!(
        "{} calls, {refused} for merchants that were just taken out, {ROTATIONS} rotations",
        calls.len()
    );
    assert!(calls.len() >= CALLS && refused * 20 < calls.len());
}
