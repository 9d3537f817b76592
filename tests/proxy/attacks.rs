//! What an attack on the running binary found, each with the name of the fault.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{CANARY, CLIENT_KEY, Reply, Stage, md5_elsewhere};

const OAUTH: &str = "/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F";
const CHECKOUT: &str = "/checkstand?paysource=a_checkout&txamt=100&txcurrcd=HKD&out_trade_no=1\
    &return_url=https%3A%2F%2Fshop.test%2F&failed_url=https%3A%2F%2Fshop.test%2F&notify_url=https%3A%2F%2Fshop.test%2F";

#[test]
fn a_pages_signature_is_no_signature_for_a_refund() {
    let stage = Stage::new(&[]);
    for page in [OAUTH, CHECKOUT] {
        assert_eq!(stage.sidecar.curl(&[] as &[&str], page).status, 302);
        let more = stage.sidecar.curl(&[] as &[&str], &format!("{page}&syssn=20261123000200020000000001"));
        more.assert_failure(400, "parameter_unknown");
        assert!(more.json()["respmsg"].as_str().unwrap().contains("'syssn'"));
    }
    // The same, hidden in a URL of the shop's: the scheme has no escaping.
    let hidden = "/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F%3Fx%3D1";
    for name in
        ["syssn", "txamt", "txdtm", "out_trade_no", "subscription_id", "start_time", "trade_date", "code"]
    {
        let answer = stage.sidecar.curl(&[] as &[&str], &format!("{hidden}%26{name}%3D1"));
        answer.assert_failure(400, "parameter_ambiguous");
    }
    // What only the shop reads may stand there.
    assert_eq!(stage.sidecar.curl(&[] as &[&str], &format!("{hidden}%26step%3D2")).status, 302);
    stage.assert_nothing_sent();
}

#[test]
fn pages_that_are_not_used_can_be_turned_off() {
    let stage = Stage::new(&["browser.pages=[\"direct\"]"]);
    for page in [OAUTH, CHECKOUT] {
        stage.sidecar.curl(&[] as &[&str], page).assert_failure(403, "path_not_allowed");
    }
    // A page below a prefix of calls needs that prefix too.
    let stage = Stage::new(&["routes.allow=[\"/trade/v1/\"]"]);
    stage.sidecar.curl(&[] as &[&str], OAUTH).assert_failure(403, "path_not_allowed");
}

