//! The console: an order's whole story, filters, JSON for tests, and what a foreign page may not do there.

use qfpay_sidecar::sandbox::{SANDBOX_CLIENT_KEY, Sandbox};
use serde_json::Value;

use crate::support::*;

async fn page(sandbox: &Sandbox, target: &str) -> Got {
    send(sandbox, "GET", target, &[("sec-fetch-site", "none")], "").await.unwrap()
}

async fn rows(sandbox: &Sandbox, list: &str, query: &str) -> Vec<Value> {
    let got = page(sandbox, &format!("/sandbox/{list}.json{query}")).await;
    assert_eq!((got.status.as_u16(), got.header("content-type")), (200, "application/json; charset=utf-8"));
    got.json()[list].as_array().unwrap().clone()
}

/// Three orders of two merchants and of none: paid, open, refunded by half.
async fn stocked() -> Sandbox {
    let sandbox = sandbox();
    let mut paid = payment("A-1", "800208", "1000");
    paid.extend([("auth_code", "134567890123456789"), ("mchid", "M0001"), ("goods_name", "茶")]);
    pay(&sandbox, &paid).await;
    let mut open = payment("B-1", "800201", "2000");
    open.push(("mchid", "M0002"));
    pay(&sandbox, &open).await;
    let syssn = crate::support::paid(&sandbox, "C-1", "3000").await;
    let refund =
        [("syssn", syssn.as_str()), ("out_trade_no", "C-1-back"), ("txamt", "1500"), ("txdtm", TXDTM)];
    assert_eq!(call(&sandbox, "/trade/v1/refund", &refund).await.respcd(), "0000");
    sandbox
}

