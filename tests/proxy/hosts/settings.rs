//! The settings about who may reach a listener, through the configuration's public interface.

use qfpay_sidecar::config::{Config, ConfigError, Request, load};

fn with(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let overrides = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    load(&Request { config_dir: "/nonexistent".into(), overrides, ..Request::default() })
}

/// The error, which must hold every one of these words.
#[track_caller]
fn refused(settings: &[(&str, &str)], words: &[&str]) -> String {
    let text = with(settings).expect_err(&format!("{settings:?} is taken")).to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
    text
}

#[test]
fn other_machines_are_let_in_only_on_purpose() {
    let far = [
        "0.0.0.0:1",
        "[::]:1",
        "10.0.0.5:1",
        "172.17.0.2:1",
        "192.168.1.5:1",
        "100.64.0.1:1",
        "169.254.1.1:1",
        "203.0.113.9:1",
        "[fd00::5]:1",
        "[fe80::1]:1",
        "[2001:db8::5]:1",
        "[::ffff:10.0.0.5]:1",
        "[::ffff:127.0.0.1]:1", // the same machine, but nobody writes that on purpose
    ];
    let allow = |allow| ("listen.allow_non_loopback", allow);
    for (key, other) in [("listen.api", "listen.admin:"), ("listen.admin", "listen.api:")] {
        for address in far {
            let text = refused(&[(key, address), allow("false")], &[key, "listen.allow_non_loopback = true"]);
            assert!(!text.contains(other), "{text}");
            with(&[(key, address), allow("true")]).unwrap();
        }
        for near in ["127.0.0.1:1", "127.0.0.77:1", "[::1]:1", "localhost:1", "unix:/run/x.sock"] {
            with(&[(key, near), allow("false")]).unwrap();
        }
        // Names are not looked up: what they mean could change.
        refused(&[(key, "shop.test:1"), allow("true")], &[key, "IP:PORT"]);
    }
}

#[test]
fn anyone_may_reach_the_listener_that_cannot_sign() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:1", "[::]:1", "10.0.0.5:1", "[fd00::5]:1", "127.0.0.1:1"] {
        let file = folder.path().join("shop.toml");
        let config = format!(
            "listen.notifications = \"{address}\"\n[apps.demo]\napp_code = \"5A4DB0C55A4DB0C55A4DB0C55A4DB0C5\"\n\
             [[notifications.routes]]\npath = \"/n\"\nreceiver_url = \"http://127.0.0.1:9/n\"\n"
        );
        std::fs::write(&file, config).unwrap();
        load(&Request { file: Some(file), ..Request::default() }).unwrap();
    }
}

#[test]
fn hosts_are_names_or_addresses_with_a_port_or_without() {
    let good = r#"["sidecar", "qf_pay-1", "shop.example.com", "sidecar:80", "127.0.0.1:9000", "10.0.0.5", "[fd00::5]", "[::1]:9"]"#;
    with(&[("listen.allowed_hosts", good)]).unwrap();
    let bad = [
        "http://sidecar sidecar/ sidecar: sidecar:0 sidecar:65536 sidecar:08787 sidecar:+1 * *.test user@sidecar",
        "sidecar. .sidecar a..b 127.1 127.0.0.1. 0x7f000001 2130706433 0177.0.0.1 a.0x1 fd00::5 ::1 [::1 [127.0.0.1]",
        "[::1%lo] h\u{f6}st",
    ];
    let bad: Vec<_> = bad.iter().flat_map(|line| line.split(' ')).chain(["a b", ""]).collect();
    assert_eq!(bad.len(), 27);
    for bad in bad {
        let list = format!("[\"{bad}\"]");
        refused(&[("listen.allowed_hosts", &list)], &["listen.allowed_hosts", "write NAME or NAME:PORT"]);
    }
}

#[test]
fn a_public_prefix_is_a_path_of_the_shops_own() {
    let key = "browser.public_prefix";
    assert!(with(&[(key, "")]).unwrap().browser.public_prefix.is_none());
    for good in ["/pay", "/shop/pay.v2", "/Pay_1-x"] {
        let hosts = ("browser.allowed_redirect_hosts", "shop.test");
        assert!(with(&[(key, good), hosts]).unwrap().browser.public_prefix.is_some());
        // With neither hosts nor a key of the shop's, strangers would have sign-ins to anywhere.
        refused(&[(key, good)], &[key, "browser.allowed_redirect_hosts", "browser.local_key_file"]);
    }
    for (bad, why) in [
        ("/", "does not end with one"),
        ("/pay/", "does not end with one"),
        ("pay", "begins with '/'"),
        ("/a/../b", "no '..'"),
        ("/pay?x=1", "characters"),
        ("/trade", "take one of the shop's"),
        ("/tool/v1", "take one of the shop's"),
        ("/SideCar", "take one of the shop's"),
    ] {
        refused(&[(key, bad)], &[key, why]);
    }
    let routes = ("routes.allow", r#"["/trade/v1/", "/new/v1/"]"#);
    refused(&[(key, "/new"), routes], &[key, "routes.allow", "/new/v1/"]);
}
