//! Reload: the configuration is read again while payments run, and put in force as a whole or not at all.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Gate, Reply, SOON, Stage, curl, md5_elsewhere, md5_of_body};

const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210";
const SUCCESSFUL: &str = "qfpay_sidecar_config_last_reload_successful";
const TIME: &str = "qfpay_sidecar_config_last_reload_success_timestamp_seconds";

/// The key that signs a payment which is made now.
fn signs_with(stage: &Stage) -> &'static str {
    stage.upstream.forget();
    stage.sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/payment");
    let request = stage.upstream.requests().remove(0);
    let keys = [crate::support::CLIENT_KEY, OTHER_KEY];
    let signed = |key: &&str| request.header("X-QF-SIGN") == Some(&*md5_elsewhere(&request.params(), key));
    keys.into_iter().find(signed).expect("one of the two keys signed it")
}

fn stage(settings: &[&str]) -> Stage {
    Stage::launch(|launch| settings.iter().fold(launch.secret(OTHER_KEY), |launch, set| launch.set(set)))
}

#[test]
fn a_new_key_signs_after_each_way_to_ask() {
    let stage = stage(&[]);
    let sidecar = &stage.sidecar;
    assert_eq!(signs_with(&stage), crate::support::CLIENT_KEY);

    sidecar.write("key", OTHER_KEY);
    assert_eq!(signs_with(&stage), crate::support::CLIENT_KEY, "nothing is read before somebody asks");
    let answer = sidecar.reload();
    assert_eq!((answer.status, answer.text()), (200, "reloaded: apps with another key shop\n"));
    assert_eq!(signs_with(&stage), OTHER_KEY);

    sidecar.write("key", crate::support::CLIENT_KEY);
    sidecar.hang_up();
    sidecar.wait_for_log(&["in force", "by=\"SIGHUP\"", "shop"]);
    assert_eq!(signs_with(&stage), crate::support::CLIENT_KEY);

    sidecar.write("key", OTHER_KEY);
    let asked = sidecar.command(&["reload", "--admin-listen", &sidecar.admin]);
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    assert_eq!(String::from_utf8(asked.stdout).unwrap(), "reloaded: apps with another key shop\n");
    assert_eq!(signs_with(&stage), OTHER_KEY);
    assert_eq!(sidecar.metric("qfpay_sidecar_reloads_total{result=\"done\"}"), Some(3.0));
}

#[test]
fn a_problem_changes_nothing_and_is_told_alike_everywhere() {
    let stage = stage(&[]);
    let sidecar = &stage.sidecar;
    let (started, good) = (sidecar.metric(TIME).unwrap(), fs::read_to_string(sidecar.config_file()).unwrap());
    // Seconds are what the metric counts.
    thread::sleep(Duration::from_millis(1100));
    sidecar.write("key", OTHER_KEY);
    sidecar.write("sidecar.toml", &format!("{good}mchid = \"not an mchid\"\nfoo = 1\n"));
    let answer = sidecar.reload();
    assert_eq!(answer.status, 422, "{}", answer.text());
    let checked = String::from_utf8(sidecar.command(&["check"]).stderr).unwrap();
    let problems = checked.strip_prefix("qfpay-sidecar: the configuration is wrong\n").unwrap();
    assert_eq!(answer.text(), problems);
    assert_eq!(problems.lines().count(), 2, "{problems}");
    let line = sidecar.wait_for_log(&["WARN", "nothing was changed", "by=\"POST /reload\""]);
    problems.lines().for_each(|problem| assert!(line.contains(problem), "{line}"));
    assert_eq!(sidecar.log().matches("nothing was changed").count(), 1);
    assert_eq!((sidecar.metric(SUCCESSFUL), sidecar.metric(TIME)), (Some(0.0), Some(started)));
    assert_eq!(signs_with(&stage), crate::support::CLIENT_KEY, "the good key of a bad configuration");
    let asked = sidecar.command(&["reload", "--admin-listen", &sidecar.admin]);
    assert_eq!(asked.status.code(), Some(1));
    assert!(String::from_utf8(asked.stderr).unwrap().ends_with(problems));

    sidecar.write("sidecar.toml", &good);
    assert_eq!(sidecar.reload().status, 200);
    assert_eq!(sidecar.metric(SUCCESSFUL), Some(1.0));
    assert!(sidecar.metric(TIME).unwrap() > started);
    assert_eq!(signs_with(&stage), OTHER_KEY);
}

