//! Which app signs, with which key, from where; and starts that are refused because something about a key is wrong.

use crate::support::*;

const OTHER_CODE: &str = "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B";
const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210";
const PAYMENT: &str = "/trade/v1/payment";

/// A stage with a second app, `other`, and these settings of its own.
fn two_apps(settings: &[&str]) -> Stage {
    Stage::launch(|launch| {
        let launch = launch
            .file("other", OTHER_KEY, 0o400)
            .secret(OTHER_KEY)
            .set(&format!("apps.other.app_code={OTHER_CODE}"))
            .set("apps.other.client_key_file={folder}/other");
        settings.iter().fold(launch, |launch, setting| launch.set(setting))
    })
}

/// Calls, and gives what reached the upstream, checked against the key that must have signed it.
#[track_caller]
fn signed_by(stage: &Stage, arguments: &[&str], key: &str) -> Recorded {
    let before = stage.upstream.requests().len();
    let answer = stage.sidecar.curl(arguments, PAYMENT);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let request = stage.upstream.requests().remove(before);
    assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), key)));
    request
}

#[test]
fn the_caller_chooses_the_app_by_its_app_code() {
    let stage = two_apps(&[]);
    let header = format!("X-QF-APPCODE: {OTHER_CODE}");
    let header_of_shop = format!("x-qf-appcode: {APP_CODE}");
    let (snake, flat) = (format!("app_code={OTHER_CODE}"), format!("appcode={OTHER_CODE}"));
    let cases: [(&[&str], &str, &str); 7] = [
        (&["-d", "txamt=1"], APP_CODE, CLIENT_KEY),
        (&["-H", &header_of_shop, "-d", "txamt=1"], APP_CODE, CLIENT_KEY),
        (&["-H", &header, "-d", "txamt=1"], OTHER_CODE, OTHER_KEY),
        (&["-d", "txamt=1", "-d", &snake], OTHER_CODE, OTHER_KEY),
        (&["-d", "txamt=1", "-d", &flat], OTHER_CODE, OTHER_KEY),
        (&["-F", "txamt=1", "-F", &snake], OTHER_CODE, OTHER_KEY),
        (&["-H", &header, "-d", "txamt=1", "-d", &snake, "-d", &flat], OTHER_CODE, OTHER_KEY),
    ];
    for (arguments, code, key) in cases {
        let request = signed_by(&stage, arguments, key);
        assert_eq!(request.header("X-QF-APPCODE"), Some(code), "{arguments:?}");
    }
}

/// A form or JSON body for curl.
fn body(text: &str) -> Vec<&str> {
    match text.starts_with('{') {
        true => vec!["-H", "Content-Type: application/json", "-d", text],
        false => vec!["-d", text],
    }
}

