//! The payment page, the checkout, the console, and the notifications that follow a button.

use std::time::Duration;

use qfpay_sidecar::sandbox::{SANDBOX_CLIENT_KEY, Sandbox, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::*;

/// A shop that takes one notification: its head and its body.
async fn one_notification(listener: TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut read = Vec::new();
    loop {
        let mut some = [0; 4096];
        let n = stream.read(&mut some).await.unwrap();
        read.extend_from_slice(&some[..n]);
        let text = String::from_utf8(read.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCCESS").await.unwrap();
            return (head.to_owned(), body.to_owned());
        }
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("ten seconds are enough")
}

/// The path of the page behind a new MPM order.
async fn page_of(sandbox: &Sandbox, more: &[(&str, &str)]) -> String {
    let mut params = payment("A", "800201", "1250");
    params.extend_from_slice(more);
    let got = pay(sandbox, &params).await.json();
    got["qrcode"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

#[tokio::test]
async fn paying_notifies_the_shop_and_leads_back() {
    let sandbox = sandbox();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let notify_url = format!("http://{}/notify?shop=1", listener.local_addr().unwrap());
    let more = [
        ("notify_url", notify_url.as_str()),
        ("return_url", "http://127.0.0.1:8080/back?a=1"),
        ("goods_name", "茶"),
    ];
    let page = page_of(&sandbox, &more).await;
    let shown = send(&sandbox, "GET", &page, &[], "").await.unwrap();
    assert!(shown.text().contains("HKD 12.50") && shown.text().contains("茶"));
    assert!(shown.header("content-security-policy").contains("form-action 'self' http://127.0.0.1:8080;"));

    let received = tokio::spawn(one_notification(listener));
    let form = "action=pay&next=http%3A%2F%2F127.0.0.1%3A8080%2Fback%3Fa%3D1";
    let got = send(&sandbox, "POST", &page, &[], form).await.unwrap();
    assert_eq!((got.status.as_u16(), got.header("location")), (303, "http://127.0.0.1:8080/back?a=1"));
    let (head, body) = within(received).await.unwrap();
    assert!(
        head.starts_with("POST /notify?shop=1 HTTP/1.1\r\n")
            && head.contains("content-type: application/json")
    );
    let sign = hex::encode_upper(<md5::Md5 as md5::Digest>::digest(format!("{body}{SANDBOX_CLIENT_KEY}")));
    assert!(head.contains(&format!("x-qf-sign: {sign}")), "{head}");
    assert!(
        body.contains("\"out_trade_no\": \"A\"") && body.contains("\"goods_name\": \"\\u8336\""),
        "{body}"
    );
    assert_eq!(state_of(&sandbox, "A").await["respcd"], "0000");
    within(async {
        while !send(&sandbox, "GET", "/sandbox/", &[], "")
            .await
            .unwrap()
            .text()
            .contains("accepted: HTTP 200")
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn cancelling_leaves_the_order_unpaid() {
    let sandbox = sandbox();
    let page = page_of(&sandbox, &[]).await;
    let got = send(&sandbox, "POST", &page, &[], "action=cancel&next=javascript:alert(1)").await.unwrap();
    assert_eq!((got.status.as_u16(), got.header("location")), (200, ""));
    assert_eq!(state_of(&sandbox, "A").await["respcd"], "1143");
}

#[tokio::test]
async fn notifications_never_leave_this_machine() {
    let sandbox = sandbox();
    let page = page_of(&sandbox, &[("notify_url", "http://192.0.2.1/notify")]).await;
    send(&sandbox, "POST", &page, &[], "action=pay").await.unwrap();
    let console = send(&sandbox, "GET", "/sandbox/", &[], "").await.unwrap().text();
    assert!(console.contains("not sent: notify_url is not plain http to a loopback address"));
}

#[tokio::test]
async fn a_registered_url_gets_what_names_none() {
    let sandbox = sandbox();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.register_notify_url(&format!("http://{}/", listener.local_addr().unwrap()));
    let received = tokio::spawn(one_notification(listener));
    paid(&sandbox, "A", "100").await;
    assert!(within(received).await.unwrap().1.contains("\"notify_type\": \"payment\""));
}

/// `/q/direct` with the `pay_params` of a JSAPI order, percent-encoded once.
async fn direct(sandbox: &Sandbox, mchntnm: &str, txamt: &str) -> Got {
    let code = qfpay_sidecar::sandbox::SANDBOX_APP_CODE;
    let oauth = [("app_code", code), ("redirect_uri", "http://127.0.0.1:8080/")];
    let sign = md5_sign(&oauth, SANDBOX_CLIENT_KEY);
    let target = format!("/tool/v1/get_weixin_oauth_code?{}&sign={sign}", form(&oauth));
    let got = send(sandbox, "GET", &target, &[], "").await.unwrap();
    let code = got.header("location").split_once("code=").unwrap().1.to_owned();
    let openid = get(sandbox, "/tool/v1/get_weixin_openid", &[("code", &code)]).await.json();
    let mut params = payment("J", "800207", "100");
    params.push(("sub_openid", openid["openid"].as_str().unwrap()));
    let answer = pay(sandbox, &params).await.json();
    let mut query: Vec<(&str, &str)> = answer["pay_params"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str().unwrap()))
        .collect();
    query.extend([("mchntnm", mchntnm), ("txamt", txamt), ("currency", "HKD")]);
    query.push(("redirect_url", "https://shop.test/done"));
    send(sandbox, "GET", &format!("/q/direct?{}", form(&query)), &[], "").await.unwrap()
}

#[tokio::test]
async fn q_direct_shows_the_order_and_escapes_everything() {
    let shown = direct(&sandbox(), "<script>alert(1)</script>\"'", "100").await;
    assert_eq!(shown.status, 200);
    let html = shown.text();
    assert!(
        html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;") && !html.contains("<script>"),
        "{html}"
    );
    assert!(
        html.contains("HKD 1.00")
            && html.contains("https://shop.test/done")
            && !html.contains("class=\"warning\"")
    );
    assert!(shown.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(shown.header("x-content-type-options"), "nosniff");
    assert_eq!(shown.header("referrer-policy"), "no-referrer");
    assert!(direct(&sandbox(), "Shop", "1").await.text().contains("another amount"));
    let missing = send(&sandbox(), "GET", "/q/direct?appId=x", &[], "").await.unwrap();
    assert!(missing.status == 400 && missing.text().contains("timeStamp"));
}

/// Printed by Python: names in this order, `quote(value, safe='')`, sha256 over the sorted raw pairs and the key.
const FRAGMENT: &str = "#/?appcode=5A4DB0C55A4DB0C55A4DB0C55A4DB0C5&sign_type=sha256&paysource=remotepay_checkout\
    &txamt=1250&txcurrcd=HKD&out_trade_no=C-1&txdtm=2026-01-02%2003%3A04%3A05\
    &return_url=http%3A%2F%2F127.0.0.1%3A8080%2Fthanks%3Fx%3D1\
    &failed_url=http%3A%2F%2F127.0.0.1%3A8080%2Ffailed&notify_url=http%3A%2F%2Fshop.test%2Fnotify\
    &goods_name=%E8%8C%B6%20%3Cb%3E\
    &sign=0d9fb84707bf72fff0f0d7f46d4a5aeb5028c741a7150a7947f70aa8111c152b";

#[tokio::test]
async fn checkout_verifies_pays_once_and_cancels() {
    let sandbox = sandbox();
    let page = send(&sandbox, "GET", "/checkstand/", &[], "").await.unwrap();
    assert!(page.text().contains("/sandbox/checkstand.js"));
    let script = send(&sandbox, "GET", "/sandbox/checkstand.js", &[], "").await.unwrap();
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");

    let body = form(&[("fragment", FRAGMENT)]);
    let open = send(&sandbox, "POST", "/checkstand/open", &[], &body).await.unwrap();
    assert_eq!(open.header("x-sandbox-signature"), "verified", "{}", open.text());
    assert!(open.text().contains("HKD 12.50") && open.text().contains("茶 &lt;b&gt;"), "{}", open.text());
    let cancel = form(&[("fragment", FRAGMENT), ("pay_type", "cancel")]);
    let back = send(&sandbox, "POST", "/checkstand/pay", &[], &cancel).await.unwrap();
    assert_eq!(back.header("location"), "http://127.0.0.1:8080/failed");
    let choose = form(&[("fragment", FRAGMENT), ("pay_type", "801514")]);
    let paid = send(&sandbox, "POST", "/checkstand/pay", &[], &choose).await.unwrap();
    assert_eq!((paid.status.as_u16(), paid.header("location")), (303, "http://127.0.0.1:8080/thanks?x=1"));
    assert_eq!(state_of(&sandbox, "C-1").await["respcd"], "0000");
    let again = send(&sandbox, "POST", "/checkstand/pay", &[], &choose).await.unwrap();
    assert!(again.status == 200 && again.text().contains("used before"));
}

#[tokio::test]
async fn checkout_with_a_wrong_signature_says_so() {
    let sandbox = sandbox();
    let wrong = FRAGMENT.replace("txamt=1250", "txamt=1");
    let got = send(&sandbox, "POST", "/checkstand/open", &[], &form(&[("fragment", &wrong)])).await.unwrap();
    assert!(got.text().contains("QFSign_Error"), "{}", got.text());
    assert_eq!(got.header("x-sandbox-signature"), "failed");
    let missing = FRAGMENT.replace("paysource", "paysaucer");
    let got =
        send(&sandbox, "POST", "/checkstand/open", &[], &form(&[("fragment", &missing)])).await.unwrap();
    assert!(got.text().contains("missing: paysource"), "{}", got.text());
    // QFPay's pages disagree whether lang is signed: both ways are taken.
    let lang = format!("{FRAGMENT}&lang=zh-hk");
    let got = send(&sandbox, "POST", "/checkstand/open", &[], &form(&[("fragment", &lang)])).await.unwrap();
    assert_eq!(got.header("x-sandbox-signature"), "verified");
}

#[tokio::test]
async fn the_console_shows_what_happened_and_its_buttons_work() {
    let sandbox = sandbox();
    let mut params = payment("A", "800201", "100");
    params.push(("goods_name", "<script>x</script>"));
    pay(&sandbox, &params).await;
    signed(&sandbox, "/trade/v1/query", "syssn=<b>", "00", &[]).await;
    let console = send(&sandbox, "GET", "/sandbox/", &[], "").await.unwrap();
    let html = console.text();
    assert!(html.contains("class=\"verified\"") && html.contains("class=\"failed\""));
    assert!(
        html.contains("goods_name=&lt;script&gt;x&lt;/script&gt;&amp;out_trade_no=A")
            && !html.contains("<script>")
    );
    assert!(html.contains("wrong signature") && html.contains("syssn=&lt;b&gt;"));
    assert_eq!(sandbox.received().len(), 2, "the console is not logged");
    assert!(matches!(sandbox.received()[1].verdict, Verdict::Failed { .. }));

    for (action, status, respcd, cancel) in [
        ("refund", 409, "1143", "0"),
        ("notify", 409, "1143", "0"),
        ("pay", 303, "0000", "0"),
        ("pay", 409, "0000", "0"),
        ("notify", 303, "0000", "0"),
        ("refund", 303, "0000", "3"),
        ("refund", 409, "0000", "3"),
        ("cancel", 409, "0000", "3"),
        ("burn", 409, "0000", "3"),
    ] {
        let got =
            send(&sandbox, "POST", "/sandbox/orders/1", &[], &format!("action={action}")).await.unwrap();
        assert_eq!(got.status.as_u16(), status, "{action}");
        let row = state_of(&sandbox, "A").await;
        assert_eq!(
            (row["respcd"].as_str(), row["cancel"].as_str()),
            (Some(respcd), Some(cancel)),
            "{action}"
        );
    }
}

#[tokio::test]
async fn foreign_pages_cannot_press_buttons() {
    let sandbox = sandbox();
    page_of(&sandbox, &[]).await;
    let refused: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "null")],
        &[("sec-fetch-site", "same-site"), ("origin", BASE)],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
    ];
    for headers in refused {
        let got = send(&sandbox, "POST", "/sandbox/orders/1", headers, "action=pay").await.unwrap();
        assert_eq!(got.status, 403, "{headers:?}");
    }
    assert_eq!(state_of(&sandbox, "A").await["respcd"], "1143");
    let own = [("sec-fetch-site", "same-origin"), ("origin", "null"), ("host", "127.0.0.1:8790")];
    assert_eq!(send(&sandbox, "POST", "/sandbox/orders/1", &own, "action=pay").await.unwrap().status, 303);
}
