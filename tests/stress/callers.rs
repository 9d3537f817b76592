//! 30 merchants of one `app_code`, and 30 users who each may move the money of one: of 100,000 calls that name another's
//! merchant, app, endpoint or amount none crosses, and what is only reported is what is refused.
//!
//! Every call comes from a process of its user, over loopback TCP or a unix socket. What the upstream was sent is read by
//! Python's rules (`urllib`), and judged by the order's number, which says whose call it was.

mod hostile;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{fs, thread};

use crate::support::{APP_CODE, FakeUpstream, Launch, Recorded, Sidecar, Stage, md5_elsewhere};
use hostile::{Attack, Call};

const SHOPS: usize = 30;
const CALLS: usize = 100_000;
const AGENCY_CODE: &str = "00112233445566778899AABBCCDDEEFF";
const AGENCY_KEY: &str = "FFEEDDCCBBAA99887766554433221100";
const CEILING: u64 = 500_000;

fn user(shop: usize) -> u32 {
    52_001 + shop as u32
}

fn merchant(shop: usize) -> String {
    format!("M{:04}", shop + 1)
}

/// Only root can call as others; CI is root.
fn is_root() -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(root || std::env::var_os("CI").is_none(), "CI has to be root here");
    root
}

fn start(upstream: &FakeUpstream, mode: &str) -> Sidecar {
    let mut config = Stage::config(&format!("http://{}", upstream.address)).replace("\"trace\"", "\"error\"");
    config += &format!(
        "[access]\nmode = \"{mode}\"\n[apps.agency]\napp_code = \"{AGENCY_CODE}\"\nclient_key_file = \"{{folder}}/agency\"\n"
    );
    for shop in 0..SHOPS {
        config += &format!(
            "[callers.shop-{shop}]\nuser = \"{}\"\napps = [\"agency\"]\nmchids = [\"{}\"]\n\
             endpoints = [\"/trade/v1/payment\", \"/trade/v1/query\"]\nmax_amount = {{ HKD = {CEILING} }}\n",
            user(shop),
            merchant(shop)
        );
    }
    let launch = Launch::new(&config).file("agency", AGENCY_KEY, 0o600).secret(AGENCY_KEY);
    fs::set_permissions(launch.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let list = "listen.api=[\"127.0.0.1:0\", \"unix:{folder}/api.sock\"]";
    launch.set(list).set("listen.socket_mode=0666").start()
}

/// What one shop sends.
type Requests = Vec<Vec<u8>>;

/// Has each shop's process send its requests, a few shops at a time, and gives the statuses of their answers.
fn play(sidecar: &Sidecar, work: &HashMap<u32, Requests>) -> HashMap<u32, Vec<u16>> {
    let all: Vec<_> = work.iter().collect();
    let mut answers = HashMap::new();
    for some in all.chunks(6) {
        thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|(user, requests)| (**user, scope.spawn(|| send(sidecar, **user, requests))))
                .collect();
            answers.extend(running.into_iter().map(|(user, shop)| (user, shop.join().unwrap())));
        });
    }
    answers
}

