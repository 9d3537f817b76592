//! What QFPay signed reaches the receiver, byte for byte, and with nothing but the sidecar's own headers.

use super::stage::{OTHER_KEY, PATH, PREVIOUS_KEY, Relay, assert_acknowledged, notification, sign, success};
use crate::support::{FakeUpstream, Stage, md5_of_body, vectors};

#[test]
fn every_notification_vector_is_relayed_unmodified() {
    let relay = Relay::new("");
    let vectors = vectors();
    let filled =
        vectors.iter().filter(|vector| vector.name.starts_with("notify_") && !vector.canonical.is_empty());
    let mut relayed = 0;
    for vector in filled {
        let request = relay.assert_relayed(&vector.sign, vector.canonical.as_bytes());
        assert_eq!((request.method(), request.target()), ("POST", "/shop/n.php?t=1"));
        relayed += 1;
    }
    assert_eq!(relayed, 4);
    relay.sidecar.wait_for_log(&["notification", "route=\"/qfpay/notify\"", "app=\"shop\"", "acknowledged"]);
    let metrics = relay.sidecar.admin("/metrics");
    let counted = r#"notifications_total{route="/qfpay/notify",app="shop",outcome="acknowledged"} 4"#;
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

#[test]
fn either_hex_case_is_read() {
    let (relay, vector) = (Relay::new(""), notification());
    relay.assert_relayed(&vector.sign.to_lowercase(), vector.canonical.as_bytes());
}

#[test]
fn white_space_and_binary_bytes_stay() {
    let relay = Relay::new("");
    for body in [&b"{\"a\": 1}\n"[..], b"\xef\xbb\xbf{}\r\n\r\n", b" {", b"{\x00\xff\xfe"] {
        relay.assert_relayed(&sign(body), body);
    }
}

#[test]
fn what_a_browser_url_signs_is_no_notification() {
    // QFPay's one rule makes the sign of an oauth URL a signature over this text, and PHP reads orders from it.
    let relay = Relay::new("");
    for body in
        [&b"app_code=A&redirect_uri=https://x.test/?a=1&status=1&out.trade.no=1"[..], b" ", b"[]", b"\xff{"]
    {
        relay.signed(&sign(body), body).assert_failure(400, "notification_not_json");
    }
    relay.assert_nothing_relayed();
}

#[test]
fn the_previous_key_verifies_while_it_is_configured() {
    let (relay, vector) = (Relay::new(""), notification());
    let body = vector.canonical.as_bytes();
    let request = relay.assert_relayed(&md5_of_body(body, PREVIOUS_KEY), body);
    assert_eq!(request.header("X-Sidecar-Verified"), Some("shop"));
    assert!(relay.sidecar.screen().contains("/previous"), "{}", relay.sidecar.screen());

    let receiver = FakeUpstream::start();
    let launch = Relay::start(&receiver, "app = \"shop\"").set("apps.shop.client_key_previous_file=");
    let relay = Relay { receiver, sidecar: launch.start() };
    relay.signed(&md5_of_body(body, PREVIOUS_KEY), body).assert_failure(401, "signature_wrong");
    relay.assert_nothing_relayed();
}

#[test]
fn the_previous_key_signs_no_call() {
    let upstream = FakeUpstream::start();
    let launch = Relay::start(&upstream, "app = \"shop\"");
    let stage = Stage { upstream, sidecar: launch.start() };
    stage.sidecar.curl(&["-d", "txamt=100"], "/trade/v1/payment");
    // Compares with md5sum over the present key.
    stage.only_request();
}

#[test]
fn a_shared_path_names_the_app_whose_key_it_was() {
    let receiver = FakeUpstream::start();
    let launch = Relay::start(&receiver, "");
    let relay = Relay { receiver, sidecar: launch.start() };
    let vector = notification();
    let body = vector.canonical.as_bytes();
    let request = relay.assert_relayed(&vector.sign, body);
    assert_eq!(request.header("X-Sidecar-Verified"), Some("shop"));
    let request = relay.assert_relayed(&md5_of_body(body, OTHER_KEY), body);
    assert_eq!(request.header("X-Sidecar-Verified"), Some("other"));
}

#[test]
fn no_header_of_the_sender_passes() {
    let (relay, vector) = (Relay::new(""), notification());
    relay.receiver.script([success()]);
    let spoofed = "X-Sidecar-Verified: other\r\nX_Sidecar_Verified: other\r\nX-SIDECAR_VERIFIED: other\r\n\
                   x_sidecar-verified: other\r\nX-Sidecar-Duplicate: true\r\nX_SIDECAR_DUPLICATE: true\r\n\
                   X-Sidecar-Request-Id: mine\r\nX_Sidecar_Request_Id: mine\r\nX-Request-Id: mine\r\n\
                   X-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nAuthorization: Basic x\r\nUser-Agent: x\r\n\
                   Content-Encoding: gzip\r\n\
                   Connection: keep-alive, X-Sidecar-Verified, Content-Type\r\n";
    let headers = format!("X-QF-SIGN: {}\r\n{spoofed}", vector.sign);
    let mut connection = relay.connect();
    connection.write(super::stage::request(&headers, vector.canonical.as_bytes()));
    let answer = connection.read();
    assert_acknowledged(&answer);
    let request = relay.receiver.requests().remove(0);
    let ours = ["content-length", "content-type", "host", "x-sidecar-request-id", "x-sidecar-verified"];
    assert_eq!(request.header_names(), ours);
    assert_eq!(request.header("Content-Type"), Some("application/json"));
    assert_eq!(request.header("X-Sidecar-Verified"), Some("shop"));
    assert_eq!(request.header("X-Sidecar-Request-Id"), answer.header("X-Sidecar-Request-Id"));
    assert_ne!(request.header("X-Sidecar-Request-Id"), Some("mine"));
    assert_eq!(request.header("Host"), Some(relay.receiver.address.as_str()));
}

#[test]
fn the_receiver_gets_json_whatever_content_type_was_sent() {
    let relay = Relay::new("");
    // As a form, this is another order: its last field wins.
    let body = br#"{"out_trade_no": "A1", "goods_name": "&out_trade_no=B2&txamt=1&"}"#;
    let form = "application/x-www-form-urlencoded";
    for content_type in
        [form, "multipart/form-data; boundary=b", "text/plain", "application/json; charset=gbk", ""]
    {
        relay.receiver.script([success()]);
        let line =
            if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{line}X-QF-SIGN: {}\r\nContent-Length: {}\r\n\r\n",
            sign(body),
            body.len()
        );
        let mut connection = relay.connect();
        connection.write([head.as_bytes(), body].concat());
        assert_acknowledged(&connection.read());
        let request = relay.receiver.requests().pop().unwrap();
        assert_eq!(request.header("Content-Type"), Some("application/json"), "{content_type}");
        assert!(request.body() == body);
    }
}

#[test]
fn the_service_cannot_sign_and_serves_nothing_else() {
    let relay = Relay::new("");
    for path in [
        "/trade/v1/payment",
        "/sidecar/v1/verify",
        "/tool/v1/get_weixin_oauth_code",
        "/checkstand/",
        "/metrics",
    ] {
        for method in ["GET", "POST"] {
            let mut connection = relay.connect();
            connection
                .write(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"));
            relay.sidecar.seen(connection.read()).assert_failure(404, "notification_path_unknown");
        }
    }
    // And the API listener takes no notifications.
    let vector = notification();
    let sign = format!("X-QF-SIGN: {}", vector.sign);
    let answer = relay.sidecar.curl(&["-H", &sign, "-d", &vector.canonical], PATH);
    answer.assert_failure(404, "path_unknown");
    relay.assert_nothing_relayed();
}
