//! What operators rely on: probes, metrics, one line per request, the sandbox in a process of its own.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{CANARY, Launch, Reply, Stage, curl, signal};

const PAYMENT: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1";

#[test]
fn probes_answer_and_healthcheck_asks_them() {
    let stage = Stage::new(&[]);
    for (path, status, body) in [("/livez", 200, "alive\n"), ("/readyz", 200, "ready\n")] {
        let answer = stage.sidecar.admin(path);
        assert_eq!((answer.status, answer.text()), (status, body));
    }
    assert_eq!(stage.sidecar.admin("/elsewhere").status, 404);
    assert_eq!(curl(&["-X", "POST", &format!("http://{}/readyz", stage.sidecar.admin)]).status, 405);

    let healthcheck = |address: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        let done = command.env_clear().args(["healthcheck", "--admin-listen", address]).output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    assert_eq!(healthcheck(&stage.sidecar.admin), (Some(0), String::new()));
    let (code, said) = healthcheck("127.0.0.1:1");
    assert_eq!(code, Some(1));
    assert!(said.contains("not ready: http://127.0.0.1:1/readyz"), "{said}");
    // The API listener is no health endpoint: an answer that is not 200 is not ready.
    assert_eq!(healthcheck(&stage.sidecar.api).0, Some(1));
}

/// A machine that is paused stops its processes: a read with a time limit is then interrupted, which is no answer.
#[test]
fn a_healthcheck_that_was_stopped_meanwhile_reads_on() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.env_clear().args(["healthcheck", "--admin-listen", &listener.local_addr().unwrap().to_string()]);
    let asked = command.stdout(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 12];
    stream.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET /readyz ");
    for name in ["STOP", "CONT"] {
        // Long enough to lie in its read before, and to be stopped in between.
        std::thread::sleep(Duration::from_millis(100));
        signal(&asked, name);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    let done = asked.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(0), b"ready\n".as_slice()));
}

#[test]
fn a_variable_names_the_environment_for_commands_without_flags() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("test.toml"),
        "environment = \"test\"\nlisten.admin = \"127.0.0.1:2\"\n",
    )
    .unwrap();
    let healthcheck = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.env_clear().env("QFPAY_SIDECAR_ENV", "test").env("QFPAY_SIDECAR_CONFIG_DIR", folder.path());
        let done = command.arg("healthcheck").args(arguments).output().unwrap();
        String::from_utf8(done.stderr).unwrap()
    };
    assert!(healthcheck(&[]).contains("http://127.0.0.1:2/readyz"), "{}", healthcheck(&[]));
    // A name that got lost must not become the sandbox.
    for lost in ["", "prod", "Production"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        let done = command.env_clear().env("QFPAY_SIDECAR_ENV", lost).arg("check").output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{lost:?}");
        assert!(String::from_utf8(done.stderr).unwrap().contains("QFPAY_SIDECAR_ENV: it must be"));
    }
    // Flags win over it.
    assert!(healthcheck(&["--env", "production"]).contains("production.toml"));
    let file = folder.path().join("test.toml");
    assert!(healthcheck(&["--config", file.to_str().unwrap()]).contains("127.0.0.1:2"));
}