fn send(sidecar: &Sidecar, user: u32, requests: &Requests) -> Vec<u16> {
    let script = format!("{}/tests/stress/callers/shop.py", env!("CARGO_MANIFEST_DIR"));
    let (host, port) = sidecar.api.split_once(':').unwrap();
    let socket = sidecar.folder.path().join("api.sock");
    let mut shop = Command::new("python3")
        .args([&script, &user.to_string(), host, port, socket.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = Vec::new();
    for request in requests {
        input.extend_from_slice(format!("{}\n", request.len()).as_bytes());
        input.extend_from_slice(request);
    }
    shop.stdin.take().unwrap().write_all(&input).unwrap();
    let mut output = String::new();
    shop.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(shop.wait().unwrap().success());
    let statuses: Vec<u16> = output.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(statuses.len(), requests.len(), "an answer to each call of {user}");
    statuses
}

/// The hostile calls of one shop against another.
fn calls(shop: usize, victim: usize, round: usize) -> Requests {
    let (own, other) = (merchant(shop), merchant(victim));
    let order = format!("s{shop}-{round}");
    let attack =
        Attack { own: &own, other: &other, foreign_app: APP_CODE, own_app: AGENCY_CODE, order: &order };
    hostile::calls(&attack).iter().map(Call::bytes).collect()
}

fn own_payment(shop: usize) -> Vec<u8> {
    let own = merchant(shop);
    let order = format!("s{shop}-own");
    Call::own(&Attack { own: &own, other: "", foreign_app: "", own_app: "", order: &order }).bytes()
}

/// Whether a name is this one where case, `_`, `-` and `.` mean nothing.
fn reads_as(name: &str, known: &str) -> bool {
    name.replace(['_', '-', '.'], "").eq_ignore_ascii_case(known)
}

/// That what reached the upstream moves the caller's own money, within its rights.
fn assert_own(request: &Recorded) {
    let params = request.params();
    let get = |name: &str| {
        let values: Vec<_> =
            params.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect();
        assert!(values.len() <= 1, "twice: {params:?}");
        values.first().copied()
    };
    let order = get("out_trade_no").unwrap_or_else(|| panic!("whose? {params:?}"));
    let shop: usize = order.strip_prefix('s').unwrap().split_once('-').unwrap().0.parse().unwrap();
    let path = request.target().split('?').next().unwrap();
    assert_eq!(request.header("X-QF-APPCODE"), Some(AGENCY_CODE), "{params:?}");
    assert_eq!(get("mchid"), Some(&*merchant(shop)), "{params:?}");
    assert!(get("app_code").or(get("appcode")).is_none_or(|code| code == AGENCY_CODE), "{params:?}");
    for (name, _) in &params {
        assert!(!reads_as(name, "mchntid") && (name == "mchid" || !reads_as(name, "mchid")), "{params:?}");
    }
    if path == "/trade/v1/query" {
        return;
    }
    assert_eq!(path, "/trade/v1/payment", "{params:?}");
    let amount = get("txamt").unwrap_or_default();
    assert!(
        amount.bytes().all(|b| b.is_ascii_digit()) && amount.parse::<u64>().unwrap() <= CEILING,
        "{params:?}"
    );
    assert_eq!(get("txcurrcd"), Some("HKD"), "{params:?}");
    for (name, _) in &params {
        let spelled = |known: &str| name != known && reads_as(name, known);
        assert!(!spelled("txamt") && !spelled("txcurrcd"), "{params:?}");
    }
}

#[test]
fn of_a_hundred_thousand_hostile_calls_none_crosses() {
    if !is_root() {
        return;
    }
    let upstream = FakeUpstream::start();
    let sidecar = start(&upstream, "enforce");
    let began = Instant::now();
    let each = calls(0, 1, 0).len();
    let rounds = CALLS.div_ceil(each * SHOPS);
    let mut work: HashMap<u32, Requests> = HashMap::new();
    for shop in 0..SHOPS {
        let requests = work.entry(user(shop)).or_default();
        for round in 0..rounds {
            let victim = (shop + 1 + round * 7) % SHOPS;
            requests.extend(calls(shop, if victim == shop { (shop + 1) % SHOPS } else { victim }, round));
        }
    }
    let sent: usize = work.values().map(Vec::len).sum();
    assert!(sent >= CALLS, "{sent}");
    let answers = play(&sidecar, &work);
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    answers.values().flatten().for_each(|status| *statuses.entry(*status).or_default() += 1);
    println!("{sent} calls of {each} kinds in {:.1} s: {statuses:?}", began.elapsed().as_secs_f64());

    let crossed = upstream.requests();
    crossed.iter().for_each(assert_own);
    assert_eq!(
        statuses.get(&200).copied().unwrap_or(0),
        crossed.len(),
        "who was answered was sent, and nobody else"
    );
    let refused: usize = [400, 403, 404, 405].iter().filter_map(|status| statuses.get(status)).sum();
    assert_eq!(refused + crossed.len(), sent, "{statuses:?}");
    // What passed names another's app where QFPay does not look for it, or nothing that is another's.
    assert!(crossed.len() * 15 < sent, "{} of {sent} were no attacks", crossed.len());
    for request in crossed.iter().take(20) {
        assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), AGENCY_KEY)));
    }

    // What is refused is not refused to everybody: each pays its own, over both ways.
    upstream.forget();
    let own = (0..SHOPS).map(|shop| (user(shop), vec![own_payment(shop); 41])).collect();
    let answers = play(&sidecar, &own);
    assert!(answers.values().flatten().all(|status| *status == 200), "{answers:?}");
    let requests = upstream.requests();
    assert_eq!(requests.len(), 41 * SHOPS);
    requests.iter().for_each(assert_own);
}

#[test]
fn what_is_reported_is_what_is_refused() {
    if !is_root() {
        return;
    }
    let stranger = user(SHOPS);
    let mut work: HashMap<u32, Requests> = (0..2).map(|shop| (user(shop), calls(shop, 9, 0))).collect();
    work.insert(stranger, calls(2, 9, 0).into_iter().step_by(40).collect());
    let mut seen = Vec::new();
    for mode in ["enforce", "report"] {
        let upstream = FakeUpstream::start();
        let sidecar = start(&upstream, mode);
        let answers = play(&sidecar, &work);
        let metrics = sidecar.admin("/metrics").text().to_owned();
        let counted = metrics.lines().filter(|line| line.starts_with("qfpay_sidecar_access_refused_total{"));
        let counted: BTreeSet<_> = counted.map(str::to_owned).collect();
        seen.push((answers, counted, upstream.requests().len()));
    }
    let [(enforced, refused, few), (reported, told, many)] = &seen[..] else { unreachable!() };
    assert_eq!(refused, told, "per caller and right");
    assert!(refused.len() > 2 * 4, "{refused:?}");
    assert!(many > few, "report lets pass: {many}, {few}");
    for (user, statuses) in enforced {
        for (number, (status, other)) in statuses.iter().zip(&reported[user]).enumerate() {
            // What access has nothing against is decided alike.
            assert!(
                [401, 403].contains(status) || status == other,
                "{user}, call {number}: {status}, {other}"
            );
        }
    }
}