#[test]
fn what_needs_a_restart_is_named_and_refuses_the_rest_with_it() {
    let stage = stage(&[]);
    let sidecar = &stage.sidecar;
    sidecar.write("key", OTHER_KEY);
    let good = fs::read_to_string(sidecar.config_file()).unwrap();
    let changes = [
        ("listen.api", "\"127.0.0.1:1\""),
        ("listen.socket_mode", "\"0660\""),
        ("runtime.workers", "2"),
        ("limits.connections", "100"),
        ("limits.in_flight", "100"),
        ("notifications.remember", "7"),
        ("quota.store", "\"redis://127.0.0.1:1\""),
        ("quota.local_percent", "7"),
        ("log.format", "\"json\""),
        ("sandbox.time_scale", "7"),
        ("upstream.base_url", "\"sandbox\""),
    ];
    let named = |text: &str, key: &str| {
        text.lines().any(|line| line.contains(&format!(": {key}: this needs a restart: ")))
    };
    // At once, so that every one of them is named.
    let mut text = good.clone();
    for (key, value) in &changes {
        let kept = text.lines().filter(|line| !line.starts_with(&format!("{key} ")));
        text = std::iter::once(format!("{key} = {value}"))
            .chain(kept.map(str::to_owned))
            .collect::<Vec<_>>()
            .join("\n");
    }
    // Keys for QFPay are none for the sandbox, and the quota that a store shares has to be on.
    let text = text.replace("quota.per_second = 0", "quota.per_second = 9").replace("client_key_file", "#");
    sidecar.write("sidecar.toml", &text);
    let answer = sidecar.reload();
    assert_eq!(answer.status, 422, "{}", answer.text());
    for (key, _) in changes {
        assert!(named(answer.text(), key), "{key}: {}", answer.text());
    }
    assert_eq!(answer.text().lines().count(), changes.len(), "{}", answer.text());
    sidecar.write("sidecar.toml", &good);
    assert_eq!(signs_with(&stage), crate::support::CLIENT_KEY);
}

#[test]
fn only_root_and_the_own_user_may_ask_by_post_with_json() {
    let stage = stage(&[]);
    let url = format!("http://{}/reload", stage.sidecar.admin);
    let json = "Content-Type: application/json";
    for arguments in [
        &[&*url][..],
        &["-d", "{}", &url],
        &["-H", json, &url],
        &["-X", "PUT", "-H", json, &url],
        &["-H", json, "-H", "Origin: http://127.0.0.1", "-d", "{}", &url],
        &["-H", "Content-Type: application/jsonp", "-d", "{}", &url],
    ] {
        assert_eq!(curl(arguments).status, 403, "{arguments:?}");
    }
    assert_eq!(stage.sidecar.metric("qfpay_sidecar_reloads_total{result=\"done\"}"), None);
    assert_eq!(curl(&["-H", "Content-Type: application/json; charset=utf-8", "-d", "{}", &url]).status, 200);
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return; // Only root can ask as another user.
    }
    let mut stranger = Command::new("curl");
    stranger
        .args(["-q", "-s", "--noproxy", "*", "-H", json, "-d", "{}", "-w", " %{http_code}", &url])
        .uid(12_345);
    let said = String::from_utf8(stranger.output().unwrap().stdout).unwrap();
    assert!(
        said.starts_with("only root and the sidecar's own user may do this") && said.ends_with(" 403"),
        "{said}"
    );
    assert!(said.contains("12345"), "{said}");
}

#[test]
fn a_sidecar_that_is_not_roots_heeds_its_own_user_and_root() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    const USER: u32 = 65_532;
    let stage = Stage::launch(|launch| launch.user(USER));
    let url = format!("http://{}/reload", stage.sidecar.admin);
    for (user, status) in [(USER, "200"), (0, "200"), (USER + 1, "403")] {
        let mut curl = Command::new("curl");
        curl.args(["-q", "-s", "-o", "/dev/null", "--noproxy", "*", "-H", "Content-Type: application/json"]);
        let said = curl.args(["-d", "{}", "-w", "%{http_code}", &url]).uid(user).output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), status, "user {user}");
    }
}

