//! Which callers a start takes, and what it says of those that it does not.

use super::*;

const APP: &str =
    "[apps.agency]\napp_code = \"00112233445566778899AABBCCDDEEFF\"\nclient_key_file = \"{folder}/second\"\n";

/// How a start ends with these sections.
fn refused_start(sections: &str, settings: &[&str]) -> String {
    let launch = launch("http://127.0.0.1:9", &format!("{APP}{sections}"));
    let launch = launch.file("short", "0123456789abcdef0123456789abcde", 0o600).file("open", TOKEN_A, 0o644);
    let launch = launch.file("same", TOKEN_A, 0o600).file("code", APP_CODE, 0o600).file("empty", "", 0o600);
    let launch = launch.file("before", "BEFORE-7A20B9D8E3461C5F7A20B9D8E", 0o600);
    let launch = launch.set("apps.shop.client_key_previous_file={folder}/before");
    let ended = settings.iter().fold(launch, |launch, setting| launch.set(setting)).ends();
    assert_eq!(ended.code, Some(2), "{sections} {settings:?}: {}", ended.stderr);
    ended.stderr
}

#[test]
fn what_proves_too_little_or_two_callers_ends_the_start() {
    let user = "[callers.a]\nuser = \"root\"\n";
    for (sections, words) in [
        ("[callers.a]\n", &["callers.a", "nothing proves", "user, token_file or local_key_file"][..]),
        ("[callers.a]\napps = [\"agency\"]\n", &["callers.a", "nothing proves"]),
        ("[callers.a]\nuser = \"no-such-user\"\n", &["callers.a.user", "/etc/passwd has no such user"]),
        (
            "[callers.a]\ntoken_file = \"{folder}/short\"\n",
            &["callers.a.token_file", "32 characters or more, but this one has 31"],
        ),
        ("[callers.a]\nlocal_key_file = \"{folder}/short\"\n", &["callers.a.local_key_file", "has 31"]),
        ("[callers.a]\ntoken_file = \"{folder}/open\"\n", &["callers.a.token_file", "mode 0644"]),
        ("[callers.a]\ntoken_file = \"{folder}/empty\"\n", &["callers.a.token_file", "empty"]),
        (
            "[callers.a]\ntoken_file = \"{folder}/none\"\n",
            &["callers.a.token_file", "there is no such key file"],
        ),
        (
            "[callers.a]\ntoken_file = \"{folder}/key\"\n",
            &["callers.a.token_file", "the client_key of apps.shop"],
        ),
        (
            "[callers.a]\ntoken_file = \"{folder}/before\"\n",
            &["callers.a.token_file", "the client_key of apps.shop"],
        ),
        (
            "[callers.a]\nlocal_key_file = \"{folder}/second\"\n",
            &["callers.a.local_key_file", "the client_key of apps.agency"],
        ),
        (
            "[callers.a]\ntoken_file = \"{folder}/code\"\n",
            &["callers.a.token_file", "the app_code of apps.shop"],
        ),
        (
            "[callers.a]\ntoken_file = \"{folder}/token-a\"\n[callers.b]\ntoken_file = \"{folder}/same\"\n",
            &["callers.b.token_file", "callers.a.token_file", "the same secret"],
        ),
        (
            "[callers.a]\ntoken_file = \"{folder}/token-a\"\nlocal_key_file = \"{folder}/same\"\n",
            &["callers.a.local_key_file", "callers.a.token_file", "the same secret"],
        ),
        (&format!("{user}[callers.b]\nuser = \"0\"\n"), &["callers.b.user", "callers.a", "the same user"]),
        ("[caller_defaults]\nuser = \"root\"\n[callers.a]\n[callers.b]\n", &["callers.a", "the same user"]),
        ("[callers.unknown]\nuser = \"root\"\n", &["callers.unknown", "strangers"]),
        ("[callers.Shop]\nuser = \"root\"\n", &["callers.Shop", "lower-case"]),
        ("[callers.\"a b\"]\nuser = \"root\"\n", &["lower-case"]),
        (
            &format!("{user}apps = [\"agencie\"]\n"),
            &["callers.a.apps", "'agencie' is no app", "agency, shop"],
        ),
        (&format!("{user}mchids = [\"M 1\"]\n"), &["callers.a.mchids", "letters, digits"]),
        (&format!("{user}endpoints = [\"/trade/v1\"]\n"), &["callers.a.endpoints", "/trade/v1/"]),
        (&format!("{user}endpoints = [\"trade\"]\n"), &["callers.a.endpoints"]),
        (
            &format!("{user}endpoints = [\"/trade/v1/Refund\"]\n"),
            &["callers.a.endpoints", "/trade/v1/refund"],
        ),
        (
            &format!("{user}max_amount = {{ hkd = 1 }}\n"),
            &["callers.a.max_amount.hkd", "three capital letters"],
        ),
        (&format!("{user}max_amount = {{ HKD = 0 }}\n"), &["callers.a.max_amount.HKD", "from 1"]),
        (&format!("{user}max_amount = {{ HKD = 1.5 }}\n"), &["callers.a.max_amount.HKD", "whole number"]),
        (&format!("{user}max_amount = 5\n"), &["callers.a.max_amount", "{ HKD = 500000 }"]),
        (&format!("{user}token = \"{TOKEN_A}\"\n"), &["callers.a.token", "token_file"]),
        (
            &format!("{user}max_amounts = 5\n"),
            &["callers.a.max_amounts", "did you mean callers.a.max_amount"],
        ),
        ("[callers]\na = 5\n", &["callers.a is a section"]),
    ] {
        let said = refused_start(sections, &[]);
        for word in words {
            assert!(said.contains(word), "{word} is missing for\n{sections}\n{said}");
        }
    }
}