#[test]
fn what_is_named_and_left_empty_is_not_the_default() {
    let stage = two_apps(&["apps.shop.mchid=M1", "apps.other.mchid=M2"]);
    let other = format!("X-QF-APPCODE: {OTHER_CODE}");
    for header in ["X-QF-APPCODE:", "X-QF-APPCODE:  \t ", "X_QF_APPCODE:"] {
        let answer = stage.sidecar.raw(format!(
            "POST {PAYMENT} HTTP/1.1\r\nHost: localhost\r\n{header}\r\nContent-Length: 7\r\n\r\ntxamt=1"
        ));
        answer.assert_failure(400, "parameter_empty");
        assert!(answer.text().contains("X-QF-APPCODE is empty"), "{}", answer.text());
    }
    for name in ["app_code", "appcode", "mchid", "mchntid"] {
        for text in [
            format!("txamt=1&{name}="),
            format!("txamt=1&{name}=+"),
            // A vertical tab, a blank of Chinese keyboards, one without a width.
            format!("txamt=1&{name}=%0B"),
            format!("txamt=1&{name}=%E3%80%80"),
            format!("txamt=1&{name}=%E2%80%8B"),
            format!(r#"{{"txamt": 1, "{name}": ""}}"#),
            format!(r#"{{"txamt": 1, "{name}": null}}"#),
        ] {
            let arguments = [vec!["-H", &other], body(&text)].concat();
            let answer = stage.sidecar.curl(&arguments, PAYMENT);
            answer.assert_failure(400, "parameter_empty");
            assert!(answer.text().contains(name), "{}", answer.text());
            let multipart = ["-F", "txamt=1", "--form-string", &format!("{name}=")];
            stage.sidecar.curl(&multipart, PAYMENT).assert_failure(400, "parameter_empty");
        }
    }
    // In the query of a call and of a page.
    for target in [
        "/trade/v1/query?syssn=1&mchid=",
        "/tool/v1/get_weixin_oauth_code?redirect_uri=http://a.test/&mchid=",
        "/checkstand/?txamt=1&mchid=",
        "/checkstand/?txamt=1&mchntid=",
        "/checkstand/?txamt=1&appcode=",
    ] {
        stage.sidecar.curl(&[], target).assert_failure(400, "parameter_empty");
    }
    // add_note calls the app code `code`.
    stage.sidecar.curl(&["-d", "note=1&code="], "/trade/v1/add_note").assert_failure(400, "parameter_empty");
    stage.assert_nothing_sent();
}

#[test]
fn two_spellings_with_an_empty_one_are_named_twice() {
    let stage = two_apps(&["apps.shop.mchid=M1"]);
    for text in [
        format!("txamt=1&app_code=&appcode={OTHER_CODE}"),
        format!("txamt=1&appcode=&app_code={OTHER_CODE}"),
        "txamt=1&mchid=&mchntid=M2".to_owned(),
        "txamt=1&mchid=M2&mchntid=".to_owned(),
        "txamt=1&mchid=M1&mchntid=M2".to_owned(),
        r#"{"txamt": 1, "mchid": null, "mchntid": "M2"}"#.to_owned(),
    ] {
        stage.sidecar.curl(&body(&text), PAYMENT).assert_failure(400, "parameter_repeated");
    }
    stage.assert_nothing_sent();
}

#[test]
fn what_nothing_would_fill_is_left_out_with_one_warning() {
    let stage = Stage::new(&[]);
    for text in ["txamt=1&app_code=", "txamt=1&mchid=", r#"{"txamt": 1, "mchid": "", "appcode": null}"#] {
        assert_eq!(stage.sidecar.curl(&body(text), PAYMENT).status, 200, "{text}");
        assert_eq!(stage.sidecar.curl(&["-H", "X-QF-APPCODE;", "-d", "txamt=1"], PAYMENT).status, 200);
    }
    for request in stage.upstream.requests() {
        assert_eq!(request.params(), [("txamt".to_owned(), "1".to_owned())]);
    }
    stage.sidecar.wait_for_log(&["WARN", "leaves it empty"]);
    assert_eq!(stage.sidecar.log().matches("leaves it empty").count(), 1);
}

#[test]
fn an_app_code_parameter_stays_and_is_signed() {
    let stage = two_apps(&[]);
    for name in ["app_code", "appcode"] {
        let request = signed_by(&stage, &["-d", &format!("txamt=1&{name}={OTHER_CODE}")], OTHER_KEY);
        assert_eq!(request.param(name).as_deref(), Some(OTHER_CODE));
    }
}

#[test]
fn an_unknown_app_is_forbidden_and_two_are_a_conflict() {
    let stage = two_apps(&[]);
    let lower = OTHER_CODE.to_lowercase();
    for unknown in ["NOBODY", &lower, &format!("{OTHER_CODE}0"), &OTHER_CODE[1..]] {
        for arguments in [
            ["-H", &format!("X-QF-APPCODE: {unknown}"), "-d", "txamt=1"],
            ["-d", &format!("app_code={unknown}"), "-d", "txamt=1"],
        ] {
            stage.sidecar.curl(&arguments, PAYMENT).assert_failure(403, "app_unknown");
        }
    }
    let (shop, other) = (format!("X-QF-APPCODE: {APP_CODE}"), format!("X-QF-APPCODE: {OTHER_CODE}"));
    let forms = [format!("app_code={OTHER_CODE}"), format!("app_code={APP_CODE}&appcode={OTHER_CODE}")];
    let conflicts: [&[&str]; 3] =
        [&["-H", &shop, "-d", &forms[0]], &["-d", &forms[1]], &["-H", &shop, "-H", &other, "-d", "txamt=1"]];
    for arguments in conflicts {
        stage.sidecar.curl(arguments, PAYMENT).assert_failure(400, "app_conflict");
    }
    stage.assert_nothing_sent();
}

#[test]
fn every_app_has_its_own_hash_and_mchid() {
    let stage = two_apps(&[
        "apps.other.sign_type=SHA256",
        "apps.other.mchid=OTHERMCH1",
        "apps.shop.mchid=ZaMVg12345",
    ]);
    let form = vector("payment_no_mchid").form.unwrap();
    let request = signed_by(&stage, &["-d", &form], CLIENT_KEY);
    assert_eq!(request.header("X-QF-SIGNTYPE"), None);
    assert_eq!(request.header("X-QF-SIGN"), Some(&*vector("payment_mpm_basic").sign));

    let header = format!("X-QF-APPCODE: {OTHER_CODE}");
    stage.sidecar.curl(&["-H", &header, "-d", &form], PAYMENT);
    let request = stage.upstream.requests().remove(1);
    assert_eq!(request.header("X-QF-SIGNTYPE"), Some("SHA256"));
    assert_eq!(request.param("mchid").as_deref(), Some("OTHERMCH1"));
    // python3 -c 'import hashlib; print(hashlib.sha256(("goods_name=coffee&mchid=OTHERMCH1&"
    //   "out_trade_no=ORD-20251117-0001&pay_type=800101&txamt=1099&txcurrcd=HKD&txdtm=2025-11-17 18:00:00&udid=pos-01"
    //   "FEDCBA9876543210FEDCBA9876543210").encode()).hexdigest())'
    let python = "a21be9061282181ac6fbfbc8b568f53914caaf446eef7fa6721aed49385521e8";
    assert_eq!(request.header("X-QF-SIGN"), Some(python));
}

#[test]
fn the_signature_is_printed_in_the_case_that_was_asked_for() {
    let (md5, sha256) = (vector("payment_mpm_basic"), vector("payment_mpm_sha256"));
    let cases = [
        ("MD5", "", md5.sign.to_uppercase()),
        ("MD5", "lower", md5.sign.to_lowercase()),
        ("SHA256", "", sha256.sign.to_lowercase()),
        ("SHA256", "upper", sha256.sign.to_uppercase()),
    ];
    for (kind, case, sign) in cases {
        let stage =
            Stage::new(&[&format!("apps.shop.sign_type={kind}"), &format!("apps.shop.hex_case={case}")]);
        stage.sidecar.curl(&["-d", md5.form.as_deref().unwrap()], PAYMENT);
        assert_eq!(stage.upstream.requests()[0].header("X-QF-SIGN"), Some(&*sign), "{kind} {case}");
    }
}

/// A stage whose app has no key file, but what `change` gives it.
fn with_key_from(change: impl FnOnce(Launch) -> Launch) -> Stage {
    Stage::launch(|launch| change(launch.set("apps.shop.client_key_file=")))
}

#[test]
fn a_key_comes_from_a_file_a_variable_or_a_systemd_credential() {
    let key_and_newline = format!("{CLIENT_KEY}\n");
    let key_and_crlf = format!("{CLIENT_KEY}\r\n");
    let stages = [
        Stage::launch(|launch| launch.file("key", &key_and_newline, 0o600)),
        Stage::launch(|launch| launch.file("key", &key_and_crlf, 0o400)),
        with_key_from(|launch| launch.set("apps.shop.client_key_env=SHOP_KEY").env("SHOP_KEY", CLIENT_KEY)),
        with_key_from(|launch| {
            let credential = launch
                .set("apps.shop.client_key_credential=qfpay")
                .env("CREDENTIALS_DIRECTORY", "{folder}/c");
            // systemd makes the folder private and the file readable for its group.
            credential.file("c/qfpay", &key_and_newline, 0o440)
        }),
        // QFPAY__ variables set everything else.
        Stage::launch(|launch| {
            launch.env("QFPAY__APPS__SHOP__SIGN_TYPE", "MD5").env("QFPAY__LOG__FORMAT", "json")
        }),
    ];
    let vector = vector("payment_no_mchid");
    for stage in stages {
        stage.sidecar.curl(&["-d", vector.form.as_deref().unwrap()], PAYMENT);
        assert_eq!(
            stage.only_request().header("X-QF-SIGN"),
            Some(&*vector.sign),
            "{}",
            stage.sidecar.screen()
        );
    }
}

#[test]
fn the_start_screen_tells_everything_but_the_key() {
    let stage = two_apps(&["apps.other.sign_type=SHA256", "apps.shop.mchid=ZaMVg12345"]);
    let screen = stage.sidecar.screen();
    let upstream = format!("http://{}", stage.upstream.address);
    for part in
        ["shop", "other", "MD5", "SHA256", "with mchid", "default", "/trade/v1/", &upstream, "A1B2..8F90"]
    {
        assert!(screen.contains(part), "{part} is missing:\n{screen}");
    }
    assert!(!screen.contains(APP_CODE), "an app_code is shown shortened:\n{screen}");
    // That no key is on it, the sidecar's drop checks.
}

/// How a start is spoiled, and what its error must name.
type Spoil = fn(Launch) -> Launch;

#[test]
fn a_start_with_a_wrong_key_names_the_file_the_setting_and_the_remedy() {
    let cases: [(&str, Spoil, &[&str]); 17] = [
        (
            "readable by the group",
            |l| l.file("key", CLIENT_KEY, 0o640),
            &["{folder}/key", "0640", "chmod 600"],
        ),
        ("readable by all", |l| l.file("key", CLIENT_KEY, 0o604), &["{folder}/key", "chmod 600"]),
        (
            "missing",
            |l| l.set("apps.shop.client_key_file={folder}/none"),
            &["{folder}/none", "no such key file"],
        ),
        ("a folder", |l| l.set("apps.shop.client_key_file={folder}"), &["{folder}", "not a file"]),
        ("empty", |l| l.file("key", "", 0o600), &["{folder}/key", "empty"]),
        ("only a line end", |l| l.file("key", "\n", 0o600), &["{folder}/key", "empty"]),
        (
            "two lines",
            |l| l.file("key", format!("{CLIENT_KEY}\n\n"), 0o600),
            &["{folder}/key", "white space"],
        ),
        ("a blank at the end", |l| l.file("key", format!("{CLIENT_KEY} \n"), 0o600), &["white space"]),
        (
            "a byte order mark",
            |l| l.file("key", format!("\u{feff}{CLIENT_KEY}"), 0o600),
            &["printable ASCII"],
        ),
        ("short", |l| l.file("key", "789012", 0o600).secret("789012"), &["6 characters", "allow_short_key"]),
        ("huge", |l| l.file("key", "A".repeat(5000), 0o600), &["larger than 4096"]),
        (
            "no source",
            |l| {
                l.set("apps.shop.client_key_file=")
                    .set("environment=test")
                    .set("upstream.base_url=https://test-openapi-hk.qfapi.com")
            },
            &["client_key_file", "no key"],
        ),
        (
            "two sources",
            |l| l.set("apps.shop.client_key_env=SHOP_KEY"),
            &["client_key_env", "client_key_file", "keep one"],
        ),
        (
            "a variable that is not set",
            |l| l.set("apps.shop.client_key_file=").set("apps.shop.client_key_env=SHOP_KEY"),
            &["client_key_env", "not set", "SHOP_KEY"],
        ),
        (
            "a credential outside of systemd",
            |l| l.set("apps.shop.client_key_file=").set("apps.shop.client_key_credential=q"),
            &["client_key_credential", "CREDENTIALS_DIRECTORY"],
        ),
        (
            "the key instead of a file",
            |l| l.set(&format!("apps.shop.client_key_file={CLIENT_KEY}")),
            &["client_key_file", "chmod 600"],
        ),
        (
            "the key as a setting",
            |l| l.set(&format!("apps.shop.client_key={CLIENT_KEY}")),
            &["apps.shop.client_key"],
        ),
    ];
    for (what, spoil, words) in cases {
        let ended = spoil(Launch::new(&Stage::config("http://127.0.0.1:1"))).ends();
        assert_eq!(ended.code, Some(2), "{what}: {}", ended.stderr);
        assert!(!ended.stdout.contains("ready"), "{what}");
        for word in words.iter().chain(&["apps.shop."]) {
            let word = word.replace("{folder}", ended.folder.path().to_str().unwrap());
            assert!(ended.stderr.contains(&word), "{what}: no {word} in:\n{}", ended.stderr);
        }
        // `ends` checks that the key is not in it.
    }
}

#[test]
fn a_start_with_a_wrong_app_names_the_setting() {
    let cases: [(&str, Spoil, &[&str]); 6] = [
        ("no app_code", |l| l.set("apps.shop.app_code="), &["apps.shop.app_code"]),
        ("an app_code with blanks", |l| l.set("apps.shop.app_code=A B"), &["apps.shop.app_code"]),
        ("an unknown default", |l| l.set("default_app=shpo"), &["default_app", "shpo", "shop"]),
        ("an unknown hash", |l| l.set("apps.shop.sign_type=SHA1"), &["apps.shop.sign_type", "MD5 or SHA256"]),
        ("an unknown setting", |l| l.set("apps.shop.mch_id=1"), &["apps.shop.mch_id", "mchid"]),
        (
            "twins",
            |l| {
                l.set(&format!("apps.twin.app_code={APP_CODE}")).set("apps.twin.client_key_file={folder}/key")
            },
            &["same app_code", "apps.shop"],
        ),
    ];
    for (what, spoil, words) in cases {
        let ended = spoil(Launch::new(&Stage::config("http://127.0.0.1:1"))).ends();
        assert_eq!(ended.code, Some(2), "{what}: {}", ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{what}: no {word} in:\n{}", ended.stderr);
        }
    }
}

#[test]
fn a_taken_port_is_named_and_ends_with_one() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended =
        Launch::new(&Stage::config("http://127.0.0.1:1")).set(&format!("listen.api={address}")).ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("listen.api") && ended.stderr.contains(&address), "{}", ended.stderr);
}
