//! The commands beside `run`, as an operator types them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The published vector of 2017: inputs, key and digest all stand in QFPay's overseas interface document.
const VECTOR: &str = "published_overseas2017_signup_chinese_utf8";

fn qfpay(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.args(arguments).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn write(path: &Path, content: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn the_demo_runs_the_main_job_once() {
    let done = qfpay(&["demo", "--once"]);
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(0), "{out}{err}");
    assert_eq!(out.matches("(signature verified)").count(), 6, "{out}");
    assert_eq!(out.matches("200 OK {\"respcd\": \"0000\"").count(), 4, "{out}");
    assert_eq!(out.matches("x-qf-sign: ").count(), 6, "{out}");
    let (_, doubt) = out.split_once("whose answer gets lost").unwrap();
    let (lost, resolved) = doubt.split_once("/sidecar/v1/outcome?out_trade_no=demo-doubt-").unwrap();
    assert!(lost.contains("502 Bad Gateway") && lost.contains("\"respcd\":\"1298\""), "{lost}");
    assert!(resolved.contains("\"state\":\"paid\",\"final\":true"), "{resolved}");
    assert!(!out.contains("SANDBOX0DEMO0KEY"), "the demo shows its key");
}

#[test]
fn the_demo_obeys_the_addresses_that_it_is_given() {
    // A loopback address of this process's own, since its ports are given back before the demo takes them.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let ip = std::net::Ipv4Addr::new(127, 64 + high, middle, low);
    let bound = [(); 3].map(|()| TcpListener::bind((ip, 0)).unwrap());
    let [api, admin, sandbox] = bound.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
    let set = format!("sandbox.listen={sandbox}");
    let arguments = ["demo", "--once", "--listen", &api, "--admin-listen", &admin, "--set", &set];
    // Taken ones are no reason to take others: these were asked for.
    let taken = qfpay(&arguments);
    assert_eq!(taken.status.code(), Some(1), "{}", text(&taken.stdout));
    assert!(text(&taken.stderr).contains("sandbox.listen: cannot listen on"), "{}", text(&taken.stderr));
    drop(bound);
    let done = qfpay(&arguments);
    let out = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{out}{}", text(&done.stderr));
    for (label, address) in [("api", &api), ("admin", &admin), ("sandbox", &sandbox)] {
        assert!(out.contains(&format!("\n  {label:<10}http://{address}")), "{label} {address}: {out}");
    }
    let config = out.lines().find(|line| line.starts_with("  config")).unwrap();
    assert!(config.contains("flag --listen") && !config.contains("--log-level"), "{config}");
}

/// The demo on a terminal 80 columns wide, until it names its pay page.
fn demo_on_a_terminal(no_color: &str) -> String {
    let mut python = Command::new("python3");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/offline/terminal.py");
    python.args([script, "80", "pay page", env!("CARGO_BIN_EXE_qfpay-sidecar"), "demo"]);
    for setting in ["listen.api", "listen.admin", "sandbox.listen"] {
        python.args(["--set", &format!("{setting}=127.0.0.1:0")]);
    }
    // Python itself is found by PATH, and only by it.
    let path = std::env::var_os("PATH").unwrap();
    let done =
        python.env_clear().env("PATH", path).env("TERM", "xterm").env("NO_COLOR", no_color).output().unwrap();
    text(&done.stdout).to_owned()
}

#[test]
fn the_demo_is_readable_on_a_terminal_and_ends_with_what_to_open() {
    let shown = demo_on_a_terminal("1");
    assert!(!shown.contains('\u{1b}'), "NO_COLOR is heeded: {shown}");
    assert!(shown.contains(r#""resperr": "交易成功""#) && !shown.contains("\\u"), "{shown}");
    let (steps, end) = shown.split_once("\nThe sidecar goes on serving.").unwrap();
    for line in steps.lines() {
        let columns: usize = line.chars().map(|char| if char.is_ascii() { 1 } else { 2 }).sum();
        assert!(columns <= 80, "{columns}: {line}");
    }
    assert!(steps.contains("\n             "), "long lines go on below themselves: {steps}");
    let link = |label: &str| {
        let line = end.lines().find_map(|line| line.trim_start().strip_prefix(label)).unwrap();
        line.trim().to_owned()
    };
    let console = link("console");
    assert!(console.starts_with("http://127.0.0.1:") && console.ends_with("/sandbox/"), "{console}");
    assert!(link("pay page").starts_with(console.strip_suffix("sandbox/").unwrap()), "{end}");

    let coloured = demo_on_a_terminal("");
    assert!(coloured.contains("\u{1b}[32mQFPay saw\u{1b}[0m"), "{coloured}");
}

#[test]
fn the_demo_is_for_the_sandbox_only() {
    let done = qfpay(&["demo", "--once", "--env", "production"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("leave out --env"), "{}", text(&done.stderr));
}

#[test]
fn sign_prints_what_qfpay_published_and_not_the_key() {
    let vectors = include_str!("../vectors/sign.jsonl");
    let vector = vectors.lines().find(|line| line.contains(VECTOR)).unwrap();
    let vector: serde_json::Value = serde_json::from_str(vector).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("key"), vector["client_key"].as_str().unwrap());
    let config = folder.path().join("sign.toml");
    write(
        &config,
        &format!(
            "upstream.base_url = \"http://127.0.0.1:1\"\n[apps.old]\napp_code = \"A\"\nallow_short_key = true\n\
             client_key_file = \"{}\"\n",
            folder.path().join("key").display()
        ),
    );
    let config = config.to_str().unwrap();
    let pairs = vector["params"].as_object().unwrap().iter();
    let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let mut arguments = vec!["sign", "--config", config];
    arguments.extend(pairs.iter().map(String::as_str));

    let by_pairs = qfpay(&arguments);
    let by_form = qfpay(&["sign", "--config", config, "--form", vector["form"].as_str().unwrap()]);
    for done in [by_pairs, by_form] {
        let out = text(&done.stdout);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(out.contains(&format!("canonical  {}\n", vector["canonical"].as_str().unwrap())), "{out}");
        assert!(out.contains(&format!("signature  {}\n", vector["sign"].as_str().unwrap())), "{out}");
        assert!(!out.contains(vector["client_key"].as_str().unwrap()), "{out}");
    }
}

#[test]
fn sign_names_what_it_cannot_sign() {
    for (arguments, says) in [
        (&["sign", "txamt=1", "txamt=2"][..], "parameter 'txamt' was sent more than once"),
        (&["sign", "txamt"], "argument number 1 is not NAME=VALUE"),
        (&["sign", "--form", "a=%zz"], "broken percent-encoding"),
        (&["sign"], "there is nothing to sign"),
        (&["sign", "--path", "/checkstand", "a=1"], "signed in its URL"),
        (&["sign", "--path", "/trade/v1/Payment", "a=1"], "spelt /trade/v1/payment"),
        (&["sign", "--app", "nobody", "a=1"], "there is no app of that name; there is demo"),
    ] {
        let done = qfpay(arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(text(&done.stderr).contains(says), "{arguments:?}: {}", text(&done.stderr));
    }
}

#[test]
fn sign_adds_the_mchid_that_the_sidecar_adds() {
    let signed = |path: &str| {
        let done = qfpay(&["sign", "--path", path, "--set", "apps.demo.mchid=M1", "txamt=1"]);
        text(&done.stdout).lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(signed("/trade/v1/payment"), "canonical  mchid=M1&txamt=1");
    assert_eq!(signed("/trade/v1/add_note"), "canonical  txamt=1");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    // The reading end is closed before a line is written.
    let mut child = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"))
        .args(["check"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), ""));
}

#[test]
fn files_that_never_end_are_refused() {
    for (arguments, says) in [
        (["check", "--config", "/dev/zero"], "not a file"),
        (["check", "--set", "upstream.ca_file=/dev/zero"], "not a file"),
    ] {
        let done = qfpay(&arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(text(&done.stderr).contains(says), "{arguments:?}: {}", text(&done.stderr));
    }
}

#[test]
fn a_setting_that_is_not_utf8_is_told() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.arg("check").env_clear().env("QFPAY__LISTEN__API", OsStr::from_bytes(b"\xff"));
    let done = command.output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("QFPAY__LISTEN__API: its value is not UTF-8"));
}

#[test]
fn check_prints_values_with_their_sources_and_no_secret() {
    let done = qfpay(&["check", "--set", "limits.body_bytes=1000"]);
    let out = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let line =
        |key: &str| out.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {out}"));
    assert!(
        line("limits.body_bytes").ends_with("1000   flag --set limits.body_bytes")
            || line("limits.body_bytes").contains("flag --set")
    );
    assert!(line("upstream.call_timeout_ms").contains("default"));
    assert!(line("apps.demo.app_code").contains("5A4D..B0C5"), "{out}");
    assert!(out.contains("the configuration is right"));
    assert!(!out.contains("SANDBOX0DEMO0KEY"));
}

#[test]
fn a_key_that_was_pasted_into_another_setting_is_refused_and_not_shown() {
    const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";
    const PREVIOUS: &str = "FEDCBA9876543210FEDCBA9876543210";
    let folder = tempfile::tempdir().unwrap();
    let (file, key, previous) =
        (folder.path().join("shop.toml"), folder.path().join("key"), folder.path().join("previous"));
    write(&key, KEY);
    write(&previous, PREVIOUS);
    let app = format!(
        "upstream.base_url = \"https://openapi-hk.qfapi.com\"\n[apps.shop]\n\
         app_code = \"A1B2C3D4E5F60718293A4B5C6D7E8F90\"\nclient_key_file = \"{}\"\nclient_key_previous_file = \"{}\"\n",
        key.display(),
        previous.display()
    );
    let settings = [
        ("apps.shop.mchid", format!("mchid = \"{KEY}\"\n")),
        ("apps.shop.mchid", format!("mchid = \"{KEY}lower\"\n")),
        ("apps.shop.mchid", format!("mchid = \"{PREVIOUS}\"\n")),
        ("listen.allowed_hosts", format!("[listen]\nallowed_hosts = [\"shop.test\", \"x{KEY}.test\"]\n")),
    ];
    for (name, setting) in settings {
        write(&file, &format!("{app}{setting}"));
        let done = qfpay(&["check", "--config", file.to_str().unwrap()]);
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        assert_eq!(done.status.code(), Some(2), "{out}{err}");
        let told = format!(": {name}: the client_key of apps.shop stands in this value; take it out");
        assert!(err.contains(&told), "{err}");
        assert!([KEY, PREVIOUS].iter().all(|key| !out.contains(key) && !err.contains(key)), "{out}{err}");
    }
}

/// It would leave in `X-QF-APPCODE`, and in the URLs of customers' browsers.
#[test]
fn a_key_in_the_place_of_an_app_code_is_refused_and_no_part_of_it_shown() {
    const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";
    const OTHER: &str = "FEDCBA9876543210FEDCBA9876543210";
    const BUILT_IN: &str = "SANDBOX0DEMO0KEY0NOT0A0SECRET000";
    let folder = tempfile::tempdir().unwrap();
    let shown = |name: &str| folder.path().join(name).display().to_string();
    write(Path::new(&shown("key")), KEY);
    write(Path::new(&shown("other")), OTHER);
    let live = "upstream.base_url = \"https://openapi-hk.qfapi.com\"\n";
    let app = |name: &str, code: &str, key: &str| {
        format!("[apps.{name}]\napp_code = \"{code}\"\nclient_key_file = \"{}\"\n", shown(key))
    };
    let good = app("tea", "A1B2C3D4E5F60718293A4B5C6D7E8F90", "other");
    let previous = format!("client_key_previous_file = \"{}\"\n", shown("other"));
    let shared = format!(
        "[app_defaults]\napp_code = \"{KEY}\"\n[apps.shop]\nclient_key_file = \"{}\"\n",
        shown("key")
    );
    let default = "default_app = \"tea\"\n";
    for (file, setting, whose, seen) in [
        (format!("{live}{}", app("shop", KEY, "key")), "apps.shop", "shop", ["0123..", "CDEF"]),
        (
            format!("{live}{}", app("shop", &KEY.to_lowercase(), "key")),
            "apps.shop",
            "shop",
            ["0123..", "cdef"],
        ),
        (
            format!("{live}{}", app("shop", &format!("{KEY}x"), "key")),
            "apps.shop",
            "shop",
            ["0123..", "DEFx"],
        ),
        (format!("{live}{}{previous}", app("shop", OTHER, "key")), "apps.shop", "shop", ["FEDC", "3210"]),
        (format!("{live}{default}{}{good}", app("shop", OTHER, "key")), "apps.shop", "tea", ["FEDC", "3210"]),
        (format!("{live}{shared}"), "app_defaults", "shop", ["0123..", "CDEF"]),
        // Whatever else is wrong.
        (
            format!("{live}{default}{good}mchid = \"?\"\n{}", app("shop", KEY, "key")),
            "apps.shop",
            "shop",
            ["0123..", "CDEF"],
        ),
    ] {
        write(Path::new(&shown("shop.toml")), &file);
        for command in ["check", "run"] {
            let done = qfpay(&[command, "--config", &shown("shop.toml")]);
            let (out, err) = (text(&done.stdout), text(&done.stderr));
            assert_eq!(done.status.code(), Some(2), "{out}{err}");
            let told = format!(
                ": {setting}.app_code: the client_key of apps.{whose} stands in this value; take it out"
            );
            assert!(err.contains(&told), "{err}");
            assert!(seen.iter().all(|part| !out.contains(part) && !err.contains(part)), "{out}{err}");
        }
    }
    // Where no host of QFPay's is called, both are made up.
    let local = "upstream.base_url = \"http://127.0.0.1:9\"\n";
    for file in
        [format!("{local}{}", app("shop", KEY, "key")), format!("[apps.shop]\napp_code = \"{BUILT_IN}\"\n")]
    {
        write(Path::new(&shown("shop.toml")), &file);
        let done = qfpay(&["check", "--config", &shown("shop.toml")]);
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        assert_eq!(done.status.code(), Some(0), "{out}{err}");
        assert!(
            out.contains("apps.shop.app_code: the client_key of apps.shop stands in this value; with a host"),
            "{out}"
        );
    }
}

#[test]
fn a_secret_of_the_shops_own_that_was_pasted_into_another_setting_is_refused_and_not_shown() {
    const TOKEN: &str = "6f1d0c9a5e8b47320b5c2d7e91f4a638";
    const LOCAL_KEY: &str = "c3a7f05b9d2e481670fe8b3c5a9d1264";
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    write(&place("key"), "0123456789ABCDEF0123456789ABCDEF");
    write(&place("token"), TOKEN);
    write(&place("local_key"), LOCAL_KEY);
    let shown = |name| place(name).display().to_string();
    let app = format!(
        "upstream.base_url = \"https://openapi-hk.qfapi.com\"\n[apps.shop]\napp_code = \"A1B2C3D4E5F60718293A4B5C6D7E8F90\"\nclient_key_file = \"{}\"\n",
        shown("key")
    );
    let callers = format!(
        "[callers.till]\ntoken_file = \"{}\"\nlocal_key_file = \"{}\"\n",
        shown("token"),
        shown("local_key")
    );
    let browser =
        format!("[browser]\npublic_prefix = \"/pay\"\nlocal_key_file = \"{}\"\n", shown("local_key"));
    let cases = [
        (&callers, TOKEN, "callers.till.token_file"),
        (&callers, LOCAL_KEY, "callers.till.local_key_file"),
        (&browser, LOCAL_KEY, "browser.local_key_file"),
    ];
    for (section, secret, setting) in cases {
        let hosts = format!("[listen]\nallowed_hosts = [\"shop.test\", \"{secret}.test\"]\n");
        write(&place("shop.toml"), &format!("{app}{section}{hosts}"));
        let done = qfpay(&["check", "--config", &shown("shop.toml")]);
        let (out, err) = (text(&done.stdout), text(&done.stderr));
        assert_eq!(done.status.code(), Some(2), "{out}{err}");
        let told =
            format!(": listen.allowed_hosts: the secret of {setting} stands in this value; take it out");
        assert!(err.contains(&told), "{err}");
        assert!(!out.contains(secret) && !err.contains(secret), "{out}{err}");
        write(&place("shop.toml"), &format!("{app}{section}"));
        let done = qfpay(&["check", "--config", &shown("shop.toml")]);
        assert_eq!(done.status.code(), Some(0), "{}{}", text(&done.stdout), text(&done.stderr));
    }
}

#[test]
fn check_refuses_with_file_line_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("typo.toml");
    write(&config, "[upstream]\nbase_url = \"sandbox\"\ncall_timeout = 3\n[apps.a]\napp_code = \"A\"\n");
    let done = qfpay(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(2));
    let err = text(&done.stderr);
    for words in ["typo.toml:3", "upstream.call_timeout", "call_timeout_ms"] {
        assert!(err.contains(words), "{words}: {err}");
    }
}

#[test]
fn an_unknown_command_or_setting_is_told() {
    assert_eq!(qfpay(&["serve"]).status.code(), Some(2));
    let done = qfpay(&["check", "--set", "nonsense"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("KEY=VALUE"));
}

#[test]
fn the_manual_shows_examples_and_completions_complete_it() {
    let help = qfpay(&["--help"]);
    for words in ["qfpay-sidecar demo", "check --env production", "curl -d", "completions", "healthcheck"] {
        assert!(text(&help.stdout).contains(words), "{words}");
    }
    let version = qfpay(&["--version"]);
    assert_eq!(text(&version.stdout), concat!("qfpay-sidecar ", env!("CARGO_PKG_VERSION"), "\n"));
    for shell in ["bash", "zsh", "fish"] {
        let script = qfpay(&["completions", shell]);
        assert!(text(&script.stdout).contains("healthcheck"), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    assert!(qfpay(&["man", folder.path().to_str().unwrap()]).status.success());
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(
        page("qfpay-sidecar.1").contains(r"qfpay\-sidecar\-check(1)"),
        "the commands stand in the first page"
    );
    assert!(page("qfpay-sidecar-explain.1").contains(r"\-\-sign"));
    // Each has the title that man(1) wants.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.contains("\n.TH qfpay\\-sidecar") || text.contains("\n.TH qfpay-sidecar"), "{text}");
    }
    let done = qfpay(&["man", "/no/such/folder"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("/no/such/folder: No such file"));
}

#[test]
fn explain_shows_no_key_that_was_pasted_into_it() {
    let key = "SANDBOX0DEMO0KEY0NOT0A0SECRET000";
    let sent = [
        "explain",
        "--sign",
        "00000000000000000000000000000000",
        "txamt=1",
        &format!("key={key}"),
        "a=\u{1b}]0;x",
    ];
    let done = qfpay(&sent);
    let out = text(&done.stdout);
    assert!(out.contains("canonical  a=\\u{1b}]0;x&key=(client_key)&txamt=1"), "{out}");
    assert!(!out.contains(key) && !text(&done.stderr).contains(key));
}

/// The sandbox's configuration in a file of this mode, checked; what was printed, and the exit code.
fn checked(folder: &Path, name: &str) -> (Option<i32>, String) {
    let done = qfpay(&["check", "--config", folder.join(name).to_str().unwrap()]);
    (done.status.code(), format!("{}{}", text(&done.stdout), text(&done.stderr)))
}

#[test]
fn a_configuration_that_others_may_change_is_refused() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidecar.toml");
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    write(&file, "upstream.base_url = \"sandbox\"\n[apps.shop]\napp_code = \"A1\"\n");
    for fine in [0o400, 0o644] {
        mode(&file, fine);
        let (code, said) = checked(folder.path(), "sidecar.toml");
        assert_eq!((code, said.contains("may write")), (Some(0), false), "{said}");
    }
    for open in [0o666, 0o602] {
        mode(&file, open);
        let (code, said) = checked(folder.path(), "sidecar.toml");
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("sidecar.toml") && said.contains("every user may write it"), "{said}");
        assert!(said.contains("chmod o-w"), "{said}");
    }
    mode(&file, 0o664);
    let (code, said) = checked(folder.path(), "sidecar.toml");
    assert_eq!(code, Some(0), "a writable group is a warning: {said}");
    assert!(said.contains("advice") && said.contains("its group may write this file"), "{said}");

    // As in a ConfigMap: a link in a folder that everyone may write.
    symlink(&file, folder.path().join("link.toml")).unwrap();
    mode(folder.path(), 0o777);
    mode(&file, 0o644);
    assert_eq!(checked(folder.path(), "link.toml").0, Some(0));
    mode(&file, 0o646);
    assert_eq!(checked(folder.path(), "link.toml").0, Some(2));
    mode(&file, 0o644);

    let authorities = folder.path().join("ca.pem");
    write(&authorities, "-----BEGIN CERTIFICATE-----\n");
    mode(&authorities, 0o666);
    let set = format!("upstream.ca_file={}", authorities.display());
    let done = qfpay(&["check", "--config", file.to_str().unwrap(), "--set", &set]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("this file cannot be read: every user may write it"));

    // Only root can give a file away; for others src/config/files.rs judges owners.
    if chown(&file, Some(4711), None).is_ok() {
        let (code, said) = checked(folder.path(), "sidecar.toml");
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("it belongs to user 4711") && said.contains("chown"), "{said}");
    }
}

#[test]
fn check_prints_no_query_user_or_fragment_of_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidecar.toml");
    let config = |receiver: &str| {
        format!(
            "listen.notifications = \"127.0.0.1:0\"\nsandbox.notify_url = \"http://127.0.0.1:1/s?canary-s\"\n\
             [apps.shop]\napp_code = \"A1\"\n[[notifications.routes]]\npath = \"/n\"\nreceiver_url = \"{receiver}\"\n"
        )
    };
    write(&file, &config("http://127.0.0.1:8080/n.php?token=canary-q"));
    let (code, said) = checked(folder.path(), "sidecar.toml");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("'http://127.0.0.1:8080/n.php?...'") && said.contains("'http://127.0.0.1:1/s?...'")
    );
    assert!(!said.contains("canary"), "{said}");
    for wrong in [
        "http://127.0.0.1:8080/n.php#canary-f",
        "http://user:canary-p@127.0.0.1:8080/n.php",
        "https://canary-u@shop.test/n.php?canary-q",
        "ftp://127.0.0.1/n?canary-q",
        "127.0.0.1/n?canary-q#canary-f",
    ] {
        write(&file, &config(wrong));
        let said = checked(folder.path(), "sidecar.toml").1;
        assert!(!said.contains("canary"), "{said}");
    }
    let url = "https://canary-u:canary-p@shop.test/?canary-q#canary-f";
    for setting in [
        "upstream.base_url",
        "upstream.browser_base_url",
        "sandbox.notify_url",
        "quota.store",
        "listen.api",
        "upstream.ca_file",
        "browser.allowed_redirect_hosts",
        "listen.allowed_hosts",
        "apps.shop.client_key_file",
        "log.level",
        "limits.headers",
        "limits.in_flight",
    ] {
        for url in [url, "https://shop.test/?canary-q", "https://shop.test/#canary-f"] {
            let done = qfpay(&["check", "--set", &format!("{setting}={url}")]);
            let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
            assert!(!said.contains("canary"), "{said}");
        }
    }
}

