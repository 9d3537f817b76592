//! A key that stands where a setting should: in every setting there is, by file, variable and flag.

use std::fs;

use super::canaries::{KEY, Look};
use super::commands::{folder, run};

/// Every key path of config/default.toml, read apart from the code under test.
fn settings() -> Vec<String> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in include_str!("../../../config/default.toml").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            settings.push(format!("{section}{name}"));
        }
    }
    let apps =
        ["app_code", "client_key", "key", "client_key_file", "client_key_env", "client_key_credential"];
    settings.extend(apps.map(|name| format!("apps.shop.{name}")));
    settings
}

#[test]
fn a_key_in_the_place_of_any_setting_is_never_shown() {
    let folder = folder();
    let mut look = Look::for_keys();
    let settings = settings();
    assert!(settings.len() > 50, "{settings:?}");
    let mut refused = 0;
    // One by one, since a problem may hide another.
    for setting in &settings {
        let flag = format!("{setting}={KEY}");
        let (said, code) = run(&folder, &["--config", "sidecar.toml", "check", "--set", &flag], &[], "");
        // An app_code has the shape of a key, and some texts are free.
        assert!(matches!(code, Some(0 | 2)), "{setting}: {code:?} {said}");
        refused += usize::from(code == Some(2));
        look.through(setting, &said, &[]);
    }
    assert!(refused > settings.len() / 2, "{refused}");

    let names =
        settings.iter().map(|setting| format!("QFPAY__{}", setting.replace('.', "__").to_uppercase()));
    let names: Vec<_> = names.collect();
    let variables: Vec<_> = names.iter().map(|name| (name.as_str(), KEY)).collect();
    let (said, code) = run(&folder, &["--config", "sidecar.toml", "check"], &variables, "");
    assert_eq!(code, Some(2), "{said}");
    look.through("every variable at once", &said, &[]);
    let values = [
        ("text", format!("\"{KEY}\"")),
        ("a URL", format!("\"https://user:{KEY}@host/{KEY}?k={KEY}\"")),
        ("a path", format!("\"/run/{KEY}.key\"")),
        ("a list", format!("[\"{KEY}\", \"/{KEY}/\", \"a{KEY}\"]")),
        ("a section", format!("{{ {KEY} = \"{KEY}\" }}")),
        ("nothing TOML knows", KEY.to_owned()),
    ];
    for (what, value) in values {
        let lines: Vec<_> = settings.iter().map(|setting| format!("{setting} = {value}\n")).collect();
        fs::write(folder.path().join("wrong.toml"), lines.concat()).unwrap();
        let (said, code) = run(&folder, &["--config", "wrong.toml", "check"], &[], "");
        assert_eq!(code, Some(2), "{what}: {said}");
        look.through(what, &said, &[]);
    }
    look.report("leaks, a key as a setting", settings.len() + 7);
}

#[test]
fn a_key_anywhere_in_the_arguments_is_never_repeated() {
    let folder = folder();
    let mut look = Look::for_keys();
    let cases: [&[&str]; 13] = [
        &["check", "--set", KEY],
        &["check", "--set", &format!("{KEY}=1")],
        &["check", "--set", &format!("apps.{KEY}.app_code=A")],
        &["check", "--set", &format!("apps.shop.{KEY}=A")],
        &["check", "--set", &format!("apps.shop.client_key={KEY}")],
        &["check", "--set", &format!("apps.shop.client_key_file=/{KEY}")],
        &["check", "--set", &format!("apps.shop.client_key_file={KEY}.txt")],
        &["check", "--listen", KEY],
        &["check", "--admin-listen", KEY],
        &["check", "--log-level", KEY],
        &["healthcheck", "--admin-listen", KEY],
        &["run", "--log-format", KEY],
        &["sandbox", "--set", &format!("sandbox.notify_url=http://{KEY}/")],
    ];
    for arguments in cases {
        let arguments = [&["--config", "sidecar.toml"], arguments].concat();
        let (said, code) = run(&folder, &arguments, &[], "");
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        look.through(&arguments.join(" "), &said, &[]);
    }
    let names = [
        format!("QFPAY__{KEY}"),
        format!("QFPAY__APPS__{KEY}__APP_CODE"),
        "QFPAY__APPS__SHOP__CLIENT_KEY".into(),
    ];
    for name in &names {
        let (said, code) = run(&folder, &["--config", "sidecar.toml", "check"], &[(name, KEY)], "");
        assert_eq!(code, Some(2), "{name}: {said}");
        look.through(name, &said, &[]);
    }
    look.report("leaks, a key in arguments and variables", 16);
}

#[test]
fn a_key_file_that_is_wrong_is_named_and_not_quoted() {
    let folder = folder();
    let mut look = Look::for_keys();
    let other = "0DDBA11C0FFEE0DDBA11C0FFEE0DDBA1";
    look.add("another key", other);
    for (name, content) in [
        ("two lines", format!("{KEY}\n{other}\n")),
        ("a blank", format!("{KEY} {other}")),
        ("a name before it", format!("client_key={KEY}\n{other}")),
        ("a byte order mark", format!("\u{feff}{KEY}")),
        ("not ASCII", format!("{KEY}\u{e9}")),
        ("a zero byte", format!("{KEY}\0")),
        ("too long", KEY.repeat(200)),
        ("TOML", format!("client_key = \"{KEY}\"\n")),
    ] {
        fs::write(folder.path().join("key"), content).unwrap();
        for command in ["check", "run"] {
            let (said, code) = run(&folder, &["--config", "sidecar.toml", command], &[], "");
            assert_eq!(code, Some(2), "{name}: {said}");
            look.through(name, &said, &[]);
        }
    }
    // The key file as the configuration, and as the file of authorities.
    fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let ca_file = format!("upstream.ca_file={}", folder.path().join("key").display());
    for arguments in
        [&["--config", "key", "check"][..], &["--config", "sidecar.toml", "check", "--set", &ca_file]]
    {
        let (said, code) = run(&folder, arguments, &[], "");
        assert_eq!(code, Some(2), "{said}");
        look.through(arguments[1], &said, &[]);
    }
    look.report("leaks, key files", 10);
}