#[test]
fn a_call_in_flight_ends_with_what_it_began_with() {
    let stage = stage(&[]);
    let gate = Gate::default();
    let head = Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n");
    stage.upstream.script([head.then_wait(&gate).then_bytes(r#"{"respcd": "0000"}"#)]);
    let (api, body) = (stage.sidecar.api.clone(), "out_trade_no=7");
    let caller = thread::spawn(move || curl(&["-d", body, &format!("http://{api}/trade/v1/payment")]));
    stage.upstream.wait_for_requests(1);
    // Its app goes, with its key and with the way to QFPay.
    stage.sidecar.edit(|text| {
        text.replace("[apps.shop]", "[apps.other]")
            .replace("\"shop\"", "\"other\"")
            .replace("upstream.base_url = \"http://127.0.0.1:", "upstream.base_url = \"http://localhost:")
    });
    assert_eq!(
        stage.sidecar.reload().text(),
        "reloaded: apps added other, removed shop; changed default_app upstream.base_url\n"
    );
    gate.open();
    let answer = caller.join().unwrap();
    assert_eq!((answer.status, answer.text()), (200, r#"{"respcd": "0000"}"#));
    let line = stage.sidecar.wait_for_log(&["INFO request", "/trade/v1/payment"]);
    assert!(line.contains("app=\"shop\"") && line.contains("delivery=\"answered\""), "{line}");
    stage.sidecar.curl(&["-d", "out_trade_no=8"], "/trade/v1/payment");
    stage.sidecar.wait_for_log(&["request", "app=\"other\""]);
}

#[test]
fn at_most_one_a_second_and_each_request_has_a_reading_of_its_own() {
    let stage = stage(&[]);
    let begun = Instant::now();
    assert_eq!(stage.sidecar.reload().status, 200);
    // These come while the pause lasts, and one reading that begins after them serves all.
    let admin = stage.sidecar.admin.clone();
    let asking: Vec<_> = (0..5)
        .map(|_| {
            let url = format!("http://{admin}/reload");
            thread::spawn(move || {
                curl(&["-H", "Content-Type: application/json", "-d", "{}", &url]).text().to_owned()
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    stage.sidecar.write("key", OTHER_KEY);
    for asked in asking {
        assert_eq!(asked.join().unwrap(), "reloaded: apps with another key shop\n");
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(stage.sidecar.metric("qfpay_sidecar_reloads_total{result=\"done\"}"), Some(2.0));
}

#[test]
fn the_log_level_changes() {
    let stage = stage(&[]);
    stage.sidecar.curl(&["-d", "out_trade_no=0"], "/trade/v1/payment");
    stage.sidecar.wait_for_log(&["DEBUG"]);
    stage.sidecar.edit(|text| text.replace("log.level = \"trace\"", "log.level = \"warn\""));
    assert_eq!(stage.sidecar.reload().status, 200);
    let before = stage.sidecar.log();
    stage.sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/payment");
    stage.sidecar.edit(|text| text.replace("log.level = \"warn\"", "log.level = \"info\""));
    assert_eq!(stage.sidecar.reload().status, 200);
    stage.sidecar.curl(&["-d", "out_trade_no=2"], "/trade/v1/query");
    stage.sidecar.wait_for_log(&["INFO request", "/trade/v1/query"]);
    let since = stage.sidecar.log()[before.len()..].to_owned();
    assert_eq!(since.matches("INFO request ").count(), 1, "{since}");
    assert!(!since.contains("DEBUG"), "{since}");
}

/// Three at once are all; what is used stays used, also where an app goes and comes back or the limits change.
#[test]
fn the_quota_is_not_full_again() {
    let stage = stage(&["quota.max_wait_ms=0"]);
    let limit = |text: String, per_minute: u32| {
        let rest = text.lines().filter(|line| !line.starts_with("quota.per_minute"));
        format!(
            "quota.per_minute = {per_minute}\nquota.reserved_percent = 0\n{}",
            rest.filter(|line| !line.starts_with("quota.reserved")).collect::<Vec<_>>().join("\n")
        )
    };
    let pay = || stage.sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/payment").status;
    stage.sidecar.edit(|text| limit(text, 6));
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!([pay(), pay(), pay(), pay()], [200, 200, 200, 429]);
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!(pay(), 429, "the same limits");
    stage.sidecar.edit(|text| limit(text, 7));
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!([pay(), pay()], [200, 429], "four at once are all now, and three were used");
    stage
        .sidecar
        .edit(|text| text.replace("[apps.shop]", "[apps.renamed]").replace("\"shop\"", "\"renamed\""));
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!(pay(), 429, "QFPay counts by app_code");
}

#[test]
fn an_acknowledged_notification_stays_known() {
    let receiver = crate::support::FakeUpstream::start();
    receiver.always(Reply::ok("SUCCESS"));
    let stage = Stage::launch(|launch| {
        launch
            .set("listen.notifications=127.0.0.1:0")
            .set("notifications.routes.0.path=/n")
            .set(&format!("notifications.routes.0.receiver_url=http://{}/n.php", receiver.address))
    });
    let body = r#"{"notify_type":"payment","syssn":"1"}"#;
    let sign = format!("X-QF-SIGN: {}", md5_of_body(body.as_bytes(), crate::support::CLIENT_KEY));
    let url = format!("http://{}/n", stage.sidecar.notifications.as_ref().unwrap());
    let notify = || curl(&["-H", &sign, "--data-raw", body, &url]).status;
    assert_eq!(notify(), 200);
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!(notify(), 200);
    let marks: Vec<_> = receiver
        .requests()
        .iter()
        .map(|seen| seen.header("X-Sidecar-Duplicate").map(str::to_owned))
        .collect();
    assert_eq!(marks, [None, Some("true".to_owned())]);
}

/// Connections to QFPay are kept, unless they lead elsewhere.
#[test]
fn kept_connections_stay() {
    // Each worker keeps its own.
    let stage = stage(&["runtime.workers=1"]);
    let pay = || {
        thread::sleep(Duration::from_millis(50));
        stage.sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/payment").status
    };
    assert_eq!(pay(), 200);
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!(pay(), 200);
    assert_eq!(stage.upstream.connections(), 1);
    stage.sidecar.edit(|text| {
        text.replace("upstream.base_url = \"http://127.0.0.1:", "upstream.base_url = \"http://localhost:")
    });
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!(pay(), 200);
    assert_eq!(stage.upstream.connections(), 2);
}

#[test]
fn the_sandbox_and_the_demo_are_no_exception() {
    // The embedded sandbox takes calls of the apps that came.
    let config = "default_app = \"shop\"\nlisten.api = \"127.0.0.1:0\"\nlisten.admin = \"127.0.0.1:0\"\n\
                  sandbox.listen = \"127.0.0.1:0\"\n[apps.shop]\napp_code = \"A1\"\n";
    let sidecar = crate::support::Launch::new(config).start();
    sidecar.edit(|text| format!("{text}[apps.two]\napp_code = \"B2\"\n"));
    assert_eq!(sidecar.reload().status, 200);
    let pay = [
        "-H",
        "X-QF-APPCODE: B2",
        "-d",
        "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1&txdtm=2026-01-31 12:00:00",
    ];
    let answer = sidecar.curl(&pay, "/trade/v1/payment");
    assert_eq!((answer.status, answer.json()["respcd"].as_str()), (200, Some("0000")), "{}", answer.text());
}

#[test]
fn a_reload_that_hangs_holds_up_no_payment() {
    let stage = stage(&[]);
    // A folder that is a FUSE mount or NFS may hang; a pipe in the place of a file is refused instead.
    let path = stage.sidecar.folder.path().join("key");
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let answer = stage.sidecar.reload();
    assert_eq!(answer.status, 422, "{}", answer.text());
    let begun = Instant::now();
    assert_eq!(signs_with(&stage), crate::support::CLIENT_KEY);
    assert!(begun.elapsed() < SOON);
}

#[test]
fn who_cannot_be_asked_is_told_what_to_do() {
    let mut stage = Stage::new(&[]);
    let admin = stage.sidecar.admin.clone();
    stage.sidecar.signal("TERM");
    stage.sidecar.wait_for_exit();
    let asked = stage.sidecar.command(&["reload", "--admin-listen", &admin]);
    let said = String::from_utf8(asked.stderr).unwrap();
    assert_eq!(asked.status.code(), Some(1), "{said}");
    assert!(said.contains("a changed listen.admin needs a restart") && said.contains("SIGHUP"), "{said}");
}

#[test]
fn settings_that_changed_are_named_without_their_values() {
    let stage = Stage::new(&[]);
    let sidecar = &stage.sidecar;
    let config = std::fs::read_to_string(sidecar.config_file()).unwrap();
    sidecar.write("sidecar.toml", &format!("routes.allow = [\"/trade/v1/\"]\n{config}mchid = \"M123\"\n"));
    let said = "the same apps, with the same keys; changed apps.shop.mchid routes.allow";
    assert_eq!(sidecar.reload().text(), format!("reloaded: {said}\n"));
    let line = sidecar.wait_for_log(&["in force", said]);
    assert!(!line.contains("M123"), "{line}");
    assert_eq!(sidecar.reload().text(), "reloaded: the same apps, with the same keys and settings\n");
}
