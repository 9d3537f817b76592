//! What rights cost beside a call: the decision itself, with 1,000 apps and 1,000 callers, by the processor's time of a whole
//! call on a kept connection.

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use qfpay_sidecar::access::{Access, Asked, Caller, Endpoints, Mode, Purpose, Rights, Settings};
use qfpay_sidecar::credentials::{App, AppCode, ClientKey, HexCase, LocalKey, SignType};
use qfpay_sidecar::endpoint;
use qfpay_sidecar::sign::Sent;

use crate::peers;
use crate::support::{Sidecar, Stage};

const MANY: usize = 1_000;

/// What the decision may be of a call. Unoptimised, the hash of a token costs far more beside the rest than it does in fact.
const SHARE: f64 = if cfg!(debug_assertions) { 0.15 } else { 0.02 };

fn secret(kind: &str, number: usize) -> LocalKey {
    let text = format!("{kind}-of-caller-{number:04}-32-letters-or-more");
    LocalKey::new(text.into_bytes().into(), "a test".to_owned()).unwrap()
}

fn apps() -> Vec<Arc<App>> {
    let app = |number: usize| {
        Arc::new(App {
            name: format!("app-{number:04}"),
            app_code: AppCode::new(&format!("{number:032}")).unwrap(),
            client_key: ClientKey::new(format!("{number:032}").into_bytes().into(), false).unwrap(),
            key_source: "a test".to_owned(),
            mchid: None,
            sign_type: SignType::Md5,
            hex_case: HexCase::Upper,
        })
    };
    (0..MANY).map(app).collect()
}

/// Each caller with an app, a merchant, paths and a ceiling of its own.
fn access(apps: &[Arc<App>], proof: &str) -> Access {
    let callers = apps.iter().enumerate().map(|(number, app)| {
        Arc::new(Caller {
            name: format!("caller-{number:04}"),
            user: (proof == "user").then_some(50_000 + number as u32),
            token: (proof == "token").then(|| secret("token", number)),
            local_key: (proof == "key").then(|| secret("key", number)),
            rights: Rights {
                apps: vec![app.clone()],
                mchids: vec![format!("M{number:04}")],
                endpoints: Endpoints::new(vec!["/trade/v1/query".into(), "/trade/v1/payment".into()])
                    .unwrap(),
                max_amount: [("HKD".to_owned(), 500_000)].into(),
            },
        })
    });
    Access::new(Settings { mode: Mode::Enforce }, callers.collect())
}

/// Nanoseconds of one decision: who calls, and whether it may. The best of several rounds: the machine has other work too.
fn decision(access: &Access, app: &App, proof: &str) -> f64 {
    let mut sent = Sent::default();
    for (name, value) in [
        ("goods_name", "tea & bun"),
        ("mchid", "M0777"),
        ("out_trade_no", "A-2026-000123"),
        ("pay_type", "800201"),
        ("txamt", "1200"),
        ("txcurrcd", "HKD"),
        ("txdtm", "2026-01-31 12:00:00"),
        ("udid", "till-7"),
    ] {
        sent.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    if proof == "key" {
        // Nobody's, so that every key is tried.
        sent.push(b"sign", b"00000000000000000000000000000000").unwrap();
    }
    let token = b"Bearer token-of-caller-0777-32-letters-or-more";
    let endpoint = endpoint::find("/trade/v1/payment").unwrap();
    let rounds = if proof == "key" { 5 } else { 200 };
    let round = || {
        let begun = Instant::now();
        for _ in 0..rounds {
            let authorization = (proof == "token").then_some(&token[..]);
            let presented = access.presented(authorization, Some(50_777)).unwrap();
            let caller = access.proved(presented, &sent.params, &sent.own, Purpose::Call);
            if let Ok(caller) = black_box(caller) {
                let asked = Asked { app, endpoint, path: "/trade/v1/payment", params: &sent.params };
                black_box(caller.may(&asked)).unwrap();
            }
        }
        begun.elapsed().as_nanos() as f64 / f64::from(rounds)
    };
    (0..20).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds of processor time of one call, in a sidecar of its own.
fn call() -> f64 {
    const CALLS: u32 = 2_000;
    let upstream = peers::upstream();
    let sidecar = Sidecar::start(&Stage::config(&format!("http://{upstream}")).replace("trace", "info"));
    let mut caller = peers::Caller::connect(&sidecar.api);
    (0..500).for_each(|_| caller.pay());
    let spent = || -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap();
        let ran = |path: std::path::PathBuf| fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let nanoseconds = tasks
            .map(|task| ran(task.unwrap().path()))
            .map(|text| text.split(' ').next().and_then(|first| first.parse::<f64>().ok()).unwrap_or(0.0));
        nanoseconds.sum()
    };
    let before = spent();
    (0..CALLS).for_each(|_| caller.pay());
    (spent() - before) / f64::from(CALLS)
}

#[test]
fn rights_are_a_small_part_of_a_call() {
    let apps = apps();
    let call = call();
    println!("a call: {:.1} us of processor time", call / 1e3);
    for proof in ["token", "user", "key"] {
        let decision = decision(&access(&apps, proof), &apps[777], proof);
        let share = decision / call;
        println!("known by {proof}: {:.2} us, {:.2} % of a call", decision / 1e3, share * 100.0);
        assert!(proof == "key" || share < SHARE, "{proof}: {share}");
    }
}
