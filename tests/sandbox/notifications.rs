//! Notifications that are repeated until the shop says SUCCESS, on QFPay's schedule, a million times faster.

use std::time::Duration;

use qfpay_sidecar::sandbox::{Options, SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCCESS";
const NOT_YET: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BROKEN: &str = "HTTP/1.1 500 Oops\r\nContent-Length: 7\r\n\r\nSUCCESS";
const ELSEWHERE: &str =
    "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 7\r\n\r\nSUCCESS";

fn sandbox_for(listener: &TcpListener, time_scale: u32) -> Sandbox {
    let notify_url = Some(format!("http://{}/notify", listener.local_addr().unwrap()));
    let apps = [app("shop", SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, None)];
    let options = Options { base: BASE.into(), notify_url, time_scale, ..Options::default() };
    Sandbox::new(&apps, options).unwrap()
}

/// Takes one notification, answers it, and gives head and body.
async fn take(listener: &TcpListener, answer: &str) -> String {
    let taken = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut some) = (Vec::new(), [0; 4096]);
        while !read.ends_with(b"}") {
            let n = stream.read(&mut some).await.unwrap();
            assert!(n > 0, "the notification broke off");
            read.extend_from_slice(&some[..n]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(read).unwrap()
    };
    tokio::time::timeout(Duration::from_secs(10), taken).await.expect("a notification comes")
}

async fn console(sandbox: &Sandbox) -> String {
    send(sandbox, "GET", "/sandbox/", &[], "").await.unwrap().text()
}

/// Waits until the console says so.
async fn console_says(sandbox: &Sandbox, text: &str) -> String {
    let said = async {
        loop {
            let html = console(sandbox).await;
            if html.contains(text) {
                return html;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), said).await.unwrap_or_else(|_| panic!("never said: {text}"))
}

#[tokio::test]
async fn a_notification_is_repeated_until_it_is_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = sandbox_for(&listener, 1_000_000);
    paid(&sandbox, "A", "100").await;
    let first = take(&listener, NOT_YET).await;
    assert_eq!(take(&listener, BROKEN).await, first, "a repeat has the same bytes");
    assert_eq!(take(&listener, ELSEWHERE).await, first, "a redirect is not followed");
    assert_eq!(take(&listener, OK).await, first);
    let html = console_says(&sandbox, "accepted: HTTP 200, 7 bytes; done").await;
    for said in [
        "not accepted (QFPay wants 200 and SUCCESS): HTTP 200, 2 bytes",
        "HTTP 500, 7 bytes",
        "HTTP 307, 7 bytes",
    ] {
        assert!(html.contains(said), "{said}: {html}");
    }
}

#[tokio::test]
async fn a_refund_has_a_notification_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = sandbox_for(&listener, 1);
    let syssn = paid(&sandbox, "A", "100").await;
    assert!(take(&listener, OK).await.contains("\"notify_type\": \"payment\""));
    let refund = [("syssn", syssn.as_str()), ("out_trade_no", "R"), ("txamt", "100"), ("txdtm", TXDTM)];
    assert_eq!(call(&sandbox, "/trade/v1/refund", &refund).await.respcd(), "0000");
    let taken = take(&listener, OK).await;
    assert!(taken.contains("\"notify_type\": \"refund\"") && taken.contains("\"orig_out_trade_no\": \"A\""));
}

#[tokio::test]
async fn after_eight_attempts_it_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = sandbox_for(&listener, 1_000_000);
    paid(&sandbox, "A", "100").await;
    for _ in 0..8 {
        take(&listener, NOT_YET).await;
    }
    console_says(&sandbox, "given up: no attempt was accepted").await;
}

#[tokio::test]
async fn the_next_attempt_is_shown_and_waits_two_minutes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = sandbox_for(&listener, 1);
    paid(&sandbox, "A", "100").await;
    take(&listener, NOT_YET).await;
    console_says(&sandbox, "2 bytes; next attempt at 20").await;
}

#[tokio::test]
async fn nothing_is_sent_once_the_sandbox_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The second attempt would come after 120 ms.
    let sandbox = sandbox_for(&listener, 1000);
    paid(&sandbox, "A", "100").await;
    take(&listener, NOT_YET).await;
    console_says(&sandbox, "next attempt at").await;
    drop(sandbox);
    let more = tokio::time::timeout(Duration::from_millis(500), listener.accept()).await;
    assert!(more.is_err(), "a notification came after the end");
}
