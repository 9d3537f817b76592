//! The configuration, through its public interface: which layer wins, what every mistake is told as, what never shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qfpay_sidecar::config::{Config, Environment, LogFormat, Request, Target, explain, load};
use qfpay_sidecar::credentials::SignType;
use tempfile::TempDir;

/// In every key file and in every wrong place: must never appear in an error.
const CANARY: &str = "CA4A41E5CA4A41E5CA4A41E5CA4A41E5";
const CODE: &str = "A6A49A66B4C94EA5B6F4B4C6D3E0B8F1";

struct Shop {
    folder: TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        shop.write_key("key", CANARY, 0o600);
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn write_key(&self, name: &str, content: &str, mode: u32) {
        let path = self.write(name, content);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A request for a file that is complete, with these lines in front of its `[apps.shop]` section.
    fn file(&self, lines: &str) -> Request {
        let key = self.path("key");
        let base = "upstream.base_url = \"https://test-openapi-hk.qfapi.com\"";
        let app = format!("[apps.shop]\napp_code = \"{CODE}\"\nclient_key_file = \"{}\"", key.display());
        self.raw_file(&format!("{lines}\n{base}\n{app}\n"))
    }

    fn raw_file(&self, content: &str) -> Request {
        Request { file: Some(self.write("shop.toml", content)), ..Request::default() }
    }

    fn sandbox(&self) -> Request {
        Request { config_dir: self.path("none"), ..Request::default() }
    }
}

fn env(request: Request, variables: &[(&str, &str)]) -> Request {
    let env =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect();
    Request { env, ..request }
}

fn flags(request: Request, settings: &[(&str, &str)]) -> Request {
    let overrides = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Request { overrides, ..request }
}

fn loaded(request: &Request) -> Config {
    load(request).unwrap_or_else(|error| panic!("{error}"))
}

/// The error text, which must hold every one of `words` and no key.
fn refused(request: &Request, words: &[&str]) -> String {
    let error = load(request).expect_err("this configuration must be refused");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(CANARY), "the key shows: {text}");
    }
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "'{word}' is missing in: {text}");
    }
    text
}

#[test]
fn every_layer_wins_over_the_one_before() {
    let shop = Shop::new();
    let api = |request: &Request| loaded(request).listen.api[0].to_string();
    let plain = shop.file("");
    assert_eq!(api(&plain), "http://127.0.0.1:8787");
    let file = shop.file("listen.api = \"127.0.0.1:1001\"");
    assert_eq!(api(&file), "http://127.0.0.1:1001");
    let variable =
        env(file, &[("QFPAY__LISTEN__API", "127.0.0.1:1002"), ("QFPAY_LISTEN", "tcp://10.0.0.1:80")]);
    assert_eq!(api(&variable), "http://127.0.0.1:1002");
    let flag = flags(variable, &[("listen.api", "127.0.0.1:1003")]);
    assert_eq!(api(&flag), "http://127.0.0.1:1003");
    let sources = loaded(&flag).sources.join("\n");
    for source in ["default", "shop.toml", "environment variable QFPAY__LISTEN__API", "flag --listen"] {
        assert!(sources.contains(source), "{sources}");
    }
}

#[test]
fn without_env_and_file_it_is_the_sandbox_in_any_folder() {
    let config = loaded(&Shop::new().sandbox());
    assert_eq!(config.environment, Environment::Sandbox);
    assert_eq!(config.upstream.target, Target::Sandbox);
    let app = config.keyring.default_app();
    assert_eq!(app.name, "demo");
    assert_eq!(app.key_source, "built-in sandbox key");
    assert!(app.client_key.is_for_sandbox());
    assert_eq!(config.limits.body_bytes, 65536);
    assert_eq!(config.upstream.call_timeout, Duration::from_secs(60));
}

