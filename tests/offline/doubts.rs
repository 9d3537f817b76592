//! What `check` says of a configuration that is allowed, but probably not what was meant; and that one mistake is told once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use qfpay_sidecar::config::{Request, explain, load};
use tempfile::TempDir;

const KEY: &str = "CA4A41E5CA4A41E5CA4A41E5CA4A41E5";
const CODE: &str = "A6A49A66B4C94EA5B6F4B4C6D3E0B8F1";

struct Shop(TempDir);

impl Shop {
    fn new() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        shop.key(KEY);
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn key(&self, content: &str) {
        fs::write(self.path("key"), content).unwrap();
        fs::set_permissions(self.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A complete file for production, in which these settings win over all.
    fn with(&self, settings: &[(&str, &str)]) -> Request {
        let file = format!(
            "environment = \"production\"\nupstream.base_url = \"https://openapi-hk.qfapi.com\"\n\
             [apps.shop]\napp_code = \"{CODE}\"\nclient_key_file = \"{}\"\n",
            self.path("key").display()
        );
        fs::write(self.path("shop.toml"), file).unwrap();
        let overrides =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Request { file: Some(self.path("shop.toml")), overrides, ..Request::default() }
    }

    fn advice(&self, settings: &[(&str, &str)], env: &[(&str, &str)]) -> Vec<String> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect();
        load(&Request { env, ..self.with(settings) }).unwrap_or_else(|error| panic!("{error}")).advice
    }
}

#[test]
fn nothing_is_said_of_what_is_right() {
    let shop = Shop::new();
    let ours = [
        ("QFPAY_SIDECAR_ENV", "production"),
        ("QFPAY_SIDECAR_CONFIG_DIR", "/etc"),
        ("QFPAY__LOG__LEVEL", "warn"),
        // As Kubernetes sets them for services named qfpay and qfpay-sidecar.
        ("QFPAY_SERVICE_HOST", "10.0.0.1"),
        ("QFPAY_PORT", "tcp://10.0.0.1:80"),
        ("QFPAY_SIDECAR_PORT_8787_TCP_ADDR", "10.0.0.1"),
        ("HTTP_PROXY", "http://10.0.0.1"),
        ("HTTPS_PROXY", ""),
    ];
    assert_eq!(shop.advice(&[], &ours), Vec::<String>::new());
}

#[test]
fn variables_that_look_like_ours() {
    let shop = Shop::new();
    for (name, meant) in [
        ("QFPAY_UPSTREAM_CALL_TIMEOUT_MS", "QFPAY__UPSTREAM__CALL_TIMEOUT_MS"),
        ("QFPAY_UPSTREAM__CALL_TIMEOUT_MS", "QFPAY__UPSTREAM__CALL_TIMEOUT_MS"),
        ("qfpay__upstream__call_timeout_ms", "QFPAY__UPSTREAM__CALL_TIMEOUT_MS"),
        ("QFPAY_DEFAULT_APP", "QFPAY__DEFAULT_APP"),
        ("QFPAY_SIDECAR_LISTEN_API", "QFPAY__LISTEN__API"),
        ("QFPAY_SIDECAR__LISTEN__API", "QFPAY__LISTEN__API"),
        ("QFPAY_APPS_SHOP_CLIENT_KEY_FILE", "QFPAY__APPS__NAME__CLIENT_KEY_FILE"),
        ("QFPAY_APP_CODE", "QFPAY__APPS__NAME__APP_CODE"),
        ("QFPAY_ENV", "QFPAY_SIDECAR_ENV"),
    ] {
        let advice = shop.advice(&[], &[(name, KEY)]);
        assert_eq!(advice.len(), 1, "{name}: {advice:?}");
        assert!(advice[0].starts_with(&format!("environment variable {name}: ")), "{advice:?}");
        assert!(
            advice[0].ends_with(&format!("did you mean {meant}?")) && !advice[0].contains(KEY),
            "{advice:?}"
        );
    }
}

#[test]
fn a_variable_that_holds_a_key_is_no_slip() {
    let shop = Shop::new();
    let settings = [("apps.shop.client_key_file", ""), ("apps.shop.client_key_env", "QFPAY_APP_CODE")];
    let advice = shop.advice(&settings, &[("QFPAY_APP_CODE", KEY)]);
    assert!(advice.iter().all(|advice| !advice.contains("did you mean")), "{advice:?}");
}

#[test]
fn hosts_that_are_nearly_qfpays() {
    let shop = Shop::new();
    for (setting, host, meant) in [
        ("upstream.base_url", "opemapi-hk.qfapi.com", "openapi-hk.qfapi.com"),
        ("upstream.base_url", "openapi.qfpy.qfpay.com", ""),
        ("upstream.browser_base_url", "02-hk.qfapi.com", "o2-hk.qfapi.com"),
    ] {
        let advice = shop.advice(&[(setting, &format!("https://{host}"))], &[]);
        match meant {
            "" => assert_eq!(advice, Vec::<String>::new()),
            _ => assert!(
                advice.len() == 1 && advice[0].contains(meant) && advice[0].contains(setting),
                "{advice:?}"
            ),
        }
    }
    for page in ["https://o2-hk.qfapi.com", "https://O2.qfpay.com"] {
        let error = load(&shop.with(&[("upstream.base_url", page)])).unwrap_err().to_string();
        assert!(error.contains("answers no call") && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn pages_of_another_country_than_the_calls() {
    let shop = Shop::new();
    for (base, pages, says) in [
        ("openapi-th.qfapi.com", "o2-hk.qfapi.com", "another country"),
        ("openapi.qfpay.com", "o2-hk.qfapi.com", "goes https://o2.qfpay.com"),
        ("openapi-hk.qfapi.com", "openapi-hk.qfapi.com", "openapi-hk.qfapi.com answers calls"),
        // No page host of these is documented.
        ("openapi-jp.qfapi.com", "o2-hk.qfapi.com", ""),
        ("openapi-th.qfapi.com", "o2-th.qfapi.com", ""),
    ] {
        let [base, pages] = [base, pages].map(|host| format!("https://{host}"));
        let advice = shop.advice(&[("upstream.base_url", &base), ("upstream.browser_base_url", &pages)], &[]);
        match says {
            "" => assert_eq!(advice, Vec::<String>::new()),
            says => assert!(advice.len() == 1 && advice[0].contains(says), "{says}: {advice:?}"),
        }
    }
}

#[test]
fn settings_that_do_nothing_or_too_much_beside_others() {
    let shop = Shop::new();
    let key = shop.path("key").display().to_string();
    for (settings, says) in [
        (&[("journal.on_failure", "refuse")][..], "journal.on_failure: this does nothing while journal.file"),
        (&[("journal.sync", "true")], "journal.sync: this does nothing while journal.file"),
        (&[("limits.shutdown_timeout_ms", "1000")], "limits.shutdown_timeout_ms: a call may take 72000 ms"),
        (&[("upstream.call_timeout_ms", "90000")], "upstream.call_timeout_ms: a call may take 102000 ms"),
        (&[("routes.allow", "/trade/v1/paymnt")], "did you mean /trade/v1/payment?"),
        (&[("apps.shop.client_key_previous_file", key.as_str())], "this is the key that the app has now"),
    ] {
        let advice = shop.advice(settings, &[]);
        assert!(advice.len() == 1 && advice[0].contains(says), "{settings:?}: {advice:?}");
    }
    let callers = [("callers.till.user", "0"), ("callers.till.endpoints", "/trade/v1/refnd,/trade/v1/query")];
    let advice = shop.advice(&callers, &[]);
    let of_the_path =
        "callers.till.endpoints: QFPay documents no /trade/v1/refnd, one letter away from /trade/v1/refund";
    assert!(advice.iter().any(|advice| advice.contains(of_the_path)), "{advice:?}");
    for right in [
        &[("journal.on_failure", "refuse"), ("journal.file", "journal.db")][..],
        &[("limits.shutdown_timeout_ms", "72000")],
        &[("routes.allow", "/trade/v1/payment,/trade/v1/brand_new")],
    ] {
        assert_eq!(shop.advice(right, &[]), Vec::<String>::new());
    }
}

#[test]
fn of_two_times_the_one_that_was_written_is_at_fault() {
    let shop = Shop::new();
    for (settings, says) in [
        (&[("upstream.connect_timeout_ms", "70000")][..], "connect_timeout_ms: this is longer than"),
        (
            &[("upstream.call_timeout_ms", "2000")],
            "call_timeout_ms: this is shorter than upstream.connect_timeout_ms",
        ),
        (&[("upstream.call_timeout_ms", "60")], "upstream.call_timeout_ms is in milliseconds"),
    ] {
        let error = load(&shop.with(settings)).unwrap_err().to_string();
        assert!(error.contains(says) && error.lines().count() == 1, "{error}");
        assert_eq!(error.contains("milliseconds"), says.contains("milliseconds"), "{error}");
    }
}

#[test]
fn an_app_code_that_cannot_be_one() {
    let advice = Shop::new().advice(&[("apps.shop.app_code", "abc")], &[]);
    assert!(advice.len() == 1 && advice[0].contains("32 hex digits, this one has 3"), "{advice:?}");
}

#[test]
fn a_key_file_that_holds_more_than_the_key() {
    let shop = Shop::new();
    for (content, word) in [
        (format!("client_key={KEY}\n"), "name=value"),
        (format!("export QFPAY_KEY = \"{KEY}\"\n"), "name=value"),
        (format!("'{KEY}'"), "quotes"),
        (format!("{KEY} \n"), "a blank at position 33"),
        (format!("\n{KEY}\n"), "a line end at position 1"),
        (format!("{KEY}\n\n"), "a line end at position 33"),
        (format!("\u{feff}{KEY}"), "byte order mark"),
        (format!("{KEY}\u{a0}"), "a byte outside ASCII at position 33"),
    ] {
        shop.key(&content);
        let error = load(&shop.with(&[])).unwrap_err().to_string();
        assert!(
            error.contains(word) && !error.contains(KEY) && error.lines().count() == 1,
            "{word}: {error}"
        );
    }
}

#[test]
fn a_section_whose_header_is_wrong_is_told_once() {
    let shop = Shop::new();
    let base = "upstream.base_url = \"https://openapi-hk.qfapi.com\"\n";
    let keys = format!("app_code = \"{CODE}\"\nclient_key_file = \"{}\"\n", shop.path("key").display());
    for (header, says) in [
        (
            "[apps]",
            ": apps: app_code stands in [apps] itself, and belongs to one of several; write [apps.NAME] above it",
        ),
        (
            "[apps.shop]\n{}[caller.till]\nuser = \"0\"\nmchids = [\"M1\"]\n#",
            ": caller.till: unknown section; did you mean [callers.till]?",
        ),
        ("[apps.shop]\n{}[app.tea]", ": app.tea: unknown section; did you mean [apps.tea]?"),
    ] {
        fs::write(
            shop.path("shop.toml"),
            format!("{base}{}\n{keys}", header.replace("{}", &keys)).replace("#\n", "#"),
        )
        .unwrap();
        let error = load(&Request { file: Some(shop.path("shop.toml")), ..Request::default() })
            .unwrap_err()
            .to_string();
        let others: Vec<_> = error.lines().filter(|line| !line.contains("client_key_file")).collect();
        assert!(others.len() == 1 && others[0].contains(says), "{error}");
    }
}

#[test]
fn a_name_that_is_not_whole_is_told_where_it_begins() {
    let shop = Shop::new();
    let here = std::env::current_dir().unwrap().display().to_string();
    for (name, says) in [
        ("keys/none", format!("relative names start at the working directory, {here}")),
        ("~/keys/none", "'~' and variables are not expanded".to_owned()),
        ("${KEYS}/none", "variables are not expanded".to_owned()),
    ] {
        let error = load(&shop.with(&[("apps.shop.client_key_file", name)])).unwrap_err().to_string();
        assert!(error.contains(&says) && error.lines().count() == 1, "{error}");
    }
}

/// Every setting with a value that does not parse, alone: one problem, and it is that setting's.
#[test]
fn one_mistake_is_told_once() {
    let shop = Shop::new();
    let keys: Vec<_> = explain(&shop.with(&[])).unwrap().into_iter().map(|setting| setting.key).collect();
    let mut judged = 0;
    for key in keys.iter().filter(|key| !key.starts_with("app_defaults.") && !key.contains("route_defaults"))
    {
        // In the sandbox too, where the key of an app is built in.
        for request in [shop.with(&[(key, "\u{1}no such value")]), {
            let overrides = vec![(key.clone(), "\u{1}no such value".to_owned())];
            Request { overrides, config_dir: shop.path("none"), ..Request::default() }
        }] {
            let Err(error) = load(&request) else { continue };
            let problems: Vec<_> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
            let about_the_app =
                key.starts_with("apps.shop.") && problems.iter().all(|other| other.starts_with("apps.shop"));
            assert!(problems == [key.as_str()] || about_the_app, "{key}: {error}");
            judged += 1;
        }
    }
    assert!(judged > 60, "{judged}");
}

#[test]
fn what_an_upgrade_changes_for_this_configuration() {
    let shop = Shop::new();
    let notes = |settings: &[(&str, &str)]| load(&shop.with(settings)).unwrap().upgrade;
    assert_eq!(notes(&[]), Vec::<String>::new());
    let prefix = [("browser.public_prefix", "/pay"), ("browser.allowed_redirect_hosts", "shop.example")];
    for (settings, word) in [
        (&prefix[..], "listen.allow_forwarded"),
        (&[("listen.allowed_hosts", "sidecar")], "listen.allow_forwarded"),
        (&[("apps.shop.mchid", "M1")], "apps.shop.mchid: a call that names mchid and leaves it empty"),
    ] {
        let notes = notes(settings);
        assert!(notes.len() == 1 && notes[0].starts_with(word), "{settings:?}: {notes:?}");
    }
    let (other, key) = (CODE.replace('A', "B"), shop.path("key").display().to_string());
    let two = [
        ("apps.two.app_code", other.as_str()),
        ("apps.two.client_key_file", key.as_str()),
        ("default_app", "shop"),
    ];
    assert!(notes(&two)[0].starts_with("default_app: "), "{:?}", notes(&two));
    let allowed = [("listen.allowed_hosts", "sidecar"), ("listen.allow_forwarded", "true")];
    assert_eq!(notes(&allowed), Vec::<String>::new());
}

#[test]
fn only_what_differs_is_shown_on_request() {
    let shop = Shop::new();
    shop.with(&[]);
    let check = |arguments: &[&str], env: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.arg("check").arg("--config").arg(shop.path("shop.toml")).args(arguments).env_clear();
        let done = command.envs(env.iter().copied()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let env = [("QFPAY__UPSTREAM__CALL_TIMEOUT_MS", "60000"), ("QFPAY__LIMITS__STREAMS", "65")];
    let changed = check(&["--changed", "--log-level", "warn"], &env);
    let keys: Vec<_> = changed
        .lines()
        .take_while(|line| line.contains("  "))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let expected = [
        "apps.shop.app_code",
        "apps.shop.client_key_file",
        "environment",
        "limits.streams",
        "log.level",
        "upstream.base_url",
    ];
    assert_eq!(keys, expected, "{changed}");
    assert!(changed.contains("further values are those of config/default.toml"), "{changed}");
    let all = check(&[], &env);
    assert!(
        all.contains("upstream.call_timeout_ms") && all.contains("upstream.pool_idle_timeout_ms"),
        "{all}"
    );
}