#[test]
fn what_stands_behind_a_number_sign_is_not_lost() {
    let stage = Stage::new(&[]);
    let target = "/trade/v1/query?goods_name=Room%20#5&mchid=BRANCH7";
    let mut connection = stage.sidecar.connect();
    for _ in 0..2 {
        connection.write(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let answer = stage.sidecar.seen(connection.read());
        answer.assert_failure(400, "target_refused");
        assert!(answer.json()["respmsg"].as_str().unwrap().contains('#'));
    }
    // The same behind another request, before that one is answered.
    let first = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut hidden = stage.sidecar.connect();
    hidden.write(format!("{first}GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_eq!(hidden.read().status, 404);
    stage.sidecar.seen(hidden.read()).assert_failure(400, "target_refused");
    stage.assert_nothing_sent();
    // The next request on the connection is not blamed for it, and a '#' elsewhere is none of the target's.
    connection.write(
        "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nX-Note: #1\r\nContent-Length: 8\r\n\r\nsyssn=#1",
    );
    assert_eq!(connection.read().status, 200);
    assert_eq!(stage.only_request().param("syssn").as_deref(), Some("#1"));
}

#[test]
fn a_value_in_the_place_of_a_name_is_not_shown() {
    let stage = Stage::new(&[]);
    // JSON as a form, an unescaped '&', no '=' at all.
    for body in
        [format!(r#"{{"sub_openid": "{CANARY}"}}"#), format!("goods_name=a&{CANARY}"), CANARY.to_owned()]
    {
        let answer = stage.sidecar.curl(&["-d", &body], "/trade/v1/payment");
        assert!(matches!(answer.status, 400 | 415), "{}", answer.text());
        assert!(!answer.text().contains(CANARY));
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_name_is_not_hidden_by_null() {
    let stage = Stage::new(&[]);
    let sent = ["-H", "Content-Type: application/json", "-d", r#"{"txamt": 5, "txamt": null}"#];
    stage.sidecar.curl(&sent, "/trade/v1/payment").assert_failure(400, "parameter_repeated");
    stage.assert_nothing_sent();
}

#[test]
fn a_file_without_a_file_name_is_still_a_file() {
    let stage = Stage::new(&[]);
    for disposition in ["form-data; name=\"f\"; filename=\"\"", "form-data; name=\"f\"; filename*=UTF-8''x"] {
        let body = format!("--b\r\nContent-Disposition: {disposition}\r\n\r\n1\r\n--b--\r\n");
        let sent = ["-H", "Content-Type: multipart/form-data; boundary=b", "--data-binary", &body];
        stage.sidecar.curl(&sent, "/trade/v1/payment").assert_failure(415, "file_upload");
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_parameter_that_is_called_filename_is_no_file() {
    let stage = Stage::new(&[]);
    for name in ["filename", "Filename", "customs.filename_1"] {
        let answer = stage.sidecar.curl(&["-F", &format!("{name}=a.png")], "/trade/v1/payment");
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let seen = stage.upstream.requests().pop().unwrap();
        assert_eq!(seen.param(name).as_deref(), Some("a.png"));
        assert_eq!(seen.header("X-QF-SIGN"), Some(&*md5_elsewhere(&seen.params(), CLIENT_KEY)));
        let body = format!("--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n1\r\n--b--\r\n");
        let unquoted = ["-H", "Content-Type: multipart/form-data; boundary=b", "--data-binary", &body];
        assert_eq!(stage.sidecar.curl(&unquoted, "/trade/v1/payment").status, 200, "{name} without quotes");
        let file = format!("{name}=a;filename=");
        stage.sidecar.curl(&["-F", &file], "/trade/v1/payment").assert_failure(415, "file_upload");
    }
}

#[test]
fn an_underscored_app_code_is_not_overlooked() {
    let stage = Stage::new(&[]);
    let sent = ["-H", "X_QF_APPCODE: 00000000000000000000000000000000", "-d", "syssn=1"];
    stage.sidecar.curl(&sent, "/trade/v1/query").assert_failure(403, "app_unknown");
    stage.assert_nothing_sent();
}

#[test]
fn an_unknown_endpoint_moves_money_until_known_better() {
    let stage = Stage::new(&[]);
    stage.sidecar.curl(&[] as &[&str], "/trade/v1/brand_new?a=1").assert_failure(405, "method_not_allowed");
    stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/refund.").assert_failure(400, "target_refused");
    stage.assert_nothing_sent();
    assert_eq!(stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/brand_new").status, 200);
}

#[test]
fn a_query_that_timed_out_may_simply_be_asked_again() {
    let stage = Stage::new(&["upstream.connect_timeout_ms=200", "upstream.call_timeout_ms=200"]);
    stage.upstream.script([Reply::hang(), Reply::hang()]);
    let answer = stage.sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/query").json();
    assert_eq!((&answer["respcd"], &answer["error"]["delivery"]), (&"1298".into(), &"unknown".into()));
    assert!(answer["error"]["hint"].as_str().unwrap().contains("send it again"), "{answer}");
    let answer = stage.sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/refund").json();
    assert!(answer["error"]["hint"].as_str().unwrap().contains("Do not send it again"), "{answer}");
}

#[test]
fn half_sent_bodies_do_not_use_up_the_places_of_calls() {
    let stage = Stage::new(&["limits.in_flight=1"]);
    let mut slow: Vec<_> = (0..3).map(|_| stage.sidecar.connect()).collect();
    for connection in &mut slow {
        connection
            .write("POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\ntxamt=1");
    }
    assert_eq!(stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query").status, 200);
}

#[test]
fn what_is_wrong_with_a_body_is_told_also_when_all_places_are_taken() {
    let stage = Stage::new(&["limits.in_flight=1", "limits.body_bytes=10"]);
    stage.upstream.script([Reply::hang()]);
    let mut first = stage.sidecar.connect();
    first.write("POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1");
    stage.upstream.wait_for_requests(1);
    // "busy" would have the caller try again, for ever.
    stage.sidecar.curl(&["-d", "syssn=123456789"], "/trade/v1/query").assert_failure(413, "body_too_large");
}

#[test]
fn a_slow_head_is_closed_and_an_idle_connection_is_not() {
    let stage = Stage::new(&["limits.header_timeout_ms=300", "limits.idle_timeout_ms=60000"]);
    let mut idle = stage.sidecar.connect();
    idle.write("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(idle.read().status, 404);
    let since = Instant::now();
    let (mut silent, mut slow) = (stage.sidecar.connect(), stage.sidecar.connect());
    slow.write("GET /nowhere HTTP/1.1\r\nHost: loc");
    // Who sent nothing has asked for nothing.
    assert!(silent.try_read().is_none());
    stage.sidecar.seen(slow.read()).assert_failure(408, "head_too_slow");
    assert!(since.elapsed() >= Duration::from_millis(300));
    // Idle for longer than a head may take, and still open.
    idle.write("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(idle.read().status, 404);
    // A slow head on a connection that was used before is closed as well.
    idle.write("GET /now");
    idle.read().assert_failure(408, "head_too_slow");
    assert!(idle.try_read().is_none());
}

#[test]
fn an_idle_connection_is_closed_in_the_end() {
    let stage = Stage::new(&["limits.idle_timeout_ms=300"]);
    let mut idle = stage.sidecar.connect();
    idle.write("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(idle.read().status, 404);
    assert!(idle.try_read().is_none());
}

#[test]
fn a_caller_that_does_not_read_is_let_go() {
    let stage =
        Stage::new(&["limits.idle_timeout_ms=300", "limits.connections=1", "listen.admin=127.0.0.1:0"]);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n";
    stage.upstream.script([Reply::raw(head).then_repeat(vec![b'x'; 64_000], 1000)]);
    let mut lazy = stage.sidecar.connect();
    lazy.write("POST /download HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(lazy.read().status, 404);
    lazy.write("POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\nsyssn=1");
    // With one connection allowed, the next caller is served only once this one, which reads nothing, is gone.
    assert_eq!(stage.sidecar.curl(&[] as &[&str], "/nowhere").status, 404);
    drop(lazy);
}

#[test]
fn not_sent_is_said_only_where_the_upstream_got_nothing() {
    // Accepts, and is at its end before or while the request comes: sometimes hyper notices first.
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("upstream.base_url=http://{}", upstream.local_addr().unwrap());
    let server = thread::spawn(move || {
        (0..30)
            .map(|_| {
                let (mut connection, _) = upstream.accept().unwrap();
                connection.shutdown(Shutdown::Write).unwrap();
                let mut seen = Vec::new();
                let _ = connection.read_to_end(&mut seen);
                seen.len()
            })
            .collect::<Vec<_>>()
    });
    let stage = Stage::new(&[&base]);
    let told: Vec<_> = (0..30)
        .map(|_| {
            let answer = stage.sidecar.curl(&["-d", "txamt=1"], "/trade/v1/payment");
            assert_eq!(answer.status, 502, "{}", answer.text());
            answer.header("X-Sidecar-Delivery").unwrap().to_owned()
        })
        .collect();
    for (told, seen) in told.iter().zip(server.join().unwrap()) {
        assert!(told == "unknown" || seen == 0, "{told}, but the upstream got {seen} bytes");
    }
}
