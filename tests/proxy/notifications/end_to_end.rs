//! The whole way round, offline: a shop pays through the sidecar, the sandbox notifies, the receiver hears of it.

use super::stage::{PATH, success};
use crate::support::{FakeUpstream, Launch, Reply, Stage, curl, nobody_listens};

#[test]
fn a_payment_in_the_sandbox_comes_back_as_a_verified_notification() {
    let receiver = FakeUpstream::start();
    receiver.script([success()]);
    let route = format!(
        "[[notifications.routes]]\npath = \"{PATH}\"\nreceiver_url = \"http://{}/n\"\n",
        receiver.address
    );
    // The built-in sandbox key signs on one side, and verifies on the other.
    let config = Stage::config("sandbox").replace("client_key_file = \"{folder}/key\"\n", "");
    let launch = Launch::new(&format!("{config}{route}")).set("sandbox.listen=127.0.0.1:0");
    let sidecar = launch.set("listen.notifications=127.0.0.1:0").start();
    let notify_url = format!("notify_url=http://{}{PATH}", sidecar.notifications.as_ref().unwrap());
    let order = "txamt=100&txcurrcd=HKD&pay_type=800208&out_trade_no=e2e-1&auth_code=280000000000000000\
                 &txdtm=2026-01-02 03:04:05&goods_name=\u{8336}";
    let arguments = ["-d", order, "--data-urlencode", notify_url.as_str()];
    let answer = sidecar.curl(&arguments, "/trade/v1/payment");
    assert_eq!(answer.json()["respcd"], "0000", "{}", answer.text());
    assert_eq!(answer.header("X-Sidecar-Response-Signature"), Some("valid"));

    let request = receiver.wait_for_requests(1).remove(0);
    assert_eq!((request.path(), request.header("X-Sidecar-Verified")), ("/n", Some("shop")));
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!((&body["out_trade_no"], &body["notify_type"]), (&"e2e-1".into(), &"payment".into()));
    sidecar.wait_for_log(&["notification", "acknowledged"]);
}

/// Three merchants below one app. The sandbox posts all their notifications to its one URL; each shop hears of its own.
#[test]
fn merchants_of_one_app_share_the_sandboxs_url_and_each_hears_of_its_own() {
    let shops = ["M0001", "M0002", "M0003"].map(|mchid| {
        let receiver = FakeUpstream::start();
        receiver.always(Reply::of("200 OK", "", "SUCCESS"));
        (mchid, receiver)
    });
    let routes: String = shops
        .iter()
        .map(|(mchid, shop)| {
            format!(
                "[[notifications.routes]]\npath = \"{PATH}\"\nmchids = [\"{mchid}\"]\nreceiver_url = \"http://{}/n\"\n",
                shop.address
            )
        })
        .collect();
    let config = Stage::config("sandbox").replace("client_key_file = \"{folder}/key\"\n", "");
    // The sandbox is told this URL before the sidecar listens there.
    let notifications = nobody_listens();
    let sidecar = Launch::new(&format!("{config}{routes}"))
        .set("sandbox.listen=127.0.0.1:0")
        .set(&format!("listen.notifications={notifications}"))
        .set(&format!("sandbox.notify_url=http://{notifications}{PATH}"))
        .start();
    let call = |path: &str, rest: &str| {
        let form = format!("txamt=100&txdtm=2026-01-02 03:04:05&{rest}");
        sidecar.curl(&["-d", &form], path).json()
    };
    let pay = |mchid: &str| {
        let rest = format!(
            "txcurrcd=HKD&pay_type=800208&auth_code=280000000000000000&out_trade_no=pay-{mchid}&mchid={mchid}"
        );
        let answer = call("/trade/v1/payment", &rest);
        assert_eq!(answer["respcd"], "0000", "{answer}");
        answer["syssn"].as_str().unwrap().to_owned()
    };
    for (mchid, other) in [("M0001", "M0002"), ("M0002", "M0003"), ("M0003", "M0001")] {
        let syssn = pay(mchid);
        let refund = |of: &str| {
            call("/trade/v1/refund", &format!("syssn={syssn}&out_trade_no=back-{mchid}&mchid={of}"))
        };
        assert_eq!(refund(other)["respcd"], "1268", "{other} refunds an order of {mchid}");
        assert_eq!(refund(mchid)["respcd"], "0000");
    }
    for (mchid, shop) in &shops {
        let mut heard: Vec<String> = shop
            .wait_for_requests(2)
            .iter()
            .map(|request| {
                let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
                assert_eq!(body["mchid"], *mchid);
                body["out_trade_no"].as_str().unwrap().to_owned()
            })
            .collect();
        heard.sort();
        assert_eq!(heard, [format!("back-{mchid}"), format!("pay-{mchid}")]);
    }
    let filtered =
        curl(&[format!("http://{}/sandbox/orders.json?mchid=M0002", sidecar.sandbox.as_ref().unwrap())])
            .json();
    let filtered = filtered["orders"].as_array().unwrap().iter();
    let numbers: Vec<&str> = filtered.map(|order| order["out_trade_no"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["back-M0002", "pay-M0002"]);
    pay("M0004");
    sidecar.wait_for_log(&["notification_unrouted"]);
    assert_eq!(shops.each_ref().map(|(_, shop)| shop.requests().len()), [2, 2, 2]);
}
