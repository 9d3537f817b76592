//! QFPay's answers come back byte for byte, but for headers that belong to one connection.

use std::time::Duration;

use crate::support::*;

#[test]
fn answers_come_back_byte_for_byte() {
    let stage = Stage::new(&[]);
    let zip: Vec<u8> = b"PK\x03\x04".iter().copied().chain(0..=255).collect();
    let bodies: [(&str, &[u8]); 8] = [
        ("application/json", br#"{"respcd": "0000",}"#), // QFPay's own examples end like this
        ("application/json", "{\"resperr\": \"\u{4ea4}\u{6613}\u{6210}\u{529f}\"}\n".as_bytes()),
        ("application/json", b"\xef\xbb\xbf{\"respcd\":\"0000\"}"),
        ("text/html; charset=GBK", b"<p>\xb2\xe2\xca\xd4</p>"),
        ("application/zip", &zip),
        ("application/json", b""),
        ("text/plain", b" \r\n\r\n "),
        ("application/json", br#"{"a":1.10,"b":"\u8336","a":2}"#),
    ];
    for (kind, body) in bodies {
        stage.upstream.script([Reply::of("200 OK", &format!("Content-Type: {kind}\r\n"), body)]);
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(kind)));
        assert_eq!(answer.body, body, "{}", body.escape_ascii());
        assert_eq!(answer.header("X-Sidecar-Error"), None);
        assert_eq!(answer.header("X-Sidecar-Delivery"), None);
    }
}

