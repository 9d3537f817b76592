//! The clock that tests can turn: what waits in the sandbox comes at its time, and not before.

use std::time::Duration;

use qfpay_sidecar::sandbox::{Options, SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::*;

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("ten seconds are enough")
}

/// A sandbox whose notifications come to this listener, at QFPay's own pace.
async fn with_receiver() -> (Sandbox, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notify_url = Some(format!("http://{}/notify", listener.local_addr().unwrap()));
    let apps = [app("shop", SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, None)];
    (Sandbox::new(&apps, Options { base: BASE.into(), notify_url, ..Options::default() }).unwrap(), listener)
}

/// Takes one notification and refuses it.
async fn taken(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut read, mut some) = (Vec::new(), [0; 1024]);
    while !read.ends_with(b"}") {
        let n = stream.read(&mut some).await.unwrap();
        read.extend_from_slice(&some[..n]);
    }
    stream.write_all(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    String::from_utf8(read).unwrap()
}

async fn nothing_comes(listener: &TcpListener) {
    let more = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(more.is_err(), "a notification came before its time");
}

#[tokio::test]
async fn a_day_of_repeated_notifications_passes_at_once() {
    let (sandbox, listener) = with_receiver().await;
    paid(&sandbox, "A", "100").await;
    let first = within(taken(&listener)).await;
    for (attempt, wait) in [120, 600, 600, 3600, 7200, 21_600, 54_000].into_iter().enumerate() {
        // The console lists each attempt, and the last one once more beside the order.
        within(async {
            let console = async || send(&sandbox, "GET", "/sandbox/", &[], "").await.unwrap().text();
            while console().await.matches("HTTP 503").count() != attempt + 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        turn(&sandbox, wait - 5).await;
        nothing_comes(&listener).await;
        turn(&sandbox, 5).await;
        assert_eq!(within(taken(&listener)).await, first, "after {wait} s");
    }
}

#[tokio::test]
async fn an_order_that_is_hidden_or_under_way_is_notified_when_it_comes_due() {
    for txamt in ["4200060", "4200061"] {
        let (sandbox, listener) = with_receiver().await;
        assert!(try_call(&sandbox, "/trade/v1/payment", &payment("M", "800201", txamt)).await.is_err());
        nothing_comes(&listener).await;
        let again = pay(&sandbox, &payment("M", "800201", "100")).await;
        assert_eq!(again.respcd(), "1251", "the number is taken, whoever can find the order");
        let close = [("out_trade_no", "M"), ("txamt", txamt), ("txdtm", TXDTM)];
        if txamt == "4200060" {
            assert_eq!(
                call(&sandbox, "/trade/v1/close", &close).await.respcd(),
                "1268",
                "nobody finds it yet"
            );
        }
        turn(&sandbox, 60).await;
        assert!(within(taken(&listener)).await.contains("\"out_trade_no\": \"M\""));
        assert_eq!(state_of(&sandbox, "M").await["respcd"], "0000");
        nothing_comes(&listener).await;
    }
}

#[tokio::test]
async fn late_answers_codes_dates_and_quotas_go_by_it() {
    let sandbox = sandbox_with(0, 2);
    let late = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { pay(&sandbox, &payment("L", "800201", "4200090")).await.respcd() }
    });
    within(async {
        while sandbox.received().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    turn(&sandbox, 90).await;
    assert_eq!(within(late).await.unwrap(), "0000");
    let query = [("out_trade_no", "L")];
    for status in [200, 200, 429] {
        assert_eq!(call(&sandbox, "/trade/v1/query", &query).await.status, status);
    }
    turn(&sandbox, 60).await;
    let before = state_of(&sandbox, "L").await["sysdtm"].as_str().unwrap().to_owned();
    turn(&sandbox, 86_400).await;
    paid(&sandbox, "N", "100").await;
    let after = state_of(&sandbox, "N").await["sysdtm"].as_str().unwrap().to_owned();
    assert!(after[..10] > before[..10], "{before}, a day later {after}");

    let oauth = [("app_code", SANDBOX_APP_CODE), ("redirect_uri", "http://127.0.0.1:8080/")];
    let sign = md5_sign(&oauth, SANDBOX_CLIENT_KEY);
    let target = format!("/tool/v1/get_weixin_oauth_code?{}&sign={sign}", form(&oauth));
    turn(&sandbox, 60).await;
    let got = send(&sandbox, "GET", &target, &[], "").await.unwrap();
    let code = got.header("location").split_once("code=").unwrap().1.to_owned();
    turn(&sandbox, 301).await;
    assert_eq!(get(&sandbox, "/tool/v1/get_weixin_openid", &[("code", &code)]).await.respcd(), "2005");
}

#[tokio::test]
async fn a_reset_forgets_everything_but_which_numbers_were_given() {
    let (sandbox, listener) = with_receiver().await;
    let before = paid(&sandbox, "A", "100").await;
    within(taken(&listener)).await;
    turn(&sandbox, 60).await;
    let got = send(&sandbox, "POST", "/sandbox/reset", &[], "").await.unwrap();
    assert_eq!((got.status.as_u16(), sandbox.received().len()), (200, 0));
    assert_eq!(send(&sandbox, "GET", "/sandbox/clock", &[], "").await.unwrap().json()["ahead_s"], 0);
    let rows = call(&sandbox, "/trade/v1/query", &[("out_trade_no", "A"), ("syssn", &before)]).await.json();
    assert_eq!(rows["data"].as_array().unwrap().len(), 0);
    assert!(!send(&sandbox, "GET", "/sandbox/", &[], "").await.unwrap().text().contains("HTTP 503"));
    turn(&sandbox, 3600).await;
    nothing_comes(&listener).await; // the repeat of what was forgotten
    assert_ne!(paid(&sandbox, "A", "100").await, before, "a syssn is never given twice");
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")];
    assert_eq!(send(&sandbox, "POST", "/sandbox/reset", &foreign, "").await.unwrap().status, 403);
    assert_eq!(
        send(&sandbox, "GET", "/sandbox/reset", &[], "").await.unwrap().status,
        404,
        "a link resets nothing"
    );
    assert_eq!(state_of(&sandbox, "A").await["respcd"], "0000");
}

#[tokio::test]
async fn the_clock_tells_what_it_does_and_refuses_what_it_cannot() {
    let sandbox = sandbox();
    let told = async || send(&sandbox, "GET", "/sandbox/clock", &[], "").await.unwrap().json();
    assert_eq!(told().await["ahead_s"], 0);
    turn(&sandbox, 90).await;
    assert_eq!(told().await["ahead_s"], 90);
    for bad in ["", "advance=", "advance=-1", "advance=1.5", "advance=1h", "advance=99999999999", "wait=1"] {
        let got = send(&sandbox, "POST", "/sandbox/clock", &[], bad).await.unwrap();
        assert_eq!(got.status, 400, "{bad}");
        assert!(got.json()["error"].as_str().unwrap().contains("seconds"), "{bad}");
    }
    assert_eq!(told().await["ahead_s"], 90);
    let foreign = [("origin", "https://evil.test")];
    let got = send(&sandbox, "POST", "/sandbox/clock", &foreign, "advance=1").await.unwrap();
    assert_eq!(got.status, 403);
}
