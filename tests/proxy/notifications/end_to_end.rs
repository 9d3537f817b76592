//! The whole way round, offline: a shop pays through the sidecar, the sandbox notifies, the receiver hears of it.

use super::stage::{PATH, success};
use crate::support::{FakeUpstream, Launch, Stage};

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
