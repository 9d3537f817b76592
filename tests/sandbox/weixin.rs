//! The browser's oauth code, the openid, and the JSAPI payment.

use qfpay_sidecar::sandbox::Sandbox;

use crate::support::*;

/// Printed by Python: urlencode of app_code and redirect_uri, and md5 over the raw pairs and the key.
const OAUTH: &str = "/tool/v1/get_weixin_oauth_code?app_code=5A4DB0C55A4DB0C55A4DB0C55A4DB0C5\
    &redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fpay%3Fitem%3D%E8%8C%B6%26x%3D1%23top";
const OAUTH_SIGN: &str = "1E1E6ED907659336329C260D0716E2BE";

async fn code(sandbox: &Sandbox) -> String {
    let got = send(sandbox, "GET", &format!("{OAUTH}&sign={OAUTH_SIGN}"), &[], "").await.unwrap();
    assert_eq!(got.status, 302, "{}", got.text());
    let location = got.header("location");
    let rest = location.strip_prefix("http://127.0.0.1:8080/pay?item=%E8%8C%B6&x=1&code=").unwrap();
    rest.strip_suffix("#top").unwrap().to_owned()
}

async fn openid(sandbox: &Sandbox) -> String {
    let code = code(sandbox).await;
    let got = get(sandbox, "/tool/v1/get_weixin_openid", &[("code", &code)]).await;
    got.json()["openid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_code_buys_one_openid_and_an_openid_one_payment() {
    let sandbox = sandbox();
    let code = code(&sandbox).await;
    let first = get(&sandbox, "/tool/v1/get_weixin_openid", &[("code", &code)]).await;
    let openid = first.json()["openid"].as_str().unwrap().to_owned();
    for bad in [code.as_str(), "made-up"] {
        let again = get(&sandbox, "/tool/v1/get_weixin_openid", &[("code", bad)]).await;
        assert_eq!(again.respcd(), "2005", "{}", again.text());
    }
    let mut params = payment("A", "800207", "100");
    assert!(pay(&sandbox, &params).await.text().contains("sub_openid"));
    params.push(("sub_openid", "oMadeUp"));
    assert_eq!(pay(&sandbox, &params).await.respcd(), "1104");
    params.last_mut().unwrap().1 = &openid;
    let paid = pay(&sandbox, &params).await.json();
    assert!(paid["pay_params"]["package"].as_str().unwrap().starts_with("prepay_id=wx"));
    assert_eq!(paid["pay_params"]["signType"], "MD5");
    params[3].1 = "B";
    assert!(pay(&sandbox, &params).await.text().contains("earlier payment"));
}

#[tokio::test]
async fn a_refused_payment_does_not_use_the_openid_up() {
    let sandbox = sandbox();
    let openid = openid(&sandbox).await;
    let mut params = payment("A", "800213", "0");
    params.push(("sub_openid", &openid));
    assert_eq!(pay(&sandbox, &params).await.respcd(), "1104");
    params[0].1 = "100";
    assert_eq!(pay(&sandbox, &params).await.respcd(), "0000");
}

#[tokio::test]
async fn a_wrong_oauth_signature_redirects_nobody() {
    // md5 over the percent-encoded redirect_uri, printed by Python (quote(v, safe='')).
    for (sign, says) in [
        ("&sign=00", "wrong signature"),
        ("", "sign is missing"),
        ("&sign=f9c5ada0c9ba6541bb87d68d2066c171", "percent-encoded"),
    ] {
        let target = format!("{OAUTH}{sign}");
        let got = send(&sandbox(), "GET", &target, &[], "").await.unwrap();
        assert_eq!((got.respcd().as_str(), got.header("location")), ("1108", ""));
        assert!(got.text().contains(says), "{}", got.text());
    }
}

#[tokio::test]
async fn only_web_addresses_are_redirected_to() {
    let code = qfpay_sidecar::sandbox::SANDBOX_APP_CODE;
    for bad in ["javascript:alert(1)", "", "//evil.test/", "http://a.test/\r\nSet-Cookie: x"] {
        let params = [("app_code", code), ("redirect_uri", bad)];
        let sign = md5_sign(&params, qfpay_sidecar::sandbox::SANDBOX_CLIENT_KEY);
        let target = format!("/tool/v1/get_weixin_oauth_code?{}&sign={sign}", form(&params));
        let got = send(&sandbox(), "GET", &target, &[], "").await.unwrap();
        match got.status.as_u16() {
            302 => assert!(got.header("location").contains("%0D%0ASet-Cookie:%20x"), "{bad}"),
            _ => assert_eq!(got.respcd(), "1104", "{bad}"),
        }
    }
}