#[test]
fn healthcheck_needs_no_key() {
    let stage = Stage::new(&[]);
    let config = stage.sidecar.folder.path().join("sidecar.toml");
    std::fs::remove_file(stage.sidecar.folder.path().join("key")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.env_clear().arg("healthcheck").arg("--config").arg(config);
    let done = command.args(["--admin-listen", &stage.sidecar.admin]).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn every_request_has_one_line_with_names_and_no_values() {
    let stage = Stage::new(&["log.level=info"]);
    stage.upstream.script([Reply::ok(r#"{"respcd": "1143"}"#)]);
    let form = format!("{PAYMENT}&goods_name={CANARY}");
    stage.sidecar.curl(&["-d", &form, "-H", "X-Request-Id: order-7"], "/trade/v1/payment");
    let line = stage.sidecar.wait_for_log(&["request_id=order-7"]);
    for words in [
        r#"method="POST""#,
        r#"endpoint="/trade/v1/payment""#,
        r#"app="shop""#,
        "status=200",
        r#"delivery="answered""#,
        r#"respcd="pending""#,
        "total_ms=",
        "own_ms=",
        r#"parameters="goods_name,out_trade_no,pay_type,txamt,txcurrcd""#,
    ] {
        assert!(line.contains(words), "{words} is missing: {line}");
    }
    assert_eq!(stage.sidecar.log().matches("order-7").count(), 1);
}

#[test]
fn json_logs_are_one_object_a_line() {
    let stage = Stage::new(&["log.format=json", "log.level=info"]);
    stage.sidecar.curl(&["-d", "a=1&a=2", "-H", "X-Request-Id: r1"], "/trade/v1/payment");
    let line = stage.sidecar.wait_for_log(&["r1"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (name, value) in [
        ("level", "INFO"),
        ("message", "request"),
        ("error", "parameter_repeated"),
        ("delivery", "not_sent"),
        ("endpoint", "/trade/v1/payment"),
        ("request_id", "r1"),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let stage = Stage::new(&[]);
    stage.sidecar.curl(&["-d", PAYMENT], "/trade/v1/payment");
    let get = |accept: &str| {
        let url = format!("http://{}/metrics", stage.sidecar.admin);
        curl(&["-H", &format!("Accept: {accept}"), &url])
    };
    // As Prometheus 2.42 asks.
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
        text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let openmetrics = get(prometheus);
    assert!(
        openmetrics
            .header("Content-Type")
            .unwrap()
            .starts_with("application/openmetrics-text; version=1.0.0")
    );
    assert!(openmetrics.text().contains("# TYPE qfpay_sidecar_requests counter\n"), "{}", openmetrics.text());
    assert!(openmetrics.text().ends_with("# EOF\n"));
    for accept in ["text/plain", "*/*", "", "text/html,application/xhtml+xml,*/*;q=0.8"] {
        let plain = get(accept);
        assert_eq!(
            plain.header("Content-Type"),
            Some("text/plain; version=0.0.4; charset=utf-8"),
            "{accept}"
        );
        assert!(plain.text().contains("# TYPE qfpay_sidecar_requests_total counter\n"), "{}", plain.text());
        assert!(!plain.text().contains("# EOF") && !plain.text().contains("# UNIT"), "{}", plain.text());
    }
    // The numbers are the same, whatever the comments say.
    let samples = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(get("text/plain").text()), samples(openmetrics.text()));
}

/// Prometheus's own tool; nothing, and a word about it, where it is not to be had.
fn promtool() -> Option<Command> {
    let promtool = std::env::var("PROMTOOL").unwrap_or_else(|_| "promtool".to_owned());
    if Command::new(&promtool).arg("--version").output().is_err() {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "promtool is missing, and CI=true");
        // Past the test harness, which shows nothing that a test prints unless it fails.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no promtool (Debian's package prometheus; PROMTOOL may name it)"
        );
        return None;
    }
    Some(Command::new(promtool))
}

#[test]
fn promtool_takes_the_alert_rules_and_they_fire_when_they_should() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let Some(mut promtool) = promtool() else { return };
        let done = promtool.args(arguments).current_dir(&folder).output().unwrap();
        let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        assert!(done.status.success() && said.contains("SUCCESS"), "{arguments:?}: {said}");
    }
}

#[test]
fn promtool_takes_the_metrics() {
    let Some(mut check) = promtool() else { return };
    let stage = Stage::new(&["quota.per_minute=400"]);
    stage.upstream.script([Reply::ok(r#"{"respcd": "0000"}"#), Reply::close()]);
    for _ in 0..2 {
        stage.sidecar.curl(&["-d", PAYMENT], "/trade/v1/payment");
    }
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = check.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&stage.sidecar.admin("/metrics").body).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
    assert!(done.status.success() && said.is_empty(), "{said}");
}

#[test]
fn metrics_count_requests_by_outcome() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::ok(r#"{"respcd": "0000"}"#), Reply::close()]);
    stage.sidecar.curl(&["-d", PAYMENT], "/trade/v1/payment");
    stage.sidecar.curl(&["-d", PAYMENT], "/trade/v1/payment");
    stage.sidecar.curl(&["-d", "goods_name=x%26txamt=1&txamt=1&txamt=2"], "/trade/v1/payment");
    let metrics = stage.sidecar.admin("/metrics");
    assert_eq!(metrics.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let labels = |status, delivery, respcd, error, app| {
        format!(
            "qfpay_sidecar_requests_total{{endpoint=\"/trade/v1/payment\",app=\"{app}\",status=\"{status}\",\
             delivery=\"{delivery}\",respcd=\"{respcd}\",error=\"{error}\"}} 1\n"
        )
    };
    for line in [
        labels(200, "answered", "success", "", "shop"),
        labels(502, "unknown", "none", "upstream_no_answer", "shop"),
        labels(400, "not_sent", "none", "parameter_repeated", ""),
        "qfpay_sidecar_requests_in_flight 0\n".to_owned(),
        format!("qfpay_sidecar_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(metrics.text().contains(&line), "{line} is missing:\n{}", metrics.text());
    }
}

#[test]
fn values_that_sign_like_parameters_are_counted_and_logged_by_name() {
    let stage = Stage::new(&["log.level=warn"]);
    stage.sidecar.curl(&["--data-urlencode", "goods_name=x&txamt=1", "-d", PAYMENT], "/trade/v1/payment");
    let line = stage.sidecar.wait_for_log(&["signs like another parameter"]);
    assert!(line.contains(r#"parameters="goods_name""#), "{line}");
    assert!(
        stage.sidecar.admin("/metrics").text().contains("qfpay_sidecar_ambiguous_parameter_values_total 1\n")
    );
}

#[test]
fn the_start_screen_tells_the_whole_truth() {
    let stage = Stage::new(&[]);
    let screen = stage.sidecar.screen();
    for words in [
        concat!("qfpay-sidecar ", env!("CARGO_PKG_VERSION")),
        "sidecar.toml",
        "shop (A1B2..8F90, key ",
        "from file ",
        "MD5), default",
        &format!("upstream  http://{}", stage.upstream.address),
        "/tool/v1/ /trade/v1/",
        &format!("api       http://{}", stage.sidecar.api),
        "ready in ",
    ] {
        assert!(screen.contains(words), "{words} is missing:\n{screen}");
    }
}

#[test]
fn a_sandbox_in_another_process_serves_a_sidecar() {
    // The embedded sandbox of one sidecar is the upstream of another: both hold the built-in key.
    let config = "listen.api = \"127.0.0.1:0\"\nlisten.admin = \"127.0.0.1:0\"\nsandbox.listen = \"127.0.0.1:0\"\n\
                  [apps.demo]\napp_code = \"5A4DB0C55A4DB0C55A4DB0C55A4DB0C5\"\n";
    let first = Launch::new(config).start();
    let upstream = format!("upstream.base_url=http://{}", first.sandbox.clone().unwrap());
    let second = Launch::new(config).set(&upstream).start();
    let form = format!("{PAYMENT}&txdtm=2026-01-31 12:00:00");
    let answer = second.curl(&["-d", &form], "/trade/v1/payment");
    assert_eq!(answer.json()["respcd"], "0000", "{}", answer.text());
    assert_eq!(answer.header("X-Sandbox-Signature"), Some("verified"));
}

#[test]
fn a_taken_port_is_told_with_its_setting() {
    let stage = Stage::new(&[]);
    let taken = format!("listen.api={}", stage.sidecar.api);
    let ended = Launch::new(&Stage::config("http://127.0.0.1:1")).set(&taken).ends();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("listen.api: cannot listen on") && ended.stderr.contains("choose another"));
}