#[test]
fn every_status_with_a_respcd_passes() {
    let stage = Stage::new(&[]);
    let statuses = [200, 201, 202, 206, 299, 400, 401, 403, 404, 405, 408, 409, 418]
        .into_iter()
        .chain([421, 422, 425, 429, 451, 499, 500, 501, 502, 503, 504, 520, 599]);
    let mut count = 0;
    for status in statuses {
        let location = format!(
            "Location: http://{0}/trade/v1/refund\r\nRefresh: 0; url=http://{0}/\r\n",
            stage.upstream.address
        );
        let body = format!(r#"{{"respcd":"{status}"}}"#);
        stage.upstream.script([Reply::of(&format!("{status} Whatever"), &location, &body)]);
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/payment");
        count += 1;
        assert_eq!((answer.status, answer.text()), (status, &*body));
        assert_eq!((answer.header("Location"), answer.header("Refresh")), (None, None));
        assert!(!answer.is_failure(), "{status}: this is QFPay's answer");
        assert_eq!(stage.upstream.requests().len(), count, "{status}: exactly one request each");
    }
}

#[test]
fn answers_without_a_body_pass() {
    let stage = Stage::new(&[]);
    stage.upstream.script([Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"), Reply::of("200 OK", "", "")]);
    for status in [204, 200] {
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
}

#[test]
fn interim_answers_of_qfpay_are_not_the_answer() {
    let stage = Stage::new(&[]);
    let twice =
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    stage.upstream.script([Reply::raw(twice)]);
    let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
    assert_eq!((answer.status, answer.text()), (200, "ok"));
}

#[test]
fn chunked_answers_and_answers_that_end_with_the_connection_pass() {
    let stage = Stage::new(&[]);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
    let until_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde";
    let old = "HTTP/1.0 200 OK\r\n\r\nabcde";
    stage.upstream.script([
        Reply::raw(chunked),
        Reply::raw(until_close).then_close(),
        Reply::raw(old).then_close(),
        Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
            .then_drip("cde", Duration::from_millis(5)),
    ]);
    for _ in 0..4 {
        let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
        assert_eq!((answer.status, answer.text()), (200, "abcde"));
    }
}

#[test]
fn an_answer_of_five_mebibytes_streams_through_whole() {
    let stage = Stage::new(&[]);
    let piece: Vec<u8> = (0..=255).cycle().take(65536).collect();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: {}\r\n\r\n", 80 * 65536);
    stage.upstream.script([Reply::raw(head).then_repeat(&piece, 80)]);
    let answer = stage.sidecar.curl(&["-d", "a=1"], "/trade/v1/query");
    assert_eq!(answer.status, 200);
    assert!(answer.body == piece.repeat(80), "{} bytes came back", answer.body.len());
}

#[test]
fn an_answer_that_no_memory_is_left_for_streams() {
    // More than the buffers between the sidecar and its caller hold.
    let large = 12 << 20;
    let stage = Stage::new(&[
        &format!("limits.answer_whole_bytes={large}"),
        &format!("limits.answer_memory_bytes={large}"),
    ]);
    let breaks_off = |bytes: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes + 1);
        Reply::raw(head).then_bytes(vec![b'x'; bytes]).then_close()
    };
    // Not repeated, and of no money: this is about answers that may stream.
    let note = |bytes| {
        stage.upstream.script([breaks_off(bytes)]);
        let mut caller = stage.sidecar.connect();
        caller.write("POST /trade/v1/add_note?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut line = [0; 12];
        std::io::Read::read_exact(&mut caller.0, &mut line).unwrap();
        String::from_utf8(line.to_vec()).unwrap()
    };
    // Read whole, so that its end is missed in time.
    assert_eq!(note(100_000), "HTTP/1.1 502");
    stage.upstream.script([Reply::of("200 OK", "", vec![b'x'; large])]);
    let mut slow = stage.sidecar.connect();
    slow.write("POST /trade/v1/add_note?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::io::Read::read_exact(&mut slow.0, &mut [0; 12]).unwrap();
    assert_eq!(note(100_000), "HTTP/1.1 200", "the memory is taken");
    assert_eq!(note(1_000), "HTTP/1.1 502", "small answers need none");
    drop(slow);
    let deadline = std::time::Instant::now() + SOON;
    while note(100_000) != "HTTP/1.1 502" {
        assert!(std::time::Instant::now() < deadline, "the memory is not given back");
    }
}

#[test]
fn answers_lose_what_belongs_to_one_connection_and_what_only_the_sidecar_says() {
    let stage = Stage::new(&[]);
    let headers = "Content-Type: application/json\r\nDate: Mon, 17 Nov 2025 10:00:00 GMT\r\nServer: nginx\r\n\
        X-QF-SIGN: 1E2CE7C2A7F8F581C354A857182B7A31\r\nX-QF-SIGNTYPE: MD5\r\nCache-Control: no-cache\r\nETag: \"x\"\r\n\
        Connection: keep-alive, X-Hop\r\nConnection: X-Other-Hop\r\nX-Hop: 1\r\nX-Other-Hop: 1\r\nKeep-Alive: timeout=500\r\n\
        Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTE: x\r\nTrailer: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
        Strict-Transport-Security: max-age=1\r\nAlt-Svc: h3=\":443\"\r\nX-Sidecar-Error: forged\r\n\
        X-Sidecar-Delivery: not_sent\r\nx_sidecar_delivery: not_sent\r\nX-Sidecar-Request-Id: forged\r\n";
    stage.upstream.script([Reply::of("200 OK", headers, "{}")]);
    let answer = stage.sidecar.curl(&["-H", "X-Request-Id: shop-7", "-d", "a=1"], "/trade/v1/query");
    let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    let expected = [
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "etag",
        "keep-alive",
        "server",
        "x-sidecar-request-id",
        "x-sidecar-response-signature",
    ];
    assert_eq!(names, expected);
    assert_eq!(
        answer.header("X-Sidecar-Response-Signature"),
        Some("invalid"),
        "X-QF-SIGN was looked at, and kept"
    );
    assert_eq!(answer.header("Keep-Alive"), Some("timeout=74"), "the sidecar's own, below idle_timeout_ms");
    assert_eq!(answer.header("Date"), Some("Mon, 17 Nov 2025 10:00:00 GMT"));
    assert_eq!(answer.header("X-Sidecar-Request-Id"), Some("shop-7"));
}
