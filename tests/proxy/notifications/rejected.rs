//! What is not QFPay's, or not whole, reaches nobody.

use std::time::{Duration, Instant};

use super::stage::{OTHER_KEY, PATH, Relay, assert_acknowledged, notification, request, sign, success};
use crate::support::{SOON, md5_of_body, vector};

#[test]
fn forged_signatures_and_changed_bytes_are_401() {
    let (relay, vector) = (Relay::new(""), notification());
    let body = vector.canonical.as_bytes();
    let mut changed = body.to_vec();
    changed[body.len() - 3] ^= 1;
    let compact: serde_json::Value = serde_json::from_slice(body).unwrap();
    let compact = compact.to_string();
    let with_newline = [body, b"\n"].concat();
    let other = md5_of_body(body, OTHER_KEY);
    // Python: hashlib.md5(body).hexdigest() without the key is what md5sum prints with an empty one.
    let keyless = md5_of_body(body, "");
    let key_first = md5_of_body(crate::support::CLIENT_KEY.as_bytes(), &vector.canonical);
    let cases: [(&str, &str, &[u8]); 9] = [
        ("forged", "00000000000000000000000000000000", body),
        ("changed", &vector.sign, &changed),
        ("cut off", &vector.sign, &body[..body.len() - 1]),
        ("re-serialised", &vector.sign, compact.as_bytes()),
        ("with a newline", &vector.sign, &with_newline),
        ("another app's key", &other, body),
        ("no key", &keyless, body),
        ("key first", &key_first, body),
        // Published with the vector: what a receiver computes that prints the JSON again.
        ("compact", "85DA88AA8A8F2DC3497692BA6BCF43B1", body),
    ];
    for (name, sign, body) in cases {
        let answer = relay.signed(sign, body);
        assert_eq!(
            (answer.status, answer.header("X-Sidecar-Error")),
            (401, Some("signature_wrong")),
            "{name}"
        );
        assert!(!answer.text().contains(sign), "{name}: the answer repeats the signature");
    }
    relay.assert_nothing_relayed();
}

#[test]
fn other_bytes_of_the_same_meaning_are_401() {
    let relay = Relay::new("");
    let escaped = vector("notify_unicode_escaped");
    let raw = vector("notify_unicode_raw_utf8");
    relay.signed(&escaped.sign, raw.canonical.as_bytes()).assert_failure(401, "signature_wrong");
    relay.signed(&raw.sign, escaped.canonical.as_bytes()).assert_failure(401, "signature_wrong");
    relay.assert_nothing_relayed();
}

#[test]
fn anything_but_one_header_of_32_hex_digits_is_400() {
    let (relay, vector) = (Relay::new(""), notification());
    let (good, body) = (vector.sign.as_str(), vector.canonical.as_bytes());
    for missing in ["".to_owned(), format!("X_QF_SIGN: {good}\r\n"), format!("X-QF_SIGN: {good}\r\n")] {
        relay.post(&missing, body).assert_failure(400, "signature_missing");
    }
    let sha256 = good.repeat(2);
    for malformed in [
        "X-QF-SIGN: \r\n".to_owned(),
        format!("X-QF-SIGN: {}\r\n", &good[..31]),
        format!("X-QF-SIGN: {}\r\n", &good[..16]),
        format!("X-QF-SIGN: {good}0\r\n"),
        format!("X-QF-SIGN: {sha256}\r\nX-QF-SIGNTYPE: SHA256\r\n"),
        format!("X-QF-SIGN: {}\r\n", good.replace('E', "G")),
        format!("X-QF-SIGN: \"{good}\"\r\n"),
        format!("X-QF-SIGN: {good}, {good}\r\n"),
        format!("X-QF-SIGN: {good}\r\nX-QF-SIGN: {good}\r\n"),
        format!("X-QF-SIGN: {good}\r\nx-qf-sign: 00000000000000000000000000000000\r\n"),
        format!("X-QF-SIGN: {good}\r\nX_QF_SIGN: {good}\r\n"),
        format!("X-QF_SIGN: 0\r\nX-QF-SIGN: {good}\r\n"),
    ] {
        relay.post(&malformed, body).assert_failure(400, "signature_malformed");
    }
    relay.assert_nothing_relayed();
}

