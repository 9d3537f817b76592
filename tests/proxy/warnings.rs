//! What an operator hears who reads warnings only: every payment in doubt, every notification that did not arrive.

use crate::support::{FakeUpstream, Launch, Reply, Stage, curl, vector};

const PAYMENT: &str = "/trade/v1/payment";

fn quiet(settings: &[&str]) -> Stage {
    Stage::new(&[settings, &["log.level=warn"]].concat())
}

#[test]
fn a_payment_in_doubt_is_a_warning() {
    let cases = [
        (Reply::close(), "upstream_no_answer"),
        (
            Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"respcd\"").then_close(),
            "upstream_truncated",
        ),
        (Reply::ok(r#"{"respcd": "0000", "out_trade_no": "ANOTHER"}"#), "order_mismatch"),
        (Reply::hang(), "upstream_timeout"),
    ];
    for (reply, code) in cases {
        let stage = quiet(&["upstream.call_timeout_ms=400", "upstream.connect_timeout_ms=400"]);
        stage.upstream.script([reply]);
        stage.sidecar.curl(&["-d", "txamt=1&out_trade_no=W-1"], PAYMENT);
        let line = stage.sidecar.wait_for_log(&[code, "delivery=\"unknown\""]);
        assert!(line.contains(" WARN "), "{line}");
    }
}

#[test]
fn a_call_that_shutdown_gives_up_is_a_warning() {
    let mut stage = quiet(&["limits.shutdown_timeout_ms=100"]);
    stage.upstream.script([Reply::hang()]);
    let url = stage.sidecar.url(PAYMENT);
    let caller = std::thread::spawn(move || curl(&["-d", "txamt=1", &url]));
    stage.upstream.wait_for_requests(1);
    stage.sidecar.signal("TERM");
    assert_eq!(caller.join().unwrap().status, 503);
    assert!(stage.sidecar.wait_for_log(&["cut_off"]).contains(" WARN "));
    stage.sidecar.wait_for_exit();
}

#[test]
fn what_is_certain_is_none() {
    let stage = quiet(&[]);
    stage.upstream.script([Reply::ok(r#"{"respcd": "0000", "out_trade_no": "W-2"}"#)]);
    let paid = stage.sidecar.curl(&["-d", "txamt=1&out_trade_no=W-2"], PAYMENT);
    assert_eq!(paid.status, 200);
    for arguments in [&["-d", "a[]=1"][..], &["-H", "Origin: http://shop.example", "-d", "txamt=1"]] {
        stage.sidecar.curl(arguments, PAYMENT);
    }
    // The next warning is the first line.
    stage.upstream.script([Reply::close()]);
    stage.sidecar.curl(&["-d", "txamt=1"], PAYMENT);
    stage.sidecar.wait_for_log(&["upstream_no_answer"]);
    let lines: Vec<_> = stage.sidecar.log().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_notification_that_does_not_arrive_is_a_warning() {
    let receiver = FakeUpstream::start();
    let config = format!(
        "{}\n[[notifications.routes]]\npath = \"/notify\"\nreceiver_url = \"http://{}/\"\n",
        Stage::config(&format!("http://{}", receiver.address)),
        receiver.address
    );
    let sidecar = Launch::new(&config).set("listen.notifications=127.0.0.1:0").set("log.level=warn").start();
    let vector = vector("notify_python_dumps_spacing");
    let url = format!("http://{}/notify", sidecar.notifications.clone().unwrap());
    let post = |url: &str, sign: Option<&str>| {
        let sign = sign.map(|sign| format!("X-QF-SIGN: {sign}"));
        let mut arguments = vec!["--data-binary", vector.canonical.as_str()];
        sign.iter().for_each(|sign| arguments.extend(["-H", sign]));
        arguments.push(url);
        curl(&arguments).status
    };
    // A stranger who looks for something else, first, so that it would be the first line.
    assert_eq!(post(&url.replace("/notify", "/wp-login.php"), None), 404);
    receiver.script([Reply::of("200 OK", "", "a notice of PHP's")]);
    assert_eq!(post(&url, Some(&vector.sign)), 502);
    let line = sidecar.wait_for_log(&["receiver_refused"]);
    assert!(line.contains(" WARN "), "{line}");
    assert!(sidecar.log().starts_with(line.as_str()), "{}", sidecar.log());
    for (url, sign, code) in [
        (url.clone(), Some("00000000000000000000000000000000"), "signature_wrong"),
        (url.clone(), None, "signature_missing"),
        (url.replace("/notify", "/notfy"), Some(vector.sign.as_str()), "notification_path_unknown"),
    ] {
        post(&url, sign);
        assert!(sidecar.wait_for_log(&[code]).contains(" WARN "), "{code}");
    }
    let verify = sidecar
        .curl(&["-H", "X-QF-SIGN: 00000000000000000000000000000000", "-d", "{}"], "/sidecar/v1/verify");
    verify.assert_failure(401, "signature_wrong");
    sidecar.wait_for_log(&[" WARN ", "/sidecar/v1/verify", "signature_wrong"]);
}
