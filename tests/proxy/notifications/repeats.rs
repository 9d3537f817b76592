//! Notifications that were acknowledged before.

use super::stage::{OTHER_KEY, Relay, assert_acknowledged, sign, success};
use crate::support::{CLIENT_KEY, FakeUpstream, Reply, md5_of_body};

#[test]
fn a_repeat_is_passed_on_and_marked() {
    let relay = Relay::new("");
    relay.receiver.script([success(), success()]);
    assert_acknowledged(&relay.notify());
    assert_acknowledged(&relay.notify());
    let marks: Vec<_> = relay.receiver.requests();
    let marks: Vec<_> = marks.iter().map(|request| request.header("X-Sidecar-Duplicate")).collect();
    assert_eq!(marks, [None, Some("true")]);
    relay.sidecar.wait_for_log(&["notification", "duplicate=true"]);
}

#[test]
fn another_apps_signature_makes_no_repeat() {
    // Whoever holds one key could otherwise make another app's notification vanish.
    let receiver = FakeUpstream::start();
    let relay = Relay { sidecar: Relay::start(&receiver, "duplicates = \"absorb\"").start(), receiver };
    let body = br#"{"notify_type": "payment"}"#;
    relay.receiver.script([success(), success()]);
    for key in [OTHER_KEY, CLIENT_KEY, CLIENT_KEY] {
        assert_acknowledged(&relay.signed(&md5_of_body(body, key), body));
    }
    let requests = relay.receiver.requests();
    let apps: Vec<_> = requests.iter().map(|request| request.header("X-Sidecar-Verified").unwrap()).collect();
    assert_eq!(apps, ["other", "shop"], "shop's second one was absorbed");
}

#[test]
fn what_was_not_acknowledged_is_no_duplicate() {
    let relay = Relay::new("duplicates = \"absorb\"");
    relay.receiver.script([Reply::of("500 Internal Server Error", "", ""), success()]);
    relay.notify().assert_failure(502, "receiver_refused");
    assert_acknowledged(&relay.notify());
    let requests = relay.receiver.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("X-Sidecar-Duplicate"), None);
}

#[test]
fn absorb_answers_without_bothering_the_receiver() {
    let relay = Relay::new("duplicates = \"absorb\"");
    relay.receiver.script([success()]);
    for _ in 0..3 {
        assert_acknowledged(&relay.notify());
    }
    assert_eq!(relay.receiver.requests().len(), 1);
    // Other bytes are another notification, and a forged repeat is none.
    relay.receiver.script([success()]);
    assert_acknowledged(&relay.signed(&sign(b"{}"), b"{}"));
    assert_eq!(relay.receiver.requests().len(), 2);
    relay.signed(&"0".repeat(32), b"{}").assert_failure(401, "signature_wrong");
    let metrics = relay.sidecar.admin("/metrics");
    assert!(metrics.text().contains(r#"outcome="absorbed"} 2"#), "{}", metrics.text());
}

#[test]
fn memory_is_bounded_and_the_oldest_goes_first() {
    let relay = Relay::launch("duplicates = \"absorb\"", |launch| launch.set("notifications.remember=2"));
    relay.receiver.script((0..4).map(|_| success()));
    let notify = |body: &[u8]| assert_acknowledged(&relay.signed(&sign(body), body));
    notify(b"{1}");
    notify(b"{2}");
    notify(b"{3}");
    notify(b"{3}");
    notify(b"{2}");
    assert_eq!(relay.receiver.requests().len(), 3, "the last two were absorbed");
    notify(b"{1}");
    assert_eq!(relay.receiver.requests().len(), 4, "the oldest was forgotten");
}