#[test]
fn an_empty_body_proves_nothing() {
    let (relay, vector) = (Relay::new(""), vector("notify_empty_body"));
    relay.signed(&vector.sign, b"").assert_failure(400, "body_empty");
    relay.assert_nothing_relayed();
}

#[test]
fn methods_paths_and_targets_are_matched_to_the_letter() {
    let (relay, vector) = (Relay::new(""), notification());
    let send = |first_line: String| {
        let mut connection = relay.connect();
        let (sign, body) = (&vector.sign, &vector.canonical);
        let head = format!("Host: localhost\r\nX-QF-SIGN: {sign}\r\nContent-Length: {}\r\n\r\n", body.len());
        connection.write(format!("{first_line}\r\n{head}{body}"));
        relay.sidecar.seen(connection.read())
    };
    for method in ["GET", "PUT", "OPTIONS", "DELETE", "post"] {
        let answer = send(format!("{method} {PATH} HTTP/1.1"));
        answer.assert_failure(405, "method_not_allowed");
        assert_eq!(answer.header("Allow"), Some("POST"));
    }
    for path in
        ["/", "/qfpay/notify/", "/QFPAY/notify", "//qfpay/notify", "/qfpay/./notify", "/qfpay%2fnotify"]
    {
        send(format!("POST {path} HTTP/1.1")).assert_failure(404, "notification_path_unknown");
    }
    send(format!("POST http://elsewhere.test{PATH} HTTP/1.1")).assert_failure(400, "target_refused");
    relay.assert_nothing_relayed();
    // A query is not signed and plays no part.
    relay.receiver.script([success()]);
    assert_acknowledged(&send(format!("POST {PATH}?x=1 HTTP/1.1")));
}

#[test]
fn the_bound_on_bytes_holds_to_the_byte() {
    let relay = Relay::new("");
    let most = [b"{".as_slice(), &[b'x'; 262_143]].concat();
    relay.assert_relayed(&sign(&most), &most);
    let requests = relay.receiver.requests().len();
    let more = vec![b'x'; 262_145];
    relay.signed(&sign(&more), &more).assert_failure(413, "body_too_large");
    let mut connection = relay.connect();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: localhost\r\nX-QF-SIGN: {}\r\n", sign(&more));
    connection.write(format!("{head}Transfer-Encoding: chunked\r\n\r\n40001\r\n"));
    connection.write(&more);
    relay.sidecar.seen(connection.read()).assert_failure(413, "body_too_large");
    assert_eq!(relay.receiver.requests().len(), requests);
}

#[test]
fn a_megabyte_is_refused_unless_the_setting_says_otherwise() {
    let megabyte = vec![b'{'; 1 << 20];
    let relay = Relay::new("");
    relay.signed(&sign(&megabyte), &megabyte).assert_failure(413, "body_too_large");
    relay.assert_nothing_relayed();
    let relay = Relay::launch("", |launch| launch.set("notifications.body_bytes=1048576"));
    relay.assert_relayed(&sign(&megabyte), &megabyte);
}

#[test]
fn slow_and_broken_bodies_are_refused() {
    let relay = Relay::launch("", |launch| launch.set("limits.body_timeout_ms=200"));
    let vector = notification();
    let whole = request(&format!("X-QF-SIGN: {}\r\n", vector.sign), vector.canonical.as_bytes());
    let since = Instant::now();
    let mut connection = relay.connect();
    connection.write(&whole[..whole.len() - 1]);
    relay.sidecar.seen(connection.read()).assert_failure(408, "body_too_slow");
    assert!(since.elapsed() >= Duration::from_millis(200) && since.elapsed() < SOON);

    let mut connection = relay.connect();
    connection.write(&whole[..whole.len() - 1]);
    connection.end();
    connection.try_read();
    relay.sidecar.wait_for_log(&["notification", "body_incomplete"]);
    relay.assert_nothing_relayed();
}
