//! Where notifications may come from.

use super::stage::{PATH, Relay, assert_acknowledged, notification, success};
use crate::support::{Answer, curl};

const QFPAY: &str = "18.138.115.47";

fn forwarded(relay: &Relay, headers: &str) -> Answer {
    let vector = notification();
    relay.post(&format!("X-QF-SIGN: {}\r\n{headers}", vector.sign), vector.canonical.as_bytes())
}

#[test]
fn the_socket_counts_and_no_header() {
    let relay = Relay::new("allowed_sources = [\"qfpay\"]");
    for headers in
        ["".to_owned(), format!("X-Forwarded-For: {QFPAY}\r\n"), format!("X_Forwarded_For: {QFPAY}\r\n")]
    {
        forwarded(&relay, &headers).assert_failure(403, "source_refused");
    }
    relay.assert_nothing_relayed();
    relay.sidecar.wait_for_log(&["notification", "source_refused", "127.0.0.1"]);

    let relay = Relay::new("allowed_sources = [\"qfpay\", \"127.0.0.0/8\"]");
    relay.receiver.script([success()]);
    assert_acknowledged(&relay.notify());
}

#[test]
fn a_trusted_proxy_says_who_it_was() {
    let trust = "notifications.trusted_proxies=127.0.0.1,10.0.0.0/8";
    let relay = Relay::launch("allowed_sources = [\"qfpay\"]", |launch| launch.set(trust));
    let refused = [
        String::new(),
        "X-Forwarded-For: 203.0.113.9\r\n".to_owned(),
        // What stands before the last untrusted hop was written by that hop.
        format!("X-Forwarded-For: {QFPAY}, 203.0.113.9\r\n"),
        format!("X-Forwarded-For: {QFPAY}\r\nX-Forwarded-For: 203.0.113.9\r\n"),
        format!("X-Forwarded-For: {QFPAY}, unknown\r\n"),
        format!("X-Forwarded-For: {QFPAY},\r\n"),
        format!("X_Forwarded_For: {QFPAY}\r\n"),
        format!("X-Real-IP: {QFPAY}\r\nForwarded: for={QFPAY}\r\n"),
    ];
    for headers in refused {
        forwarded(&relay, &headers).assert_failure(403, "source_refused");
    }
    relay.assert_nothing_relayed();
    for good in [QFPAY.to_owned(), format!("203.0.113.9, {QFPAY}, 10.1.2.3"), format!("{QFPAY}:4711")] {
        relay.receiver.script([success()]);
        assert_acknowledged(&forwarded(&relay, &format!("X-Forwarded-For: {good}\r\n")));
    }
}

#[test]
fn a_unix_socket_takes_notifications() {
    let relay = Relay::launch("", |launch| launch.set("listen.notifications=unix:{folder}/n.sock"));
    relay.receiver.script([success()]);
    let vector = notification();
    let socket = relay.sidecar.folder.path().join("n.sock");
    let (sign, url) = (format!("X-QF-SIGN: {}", vector.sign), format!("http://localhost{PATH}"));
    let socket = socket.to_str().unwrap();
    let answer = curl(&["--unix-socket", socket, "-H", &sign, "--data-binary", &vector.canonical, &url]);
    assert_acknowledged(&answer);
}