#[test]
fn no_command_prints_a_bidirectional_mark() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidecar.toml");
    write(&file, "upstream.base_url = \"sandbox\"\n[apps.shop]\napp_code = \"A1\"\n");
    let file = file.to_str().unwrap();
    // Unicode's property Bidi_Control.
    let marks =
        "\u{61C}\u{200E}\u{200F}\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2066}\u{2067}\u{2068}\u{2069}";
    for mark in marks.chars() {
        let value = format!("goods_name=a{mark}b");
        let (of_app, of_key) = (format!("apps.shop.mchid=a{mark}b"), format!("a{mark}b=1"));
        let (option, level) = (format!("--a{mark}b"), format!("log.level=a{mark}b"));
        let wrong_sign = "0".repeat(32);
        let body = folder.path().join(format!("a{mark}b"));
        for (arguments, shown) in [
            (vec!["sign", &value], true),
            (vec!["explain", "--sign", &wrong_sign, &value], false),
            (vec!["verify", "--sign", &wrong_sign, "--body", body.to_str().unwrap()], true),
            (vec!["check", "--set", &of_app], true),
            (vec!["check", "--set", &level], true),
            (vec!["check", "--set", &of_key], false),
            (vec!["check", &option], true),
        ] {
            let done = qfpay(&[&["--config", file], &arguments[..]].concat());
            let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
            assert!(!said.contains(mark), "{arguments:?}: {}", said.escape_unicode());
            let written = format!("\\u{{{:x}}}", u32::from(mark));
            assert!(!shown || said.contains(&written), "{arguments:?}: {said}");
        }
    }
}
