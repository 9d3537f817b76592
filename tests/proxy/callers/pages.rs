//! Pages: below the public prefix the caller whose key signed one, and its rights; for server code as for calls.

use super::*;

const CHECKOUT: &str = "/checkstand/";
const SIGN_IN: &str = "/tool/v1/get_weixin_oauth_code";

const SHOPS: &str = r#"
[apps.agency]
app_code = "00112233445566778899AABBCCDDEEFF"
client_key_file = "{folder}/second"
[callers.shop-a]
local_key_file = "{folder}/local-a"
apps = ["agency"]
mchids = ["M0001"]
max_amount = { HKD = 5000 }
[callers.shop-b]
token_file = "{folder}/token-b"
local_key_file = "{folder}/local-b"
apps = ["agency"]
mchids = ["M0002", "M0003"]
endpoints = ["/checkstand", "/trade/v1/"]
"#;

const KEY_B: &str = "local-key-of-shop-b-4f0e96d8a1b2";

fn shops(settings: &[&str]) -> Stage {
    let upstream = FakeUpstream::start();
    let launch = launch(&format!("http://{}", upstream.address), SHOPS);
    let launch = launch.file("local-b", KEY_B, 0o600).secret(KEY_B).set("browser.public_prefix=/pay");
    let sidecar = settings.iter().fold(launch, |launch, setting| launch.set(setting)).start();
    Stage { upstream, sidecar }
}

fn checkout(further: &str) -> String {
    format!(
        "failed_url=https%3A%2F%2Fshop.test%2Ff&notify_url=https%3A%2F%2Fshop.test%2Fn&out_trade_no=1&\
         paysource=shop_checkout&return_url=https%3A%2F%2Fshop.test%2F&txamt=2800&txcurrcd=HKD{further}"
    )
}

/// A customer opens what this key signed.
fn open(stage: &Stage, path: &str, query: &str, key: &str) -> Answer {
    let sign = sha256_elsewhere(&decode(query.as_bytes()), key);
    stage.sidecar.curl(&[], &format!("/pay{path}?{query}&sign={sign}"))
}

/// The merchant of the URL that a page leads to, which the agency's key signed.
#[track_caller]
fn merchant(answer: &Answer, name: &str) -> String {
    assert_eq!(answer.status, 302, "{}", answer.text());
    let url = answer.header("Location").unwrap();
    let mut list = decode(url.split_once('?').unwrap().1.as_bytes());
    let at = list.iter().position(|(name, _)| name == "sign").unwrap();
    let sign = list.remove(at).1;
    let expected = if name == "mchntid" {
        sha256_elsewhere(&list, SECOND_KEY)
    } else {
        md5_elsewhere(&list, SECOND_KEY)
    };
    assert_eq!(sign.to_lowercase(), expected.to_lowercase(), "{url}");
    value(&list, name).unwrap_or_default().to_owned()
}

#[test]
fn a_page_is_its_signers_and_has_its_rights() {
    let stage = shops(&[]);
    assert_eq!(merchant(&open(&stage, CHECKOUT, &checkout(""), KEY_A), "mchntid"), "M0001");
    stage.sidecar.wait_for_log(&["caller=\"shop-a\"", "status=302"]);
    for (query, key, expected) in [
        ("&mchntid=M0001", KEY_A, "M0001"),
        ("&mchid=M0001", KEY_A, "M0001"),
        ("&mchntid=M0003", KEY_B, "M0003"),
        ("&mchid=M0002", KEY_B, "M0002"),
    ] {
        assert_eq!(merchant(&open(&stage, CHECKOUT, &checkout(query), key), "mchntid"), expected, "{query}");
    }
    let redirect = "redirect_uri=https%3A%2F%2Fshop.test%2F";
    assert_eq!(merchant(&open(&stage, SIGN_IN, redirect, KEY_A), "mchid"), "M0001");
    for (path, query, key, caller, right) in [
        (CHECKOUT, checkout("&mchntid=M0002"), KEY_A, "shop-a", "mchids"),
        (CHECKOUT, checkout("&mchid=M0002"), KEY_A, "shop-a", "mchids"),
        (CHECKOUT, checkout(&format!("&appcode={APP_CODE}")), KEY_A, "shop-a", "apps"),
        (CHECKOUT, checkout("").replace("2800", "5001"), KEY_A, "shop-a", "max_amount"),
        (CHECKOUT, checkout("").replace("HKD", "USD"), KEY_A, "shop-a", "max_amount"),
        (SIGN_IN, format!("{redirect}&mchid=M0002"), KEY_A, "shop-a", "mchids"),
        (CHECKOUT, checkout(""), KEY_B, "shop-b", "mchids"),
        (CHECKOUT, checkout("&mchntid=M0001"), KEY_B, "shop-b", "mchids"),
        (SIGN_IN, format!("{redirect}&mchid=M0002"), KEY_B, "shop-b", "endpoints"),
    ] {
        denied(&stage, &open(&stage, path, &query, key), caller, right);
    }
    for key in [CLIENT_KEY, SECOND_KEY, "somebody-elses-key-0123456789abcd"] {
        open(&stage, CHECKOUT, &checkout(""), key).assert_failure(403, "page_not_vouched");
    }
    // A customer's headers prove nothing, and no token can stand in for the key.
    let token = format!("Authorization: Bearer {TOKEN_B}");
    let url = format!("/pay{CHECKOUT}?{}", checkout("&mchntid=M0002"));
    stage.sidecar.curl(&["-H", &token], &url).assert_failure(403, "page_not_vouched");
    stage.assert_nothing_sent();
}

#[test]
fn a_shops_server_asks_for_pages_as_it_calls() {
    let stage = shops(&[]);
    let ask = |arguments: &[&str], path: &str, query: &str| {
        stage.sidecar.curl(arguments, &format!("{path}?{query}"))
    };
    let sign = sha256_elsewhere(&decode(checkout("").as_bytes()), KEY_A);
    let signed = format!("{}&sign={sign}", checkout(""));
    assert_eq!(merchant(&ask(&[], CHECKOUT, &signed), "mchntid"), "M0001");
    unknown(&stage, &ask(&[], CHECKOUT, &checkout("")));
    let token = format!("Authorization: Bearer {TOKEN_B}");
    unknown(&stage, &ask(&["-H", &token], CHECKOUT, &checkout("&mchntid=M0002")));
    let direct = "appId=a&timeStamp=1&nonceStr=n&package=p&signType=MD5&paySign=s&mchntnm=m&txamt=1&currency=HKD&\
                  redirect_url=https%3A%2F%2Fshop.test%2F";
    unknown(&stage, &ask(&[], "/q/direct", direct));
    // For customers it is what it was: nobody signs it.
    assert_eq!(stage.sidecar.curl(&[], &format!("/pay/q/direct?{direct}")).status, 302);
    stage.assert_nothing_sent();
}