#[tokio::test]
async fn orders_and_requests_come_as_json_and_filtered() {
    let sandbox = stocked().await;
    for (query, expected) in [
        ("", &["C-1-back", "C-1", "B-1", "A-1"][..]),
        ("?mchid=M0001", &["A-1"]),
        ("?mchid=-", &["C-1-back", "C-1"]),
        ("?mchid=m0001", &[]),
        ("?app=shop&state=paid", &["A-1"]),
        ("?app=other", &[]),
        ("?state=partly_refunded", &["C-1"]),
        ("?state=refunded", &["C-1-back"]),
        ("?state=pending", &["B-1"]),
        ("?q=C-1", &["C-1-back", "C-1"]),
        ("?q=%E8%8C%B6", &["A-1"]),
        ("?q=nothing+of+that", &[]),
    ] {
        let found = rows(&sandbox, "orders", query).await;
        let found: Vec<&str> = found.iter().map(|row| row["out_trade_no"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
        let html = page(&sandbox, &format!("/sandbox/{query}")).await.text();
        let orders = html.split("<h2 id=\"notices\">").next().unwrap();
        for number in ["A-1", "B-1", "C-1", "C-1-back"] {
            let linked = orders.contains(&format!("\">{number}</a>"));
            assert_eq!(linked, expected.contains(&number), "{query}: {number}");
        }
    }
    let order = &rows(&sandbox, "orders", "?q=A-1").await[0];
    for (name, value) in
        [("app", "shop"), ("mchid", "M0001"), ("respcd", "0000"), ("cancel", "0"), ("goods_name", "茶")]
    {
        assert_eq!(order[name], value, "{name}");
    }
    assert_eq!((&order["txamt"], &order["state"]), (&1000.into(), &"paid".into()));
    let named = async |query: &str| {
        let found = rows(&sandbox, "requests", query).await;
        found.iter().map(|row| row["out_trade_no"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named("?mchid=M0002").await, ["B-1"]);
    assert_eq!(named("?q=C-1").await, ["C-1-back", "C-1"], "the refund names the order by its syssn");
    assert_eq!(named("?state=pending").await, ["B-1"]);
    let first = rows(&sandbox, "requests", "").await.pop().unwrap();
    assert_eq!(
        (&first["signature"], &first["status"], &first["respcd"]),
        (&"verified".into(), &200.into(), &"0000".into())
    );
    assert!(first["answer"].as_str().unwrap().contains("\"out_trade_no\": \"A-1\""));
}

#[tokio::test]
async fn an_order_has_a_page_with_its_whole_story() {
    let sandbox = stocked().await;
    let numbers = rows(&sandbox, "orders", "?q=C-1").await;
    let (refund, order) = (numbers[0]["number"].clone(), numbers[1]["number"].clone());
    call(&sandbox, "/trade/v1/query", &[("out_trade_no", "A-1,C-1")]).await;
    call(&sandbox, "/trade/v1/query", &[("out_trade_no", "C-10")]).await;
    let html = page(&sandbox, &format!("/sandbox/orders/{order}")).await.text();
    let story = html.split("<ol class=\"story\">").nth(1).unwrap();
    for said in ["POST /trade/v1/payment", "paid at once", "POST /trade/v1/refund", "HKD 15.00 given back"] {
        assert!(story.contains(said), "{said}: {story}");
    }
    assert_eq!(
        story.matches("POST /trade/v1/query").count(),
        1,
        "another order's query is none of its story"
    );
    let steps = ["paid at once", "HKD 15.00 given back", "POST /trade/v1/query"]
        .map(|said| story.find(said).unwrap());
    assert!(steps.is_sorted_by_key(|at| at), "{story}");
    assert!(html.contains(&format!("href=\"/sandbox/orders/{refund}\"")) && html.contains("C-1-back"));
    assert!(html.contains("not sent: no notify_url"));
    let html = page(&sandbox, &format!("/sandbox/orders/{refund}")).await.text();
    assert!(html.contains("Refund of") && html.contains(&format!("href=\"/sandbox/orders/{order}\"")));
    assert_eq!(page(&sandbox, "/sandbox/orders/99").await.status, 404);
    assert_eq!(page(&sandbox, "/sandbox/orders/x").await.status, 404);
}

#[tokio::test]
async fn a_request_has_a_page_with_its_answer_and_the_command_that_repeats_it() {
    let sandbox = sandbox();
    let mut params = payment("It's", "800201", "100");
    params.push(("goods_name", "<b>&'"));
    pay(&sandbox, &params).await;
    let html = page(&sandbox, "/sandbox/requests/1").await.text();
    assert!(html.contains("&quot;out_trade_no&quot;: &quot;It&#39;s&quot;"), "{html}");
    assert!(html.contains("curl -i -X POST &#39;http://127.0.0.1:8790/trade/v1/payment&#39;"), "{html}");
    let sign = md5_sign(&params, SANDBOX_CLIENT_KEY);
    assert!(html.contains(&format!("-H &#39;x-qf-sign: {sign}&#39;")) && !html.contains("<b>&'"));
    assert_eq!(page(&sandbox, "/sandbox/requests/2").await.status, 404);
}

#[tokio::test]
async fn the_root_leads_to_the_console_and_looking_leaves_no_trace() {
    let sandbox = stocked().await;
    let root = page(&sandbox, "/").await;
    assert_eq!((root.status.as_u16(), root.header("location")), (303, "/sandbox/"));
    let own = [("sec-fetch-site", "same-origin"), ("host", "127.0.0.1:8790")];
    assert_eq!(send(&sandbox, "GET", "/favicon.ico", &own, "").await.unwrap().status, 204);
    let (count, version) = (sandbox.received().len(), page(&sandbox, "/sandbox/version").await.text());
    for target in ["/", "/sandbox/", "/sandbox/orders/1", "/sandbox/requests/1", "/sandbox/orders.json"] {
        page(&sandbox, target).await;
    }
    assert_eq!(sandbox.received().len(), count);
    assert_eq!(page(&sandbox, "/sandbox/version").await.text(), version);
    pay(&sandbox, &payment("new", "800201", "100")).await;
    assert_ne!(page(&sandbox, "/sandbox/version").await.text(), version);
}

#[tokio::test]
async fn foreign_pages_read_nothing_and_press_nothing() {
    let sandbox = stocked().await;
    let foreign: [&[(&str, &str)]; 3] = [
        &[("origin", "https://evil.test")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
    ];
    for headers in foreign {
        for target in [
            "/",
            "/sandbox/",
            "/sandbox/orders.json",
            "/sandbox/requests.json",
            "/sandbox/orders/1",
            "/sandbox/version",
        ] {
            assert_eq!(
                send(&sandbox, "GET", target, headers, "").await.unwrap().status,
                403,
                "{target} {headers:?}"
            );
        }
        for target in ["/sandbox/reset", "/sandbox/clock", "/sandbox/orders/2"] {
            let got = send(&sandbox, "POST", target, headers, "action=pay&advance=1").await.unwrap();
            assert_eq!(got.status, 403, "{target} {headers:?}");
        }
    }
    assert_eq!(rows(&sandbox, "orders", "?state=pending").await.len(), 1);
    let got = page(&sandbox, "/sandbox/").await;
    for said in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(got.header("content-security-policy").contains(said), "{said}");
    }
    assert!(
        !got.text().contains("<script>") && !got.text().contains(" style="),
        "the policy takes nothing inline"
    );
}

/// A button leads back to the page that it was on, and nowhere else, whatever a form says.
#[tokio::test]
async fn a_button_leads_back() {
    let sandbox = stocked().await;
    for (back, location) in [
        ("", "/sandbox/"),
        ("order", "/sandbox/orders/1"),
        ("?mchid=M0001", "/sandbox/?mchid=M0001"),
        ("?q=a%26b", "/sandbox/?q=a%26b"),
        ("//evil.test/", "/sandbox/"),
        ("https://evil.test/?q=x", "/sandbox/"),
        ("?q=x\r\nLocation:y", "/sandbox/?q=x%0D%0ALocation%3Ay"),
    ] {
        let body = form(&[("action", "notify"), ("back", back)]);
        let got = send(&sandbox, "POST", "/sandbox/orders/1", &[], &body).await.unwrap();
        assert_eq!((got.status.as_u16(), got.header("location")), (303, location), "{back}");
    }
}

#[tokio::test]
async fn buttons_name_their_order() {
    let html = page(&stocked().await, "/sandbox/").await.text();
    for (action, number) in [("Pay", "B-1"), ("Cancel", "B-1"), ("Refund", "A-1"), ("Notify again", "A-1")] {
        let named = html.split("<button").any(|button| {
            let button = button.split("</button>").next().unwrap();
            button.contains(action) && button.contains(&format!(">{number}</span>"))
        });
        assert!(named, "{action} {number}: {html}");
    }
}

/// Chinese characters in what the page itself says.
fn chinese(html: &str) -> String {
    html.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).collect()
}

#[tokio::test]
async fn the_payers_page_has_one_language_and_no_pay_once_it_is_paid() {
    let sandbox = sandbox();
    let mut params = payment("A", "800201", "1250");
    params.push(("return_url", "http://127.0.0.1:8080/back"));
    let got = pay(&sandbox, &params).await.json();
    let path = got["qrcode"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let open = async |query: &str, accepts: &str| {
        let headers = [("accept-language", accepts)];
        send(&sandbox, "GET", &format!("{path}{query}"), &headers, "").await.unwrap().text()
    };
    let english = open("?lang=en", "zh-HK").await;
    assert!(english.contains("<html lang=\"en\">") && english.contains(">Pay</button>"));
    assert_eq!(chinese(&english), "");
    for (query, accepts, lang, state) in [
        ("?lang=zh-hk", "en", "zh-hk", "未支付"),
        ("", "zh-TW,zh;q=0.9,en;q=0.8", "zh-hk", "未支付"),
        ("?lang=zh-cn", "en", "zh-cn", "未支付"),
    ] {
        let html = open(query, accepts).await;
        assert!(html.contains(&format!("<html lang=\"{lang}\">")) && html.contains(state), "{html}");
        for word in ["Pay", "Cancel", "Order", "paid", "Sandbox"] {
            assert!(!html.contains(&format!(">{word}")), "{word} in {lang}: {html}");
        }
    }
    let paid = send(&sandbox, "POST", &path, &[], "action=pay&lang=zh-hk").await.unwrap();
    assert!(
        paid.status == 200 && paid.text().contains("已支付") && !paid.text().contains("paid"),
        "{}",
        paid.text()
    );
    let html = open("?lang=en", "").await;
    assert!(!html.contains("value=\"pay\"") && !html.contains("value=\"cancel\""), "{html}");
    assert!(
        html.contains("Back to the shop") && html.contains("value=\"http://127.0.0.1:8080/back\""),
        "{html}"
    );
    let back = "action=back&next=http%3A%2F%2F127.0.0.1%3A8080%2Fback";
    let got = send(&sandbox, "POST", &path, &[], back).await.unwrap();
    assert_eq!((got.status.as_u16(), got.header("location")), (303, "http://127.0.0.1:8080/back"));
}
