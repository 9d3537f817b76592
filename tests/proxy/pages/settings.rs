//! Which keys and names the configuration takes.

use super::*;

/// How a start ends with this local key, and `settings`.
fn refused(key: &str, mode: u32, settings: &[&str]) -> String {
    let config = Stage::config("http://127.0.0.1:9") + "client_key_previous_file = \"{folder}/before\"\n";
    let launch = Launch::new(&config).file("local", key, mode).file("before", SECOND_KEY, 0o600);
    let launch = launch.set("browser.public_prefix=/pay").set("browser.local_key_file={folder}/local");
    let ended = settings.iter().fold(launch, |launch, setting| launch.set(setting)).ends();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn a_local_key_is_long_private_and_none_of_qfpays() {
    for (key, mode, words) in [
        ("short-key-of-thirty-one-letters", 0o600, "32 characters or more, but this one has 31"),
        (CLIENT_KEY, 0o600, "the client_key of apps.shop"),
        (SECOND_KEY, 0o600, "the client_key of apps.shop"),
        (APP_CODE, 0o600, "the app_code of apps.shop"),
        (LOCAL, 0o644, "other users may use this key file (mode 0644)"),
        ("shop-and-sidecar-only-7f3d9a6c51b04e28\nsecond", 0o600, "white space"),
        ("", 0o600, "empty"),
    ] {
        let said = refused(key, mode, &[]);
        assert!(said.contains("browser.local_key_file") && said.contains(words), "{words}: {said}");
    }
    let said = refused(LOCAL, 0o600, &["browser.local_key_file={folder}/none"]);
    assert!(said.contains("there is no such key file"), "{said}");
    let pasted = format!("browser.local_key_file={SECOND_KEY}");
    let said = refused(LOCAL, 0o600, &[&pasted]);
    assert!(said.contains("this looks like the key itself") && !said.contains(SECOND_KEY), "{said}");
    let said = refused(LOCAL, 0o600, &["browser.local_key_file="]);
    assert!(said.contains("browser.public_prefix") && said.contains("allowed_redirect_hosts"), "{said}");
}

#[test]
fn only_names_that_move_no_money_can_be_allowed_in_urls() {
    let several = "browser.allowed_in_urls=[\"code\",\"goods_name\",\"out_trade_no\"]";
    assert_eq!(stage(&[several]).sidecar.admin("/livez").status, 200);
    for name in [
        "txamt",
        "txcurrcd",
        "syssn",
        "mchid",
        "mchntid",
        "app_code",
        "appcode",
        "pay_type",
        "auth_code",
        "sign",
        "sign_type",
        "notify_url",
        "openid",
        "sub_openid",
        "customer_id",
        "token_id",
        "subscription_id",
        "txdtm",
        "paysource",
        "return_url",
        "chnl_ext",
        "extend_info",
        "customs",
        "",
        "order",
    ] {
        let said = refused(LOCAL, 0o600, &[&format!("browser.allowed_in_urls=[\"{name}\"]")]);
        assert!(said.contains("browser.allowed_in_urls") && said.contains("out_trade_no"), "{name}: {said}");
    }
}