#[test]
fn the_shipped_files_load_once_they_are_filled_in() {
    let shop = Shop::new();
    let config_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let of = |name: &str| Request {
        environment: Some(name.into()),
        config_dir: config_dir.clone(),
        ..Request::default()
    };
    loaded(&of("sandbox"));
    for name in ["test", "production"] {
        let mended = [
            ("apps.shop.client_key_file", shop.path("key").display().to_string()),
            ("apps.shop.app_code", CODE.into()),
        ];
        let unfilled = Request { overrides: vec![(mended[0].0.into(), mended[0].1.clone())], ..of(name) };
        let file = format!("{name}.toml:");
        refused(&unfilled, &[&file, "apps.shop.app_code", "placeholder", "QFPay issued"]);
        let filled = Request { overrides: mended.map(|(key, value)| (key.into(), value)).into(), ..of(name) };
        let config = loaded(&filled);
        assert_eq!(config.environment == Environment::Production, name == "production");
        let Target::Live(url) = config.upstream.target else { panic!("{name} is live") };
        assert_eq!(url.is_production(), name == "production");
    }
}

#[test]
fn text_is_enough_for_every_kind_of_value() {
    let shop = Shop::new();
    let config = loaded(&env(
        shop.file("limits.connections = \"7\""),
        &[
            ("QFPAY__LIMITS__BODY_BYTES", "0004096"),
            ("QFPAY__CHECKOUT__SIGN_LANG", "true"),
            ("QFPAY__ROUTES__ALLOW", "/trade/v1/, /mch/v1/"),
            ("QFPAY__BROWSER__ALLOWED_REDIRECT_HOSTS", r#"["Shop.example.com"]"#),
            ("QFPAY__APPS__SHOP__MCHID", "0012345"),
            ("QFPAY__APPS__SHOP__SIGN_TYPE", "SHA256"),
            ("QFPAY__LISTEN__ADMIN", ""),
            ("QFPAY__LOG__FORMAT", "json"),
        ],
    ));
    assert_eq!((config.limits.body_bytes, config.limits.connections), (4096, 7));
    assert!(config.checkout.sign_lang);
    assert!(config.routes.allows("/mch/v1/query") && !config.routes.allows("/tool/v1/x"));
    assert_eq!(config.browser.allowed_redirect_hosts, ["shop.example.com"]);
    let app = config.keyring.by_name("shop").unwrap();
    assert_eq!(app.mchid.as_deref(), Some("0012345"), "leading zeros are part of an mchid");
    assert_eq!(app.sign_type, SignType::Sha256);
    assert!(config.listen.admin.is_none());
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn an_app_may_come_from_variables_alone() {
    let shop = Shop::new();
    let request = env(
        shop.raw_file("upstream.base_url = \"https://openapi-hk.qfapi.com\""),
        &[
            ("QFPAY__APPS__SHOP__APP_CODE", CODE),
            ("QFPAY__APPS__SHOP__CLIENT_KEY_ENV", "SHOP_KEY"),
            ("SHOP_KEY", CANARY),
        ],
    );
    let config = loaded(&request);
    assert_eq!(config.keyring.default_app().key_source, "environment variable SHOP_KEY");
    assert!(!format!("{request:?}{config:?}").contains(CANARY));
}

#[test]
fn unknown_keys_are_all_named_with_what_was_meant() {
    let shop = Shop::new();
    let request = env(
        shop.file("[limits]\nbody_byte = 1\n[upstrem]\ncall_timeout_ms = 5\n[nonsense]\n[log]\nlevel.x = 1\n[upstream]"),
        &[("QFPAY__LISTEN__APO", "x"), ("QFPAY__APPS__SHOP__APPCODE", "x"), ("QFPAY__ROUTES", "/a/")],
    );
    let base = fs::read_to_string(shop.path("shop.toml")).unwrap();
    fs::write(shop.path("shop.toml"), base.replace("\nupstream.base_url", "\nbase_url")).unwrap();
    let words = [
        "shop.toml:2: limits.body_byte: unknown key; did you mean limits.body_bytes?",
        "shop.toml:4: upstrem.call_timeout_ms: unknown key; did you mean upstream.call_timeout_ms?",
        "shop.toml:5: nonsense: unknown key",
        "log.level.x: log.level is a single value",
        "environment variable QFPAY__LISTEN__APO: listen.apo: unknown key; did you mean listen.api?",
        "apps.shop.appcode: unknown key; did you mean apps.shop.app_code?",
        "environment variable QFPAY__ROUTES: routes: routes is a section",
    ];
    refused(&request, &words);
}

#[test]
fn a_key_never_stands_in_the_configuration() {
    let shop = Shop::new();
    for name in ["client_key", "app_key", "key", "secret"] {
        let content = format!("[apps.shop]\napp_code = \"{CODE}\"\n{name} = \"{CANARY}\"\n");
        let key = format!("shop.toml:3: apps.shop.{name}: ");
        refused(
            &shop.raw_file(&content),
            &[&key, "never stands in the configuration", "client_key_file", "chmod 600"],
        );
    }
    let variable = env(shop.file(""), &[("QFPAY__APPS__SHOP__CLIENT_KEY", CANARY)]);
    refused(&variable, &["environment variable QFPAY__APPS__SHOP__CLIENT_KEY", "never stands"]);
    for source in ["client_key_file", "client_key_env", "client_key_credential"] {
        let content = format!(
            "upstream.base_url = \"https://openapi-hk.qfapi.com\"\n[apps.shop]\napp_code = \"{CODE}\"\n{source} = \"{CANARY}\"\n"
        );
        let request = shop.raw_file(&content);
        refused(&request, &["shop.toml:4", source, "looks like the key itself", "name the file"]);
        assert!(!format!("{:?}", explain(&request).unwrap()).contains(CANARY));
    }
    // Pasted where only a name or a host belongs.
    for key in
        ["default_app", "listen.api", "upstream.base_url", "log.level", "routes.allow", "limits.body_bytes"]
    {
        refused(&flags(shop.file(""), &[(key, CANARY)]), &[key]);
    }
    refused(&flags(shop.file(""), &[(&format!("apps.{CANARY}.x"), "1")]), &["unknown key"]);
    refused(&shop.raw_file(&format!("[apps.shop]\nclient_key = {CANARY}\n")), &["shop.toml:2:", "not TOML"]);
}

#[test]
fn key_files_are_private_and_hold_one_key() {
    let shop = Shop::new();
    let with = |name: &str| {
        flags(shop.file(""), &[("apps.shop.client_key_file", shop.path(name).to_str().unwrap())])
    };
    shop.write_key("open", CANARY, 0o640);
    shop.write_key("world", CANARY, 0o604);
    shop.write_key("empty", "", 0o600);
    shop.write_key("large", &CANARY.repeat(200), 0o600);
    shop.write_key("two", &format!("{CANARY}\n{CANARY}\n"), 0o600);
    shop.write_key("short", "CA4A41", 0o600);
    let flag = "flag --set apps.shop.client_key_file";
    for (name, mode) in [("open", "0640"), ("world", "0604")] {
        let remedy = format!("chmod 600 {}", shop.path(name).display());
        refused(&with(name), &[flag, mode, &remedy, "mode: 0400", "defaultMode: 0400"]);
    }
    refused(&with("empty"), &[flag, "empty"]);
    refused(&with("large"), &["4096 bytes"]);
    refused(&with("two"), &["white space"]);
    refused(&with("missing"), &["no such key file", "missing"]);
    refused(&with(""), &["a folder"]);
    // What a link leads to counts, not the link; a pipe would wait for a writer.
    std::os::unix::fs::symlink(shop.path("world"), shop.path("link")).unwrap();
    refused(&with("link"), &[flag, "0604"]);
    std::os::unix::fs::symlink(shop.path("key"), shop.path("private-link")).unwrap();
    loaded(&with("private-link"));
    assert!(std::process::Command::new("mkfifo").arg(shop.path("pipe")).status().unwrap().success());
    refused(&with("pipe"), &[flag, "not a file with a key"]);
    // The key before it is as good as the key, for whoever wants to forge a notification.
    for (name, words) in [("open", "0640"), ("link", "0604"), ("pipe", "not a file"), ("two", "white space")]
    {
        let path = shop.path(name);
        let previous =
            flags(shop.file(""), &[("apps.shop.client_key_previous_file", path.to_str().unwrap())]);
        refused(&previous, &["flag --set apps.shop.client_key_previous_file", words]);
    }
    assert!(!refused(&with("short"), &["only 6 characters", "allow_short_key"]).contains("CA4A41"));
    let short = with("short");
    let short = Request {
        overrides: [short.overrides, vec![("apps.shop.allow_short_key".into(), "true".into())]].concat(),
        ..short
    };
    loaded(&short);
    let named =
        refused(&flags(shop.file(""), &[("apps.shop.client_key_file", "789012XYZ")]), &["no such key file"]);
    assert!(!named.contains("789012XYZ"), "without '/', '_' or '.' it could be the key: {named}");
}

#[test]
fn credentials_come_from_systemds_folder() {
    let shop = Shop::new();
    shop.write_key("qfpay_client_key", CANARY, 0o440);
    let folder = shop.path("").display().to_string();
    let lines = format!(
        "upstream.base_url = \"https://openapi-hk.qfapi.com\"\n[apps.shop]\napp_code = \"{CODE}\"\nclient_key_credential = \"qfpay_client_key\"\n"
    );
    let request = shop.raw_file(&lines);
    let config = loaded(&env(request.clone(), &[("CREDENTIALS_DIRECTORY", &folder)]));
    assert_eq!(config.keyring.default_app().key_source, "credential qfpay_client_key");
    refused(&request, &["shop.toml:4", "CREDENTIALS_DIRECTORY is not set", "LoadCredential"]);
    let escape = flags(request, &[("apps.shop.client_key_credential", "../qfpay_client_key")]);
    refused(&env(escape, &[("CREDENTIALS_DIRECTORY", &folder)]), &["without a path"]);
}

#[test]
fn every_app_has_exactly_one_key_source() {
    let shop = Shop::new();
    let both = env(shop.file(""), &[("QFPAY__APPS__SHOP__CLIENT_KEY_ENV", "SHOP_KEY")]);
    refused(&both, &["apps.shop.client_key_file", "apps.shop.client_key_env", "keep one"]);
    let none = env(shop.file(""), &[("QFPAY__APPS__SHOP__CLIENT_KEY_FILE", "")]);
    refused(&none, &["apps.shop.client_key_file", "no key", "name the file"]);
    let unset = env(
        none,
        &[("QFPAY__APPS__SHOP__CLIENT_KEY_FILE", ""), ("QFPAY__APPS__SHOP__CLIENT_KEY_ENV", "SHOP_KEY")],
    );
    refused(&unset, &["not set: SHOP_KEY"]);
}

#[test]
fn sandbox_keys_and_issued_keys_do_not_mix() {
    let shop = Shop::new();
    shop.write_key("sandbox_key", "SANDBOX0000000000000000000000000", 0o600);
    let key = shop.path("sandbox_key").display().to_string();
    let production = ("upstream.base_url", "https://openapi-hk.qfapi.com");
    let live = flags(shop.file(""), &[production, ("apps.shop.client_key_file", &key)]);
    let text = refused(
        &live,
        &["sandbox key", "upstream.base_url (flag --set upstream.base_url)", "everybody knows"],
    );
    assert!(!text.contains("SANDBOX0"), "{text}");
    let sandbox = flags(shop.file(""), &[("upstream.base_url", "sandbox")]);
    refused(&sandbox, &["begin with SANDBOX", "leave out the key source", "apps.shop.client_key_file"]);
    loaded(&flags(shop.file(""), &[("upstream.base_url", "sandbox"), ("apps.shop.client_key_file", &key)]));
}

#[test]
fn hosts_that_do_not_fit_the_environment_are_refused() {
    let shop = Shop::new();
    let with = |environment: &str, base_url: &str| {
        flags(shop.file(""), &[("environment", environment), ("upstream.base_url", base_url)])
    };
    let both = ["upstream.base_url", "environment is", "flag --set environment"];
    for (environment, base_url) in [
        ("production", "sandbox"),
        ("production", "https://test-openapi-hk.qfapi.com"),
        ("production", "http://127.0.0.1:8790"),
        ("test", "https://openapi-hk.qfapi.com"),
        ("sandbox", "https://openapi.qfpay.com"),
    ] {
        refused(&with(environment, base_url), &both);
    }
    loaded(&with("production", "https://openapi-hk.qfapi.com"));
    loaded(&with("test", "https://test-openapi-hk.qfapi.com"));
    let page = flags(
        shop.file("environment = \"production\""),
        &[
            ("upstream.base_url", "https://openapi-hk.qfapi.com"),
            ("upstream.browser_base_url", "https://test-o2-hk.qfapi.com"),
        ],
    );
    refused(&page, &["upstream.browser_base_url", "environment is production", "shop.toml:1"]);
    shop.write("test.toml", "environment = \"production\"\n");
    let request =
        Request { environment: Some("test".into()), config_dir: shop.path(""), ..Request::default() };
    refused(&request, &["test.toml:1: environment", "--env test"]);
}

#[test]
fn wrong_values_are_all_told_with_the_unit_that_is_expected() {
    let shop = Shop::new();
    let lines = "[limits]\nbody_bytes = -1\nheader_timeout_ms = \"60s\"\nconnections = 0\nin_flight = 1.5\n\
                 body_timeout_ms = 99999999\n[log]\nlevel = \"loud\"\nformat = 3\n[checkout]\nsign_lang = \"maybe\"\n\
                 [routes]\nallow = [\"/oauth/\"]\n[listen]\napi = \"8787\"\n[parameters]\nempty = \"\"\n[sandbox]\nlisten = []";
    let content = format!(
        "{lines}\n[upstream]\nca_file = \"/nonexistent/ca.pem\"\nbrowser_base_url = \"http://a.test\"\n"
    );
    refused(
        &shop.raw_file(&content),
        &[
            "shop.toml:2: limits.body_bytes: -1 is not a number of bytes",
            "shop.toml:3: limits.header_timeout_ms: '60s' is not a number of milliseconds",
            "whole number from 1 to 600000",
            "shop.toml:4: limits.connections: 0",
            "shop.toml:5: limits.in_flight: 1.5",
            "shop.toml:6: limits.body_timeout_ms: 99999999",
            "shop.toml:8: log.level: 'loud': write error or warn or info or debug or trace",
            "shop.toml:9: log.format: this is text; write it in quotes",
            "shop.toml:11: checkout.sign_lang: 'maybe' is neither true nor false",
            "shop.toml:13: routes.allow: '/oauth/': ",
            "client_secret",
            "shop.toml:15: listen.api: '8787': it is neither IP:PORT",
            "shop.toml:17: parameters.empty: '': write drop or keep or reject",
            "shop.toml:19: sandbox.listen: this must be one text",
            "shop.toml:21: upstream.ca_file: '/nonexistent/ca.pem': this file cannot be read",
            "shop.toml:22: upstream.browser_base_url: 'http://a.test': plain http is for loopback",
            "no app is configured",
        ],
    );
    let password = flags(shop.file(""), &[("upstream.base_url", "https://user:hunter2@a.test")]);
    assert!(!refused(&password, &["without path, query, user name"]).contains("hunter2"));
}

#[test]
fn a_port_beyond_65535_is_told_as_such() {
    let shop = Shop::new();
    for address in ["127.0.0.1:99999", "[::1]:70000", "localhost:65536"] {
        refused(
            &flags(shop.file(""), &[("listen.api", address)]),
            &["its port is none: ports are 1 to 65535"],
        );
    }
    refused(&flags(shop.file(""), &[("listen.api", "127.0.0.1:")]), &["neither IP:PORT"]);
}

#[test]
fn an_ipv6_address_is_no_list() {
    let shop = Shop::new();
    for (text, count) in [("[::1]:8787", 1), ("[::1]:8787,127.0.0.1:8787", 2), ("[\"[::1]:8787\"]", 1)] {
        let config = load(&flags(shop.file(""), &[("listen.api", text)])).unwrap();
        assert_eq!(config.listen.api.len(), count, "{text}");
    }
    refused(&flags(shop.file(""), &[("listen.api", "[127.0.0.1:8787")]), &["this is not a list"]);
}

#[test]
fn a_section_that_stands_twice_is_told_with_its_first_line() {
    let shop = Shop::new();
    let twice = shop.raw_file("\n[apps.b]\napp_code = \"1\"\n[log]\n[apps.b]\n");
    refused(&twice, &["shop.toml:5:1: ", "duplicate key", "; it stands in line 2 already"]);
}

#[test]
fn settings_that_contradict_each_other_are_both_named() {
    let shop = Shop::new();
    let timeouts = shop.file("upstream.call_timeout_ms = 2000");
    refused(&timeouts, &["shop.toml:1: upstream.call_timeout_ms", "upstream.connect_timeout_ms (default)"]);
    let memory = shop.file("limits.answer_memory_bytes = 65536");
    let both = ["default: limits.answer_whole_bytes", "limits.answer_memory_bytes (", "shop.toml:1"];
    refused(&memory, &both);
    let bodies = shop.file("notifications.body_bytes = 16000000");
    refused(&bodies, &["shop.toml:1: notifications.body_bytes", "limits.large_requests_bytes (default)"]);
    let bodies = shop.file("limits.body_bytes = 16000000");
    refused(&bodies, &["shop.toml:1: limits.body_bytes", "limits.large_requests_bytes (default)"]);
    let listen = shop.file("listen.api = \"127.0.0.1:9\"\nlisten.admin = \"127.0.0.1:9\"");
    refused(&listen, &["shop.toml:2: listen.admin", "listen.api (", "shop.toml:1)"]);
    let checkout = shop.file("checkout.sign_type = \"MD5\"");
    refused(&checkout, &["checkout.sign_type_spelling", "checkout.sign_type, MD5 (", "shop.toml:1"]);
    let files = Request { environment: Some("sandbox".into()), ..shop.file("") };
    refused(&files, &["--env", "--config"]);
}

#[test]
fn apps_are_told_apart() {
    let shop = Shop::new();
    let second = format!(
        "default_app = \"shop\"\napps.kiosk.app_code = \"{CODE}\"\napps.kiosk.client_key_file = \"{}\"",
        shop.path("key").display()
    );
    refused(
        &shop.file(&second),
        &["apps.shop.app_code", "apps.kiosk (", "shop.toml:2)", "the same app_code"],
    );
    let two = second.replace(CODE, "other-code");
    assert_eq!(loaded(&shop.file(&two)).keyring.apps().len(), 2);
    let none = two.replace("\"shop\"", "\"\"");
    refused(&shop.file(&none), &["shop.toml:1: default_app", "kiosk, shop"]);
    let wrong = two.replace("\"shop\"", "\"shp\"");
    refused(&shop.file(&wrong), &["shop.toml:1: default_app: 'shp' is no app", "kiosk, shop"]);
    refused(&shop.file("apps.Kiosk.mchid = \"1\""), &["apps.Kiosk", "lower-case", "no app_code"]);
    refused(&shop.raw_file("apps.shop = 1\n"), &["shop.toml:1: apps.shop: apps.shop is a section"]);
    refused(&shop.raw_file("[apps.shop]\n"), &["shop.toml:1: apps.shop.app_code", "QFPay issued"]);
    refused(&shop.file("apps.b.app_code = 12345"), &["apps.b.app_code", "in quotes"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let shop = Shop::new();
    let missing = Request { file: Some(shop.path("gone.toml")), ..Request::default() };
    refused(&missing, &["gone.toml", "does not exist", "--config"]);
    // One that is named from the working directory: the message says which directory that was.
    let relative = Request { file: Some("gone.toml".into()), ..Request::default() };
    let here = std::env::current_dir().unwrap();
    refused(&relative, &[&format!("does not exist in {};", here.display())]);
    for name in ["test", "production"] {
        let request = Request { environment: Some(name.into()), ..shop.sandbox() };
        refused(&request, &[&format!("none/{name}.toml"), "does not exist"]);
    }
    let unknown = Request { environment: Some("staging".into()), ..shop.sandbox() };
    refused(&unknown, &["--env", "'staging'", "sandbox, test or production"]);
    refused(&shop.raw_file("a = 1\nb = = 2\n"), &["shop.toml:2:5", "not TOML"]);
}

#[test]
fn explain_tells_every_value_and_its_source() {
    let shop = Shop::new();
    let request = env(
        shop.file("log.level = \"debug\""),
        &[("QFPAY__LIMITS__IN_FLIGHT", "9"), ("QFPAY__SECRET", CANARY)],
    );
    let list = explain(&flags(request, &[("listen.api", "127.0.0.1:1")])).unwrap();
    let find = |key: &str| {
        let found = list.iter().find(|entry| entry.key == key).unwrap_or_else(|| panic!("{key}"));
        (found.value.as_str(), found.source.as_str())
    };
    assert_eq!(find("limits.body_bytes"), ("65536", "default"));
    assert_eq!(find("limits.in_flight"), ("'9'", "environment variable QFPAY__LIMITS__IN_FLIGHT"));
    assert_eq!(find("listen.api"), ("'127.0.0.1:1'", "flag --listen"));
    assert_eq!(find("log.level").0, "'debug'");
    assert!(find("log.level").1.ends_with("shop.toml:1"));
    assert_eq!(find("apps.shop.app_code").0, "A6A4..B8F1");
    assert_eq!(find("apps.shop.client_key_file").0, shop.path("key").display().to_string());
    assert_eq!(find("routes.allow").0, "['/tool/v1/', '/trade/v1/']");
    assert!(!format!("{list:?}").contains(CANARY));
}

#[test]
fn the_sandbox_listens_on_this_machine_only() {
    for address in
        ["0.0.0.0:8790", "[::]:8790", "10.0.0.5:8790", "[fd00::5]:1", "unix:/tmp/sandbox.sock", "192.0.2.1:1"]
    {
        for allow in ["true", "false"] {
            let request = Request {
                overrides: vec![
                    ("sandbox.listen".to_owned(), address.to_owned()),
                    ("listen.allow_non_loopback".to_owned(), allow.to_owned()),
                ],
                ..Request::default()
            };
            refused(&request, &["sandbox.listen", "loopback", "127.0.0.1:8790"]);
        }
    }
}

#[test]
fn the_sandbox_notifies_this_machine_only_and_never_slower_than_qfpay() {
    let with = |key: &str, value: &str| Request {
        overrides: vec![(key.to_owned(), value.to_owned())],
        ..Request::default()
    };
    for good in ["http://127.0.0.1:8080/notify.php?a=1", "http://localhost/n", "http://[::1]:1/"] {
        assert_eq!(loaded(&with("sandbox.notify_url", good)).sandbox.notify_url.as_deref(), Some(good));
    }
    for bad in [
        "http://192.0.2.1/n",
        "https://127.0.0.1/n",
        "http://127.0.0.1@shop.test/",
        "notify",
        "http://shop.test/",
    ] {
        refused(&with("sandbox.notify_url", bad), &["sandbox.notify_url", "on this machine"]);
    }
    assert_eq!(loaded(&with("sandbox.time_scale", "1000")).sandbox.time_scale, 1000);
    for bad in ["0", "0.5", "1000001", "-1"] {
        refused(&with("sandbox.time_scale", bad), &["sandbox.time_scale", "from 1 to 1000000"]);
    }
}