#[test]
fn an_apps_merchant_is_one_of_its_callers() {
    let sections =
        "mchid = \"M0002\"\n[callers.a]\nuser = \"root\"\napps = [\"agency\"]\nmchids = [\"M0001\"]\n";
    let said = refused_start(sections, &[]);
    for word in ["callers.a.mchids", "apps.agency", "callers.a.apps"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // Any app, so this one too.
    let said = refused_start(sections, &["callers.a.apps=[]"]);
    assert!(said.contains("callers.a.mchids") && said.contains("apps.agency"), "{said}");
    let launch = launch("http://127.0.0.1:9", &format!("{APP}{sections}"));
    launch.set("callers.a.apps=[\"shop\"]").start();
}

#[test]
fn beyond_loopback_a_caller_needs_a_token_and_nothing_is_only_reported() {
    let far = ["listen.api=0.0.0.0:0", "listen.allow_non_loopback=true"];
    let with = |more: &[&'static str]| [&far[..], more].concat();
    let key = "[callers.a]\nlocal_key_file = \"{folder}/local-a\"\n";
    let said = refused_start(key, &far);
    assert!(said.contains("callers.a.token_file") && said.contains("another machine"), "{said}");
    let said =
        refused_start("[callers.a]\ntoken_file = \"{folder}/token-a\"\n", &with(&["access.mode=report"]));
    assert!(said.contains("access.mode") && said.contains("listen.api"), "{said}");
    for sections in [
        "[callers.a]\nlocal_key_file = \"{folder}/local-a\"\ntoken_file = \"{folder}/token-a\"\n",
        "[callers.a]\nuser = \"root\"\n",
    ] {
        let launch = launch("http://127.0.0.1:9", sections);
        far.iter().fold(launch, |launch, setting| launch.set(setting)).start();
    }
    // Without callers it stays for now, with a word at each start.
    let launch = launch("http://127.0.0.1:9", "");
    let sidecar = far.iter().fold(launch, |launch, setting| launch.set(setting)).start();
    sidecar.wait_for_log(&["WARN", "listen.allow_non_loopback", "[callers.NAME]", "token_file"]);
}

#[test]
fn every_page_key_is_a_callers() {
    let section = "[callers.a]\ntoken_file = \"{folder}/token-a\"\n";
    let said = refused_start(section, &["browser.local_key_file={folder}/local-a"]);
    assert!(
        said.contains("browser.local_key_file") && said.contains("local_key_file of the caller"),
        "{said}"
    );
    let said =
        refused_start(section, &["browser.public_prefix=/pay", "browser.allowed_redirect_hosts=shop.test"]);
    assert!(said.contains("browser.public_prefix") && said.contains("local_key_file"), "{said}");
}

#[test]
fn what_is_right_but_odd_is_told_at_the_start() {
    let sections = "[callers.a]\nuser = \"root\"\nendpoints = [\"/customer/v1/\", \"/trade/v1/query\"]\n\
                    [callers.b]\nuser = \"65534\"\ntoken_file = \"{folder}/token-b\"\n";
    let sidecar = launch("http://127.0.0.1:9", &format!("{APP}{sections}")).start();
    sidecar.wait_for_log(&["WARN", "callers.a.user", "docker-proxy"]);
    sidecar.wait_for_log(&["WARN", "callers.b.user", "matches no process"]);
    sidecar.wait_for_log(&["WARN", "callers.a.endpoints", "/customer/v1/", "routes.allow"]);
}

#[test]
fn rights_can_be_given_as_variables_and_flags() {
    let upstream = FakeUpstream::start();
    let launch = launch(&format!("http://{}", upstream.address), SHOPS);
    let launch = launch.set("callers.shop-a.max_amount={ HKD = 5 }");
    let sidecar = launch.env("QFPAY__CALLERS__SHOP-B__MCHIDS", "M0007").start();
    let stage = Stage { upstream, sidecar };
    denied(&stage, &call(&stage, TOKEN_A, PAYMENT, ORDER), "shop-a", "max_amount");
    assert_eq!(call(&stage, TOKEN_B, PAYMENT, &format!("{ORDER}&app_code={SECOND_CODE}")).status, 200);
    assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some("M0007"));
}
