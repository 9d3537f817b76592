//! Settings that cannot be right, told in words and without a secret.

use std::process::Command;

use crate::support::{Launch, Stage};

const WORD: &str = "hunter2-correct-horse";

fn start(settings: &[&str]) -> Launch {
    let launch = Launch::new(&Stage::config("http://127.0.0.1:1")).secret(WORD);
    settings.iter().fold(launch, |launch, setting| launch.set(setting))
}

/// Starts with these settings, which must be refused with these words. That the password is not among them is checked
/// where the process ends.
#[track_caller]
fn refused(settings: &[&str], words: &[&str]) {
    refused_launch(start(settings), words);
}

#[track_caller]
fn refused_launch(launch: Launch, words: &[&str]) {
    let ended = launch.ends();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not in:\n{}", ended.stderr);
    }
}

#[test]
fn settings_are_judged_together_also_where_another_of_their_section_is_wrong() {
    let ended =
        start(&["quota.reserved_percent=91", "quota.pause_ms=2000", "quota.pause_max_ms=1000"]).ends();
    for once in
        ["quota.reserved_percent: '91' is not", "quota.pause_ms: this is longer than quota.pause_max_ms"]
    {
        assert_eq!(ended.stderr.matches(once).count(), 1, "{once} in:\n{}", ended.stderr);
    }
    let ended =
        start(&["checkout.sign_lang=maybe", "checkout.sign_type=MD5", "checkout.sign_type_spelling=sha256"])
            .ends();
    for once in [
        "checkout.sign_lang: 'maybe' is neither",
        "checkout.sign_type_spelling: this spells another sign type",
    ] {
        assert_eq!(ended.stderr.matches(once).count(), 1, "{once} in:\n{}", ended.stderr);
    }
    // Keys are judged by where calls go, so that is read again, and told once.
    let ended = start(&["upstream.base_url=http://shop.test"]).ends();
    assert_eq!(ended.stderr.matches("upstream.base_url: 'http").count(), 1, "{}", ended.stderr);
}

#[test]
fn figures_out_of_range_are_told_with_their_unit() {
    refused(&["quota.per_second=fast"], &["quota.per_second", "calls", "from 0 to 100000"]);
    refused(&["quota.per_minute=-1"], &["quota.per_minute", "from 0 to 1000000"]);
    refused(&["quota.reserved_percent=91"], &["quota.reserved_percent", "percent", "from 0 to 90"]);
    refused(&["quota.max_wait_ms=30001"], &["quota.max_wait_ms", "milliseconds", "from 0 to 30000"]);
    refused(&["quota.local_percent=0"], &["quota.local_percent", "from 1 to 100"]);
    refused(&["quota.store_timeout_ms=0"], &["quota.store_timeout_ms", "from 1 to 10000"]);
    refused(&["quota.pause_max_ms=0"], &["quota.pause_max_ms"]);
    refused(
        &["quota.pause_ms=2000", "quota.pause_max_ms=1000"],
        &["quota.pause_ms", "longer than quota.pause_max_ms (flag --set"],
    );
}

#[test]
fn a_store_is_an_address_without_a_password() {
    let on = "quota.per_minute=400";
    refused(
        &[on, "quota.store=redis"],
        &["quota.store", "no address of a Redis", "redis://HOST:PORT/DATABASE"],
    );
    refused(&[on, "quota.store=rediss://cache"], &["rediss:// is not supported", "TLS tunnel"]);
    for store in [format!("redis://:{WORD}@cache"), format!("redis://user:{WORD}@cache:6379/0")] {
        let store = format!("quota.store={store}");
        refused(
            &[on, &store],
            &["quota.store", "a password never stands in the configuration", "store_password_file"],
        );
    }
    refused(&[on, &format!("quota.store=redis://cache/0?password={WORD}")], &["no address of a Redis"]);
    refused(
        &["quota.store=redis://cache"],
        &["nothing to share", "quota.per_second (", "quota.per_minute ("],
    );
}

#[test]
fn a_password_file_is_as_private_as_a_key_file() {
    let base = ["quota.per_minute=400", "quota.store=unix:/nowhere.sock"];
    let with = |setting: &str| start(&base).set(&format!("quota.store_password_file={setting}"));
    refused_launch(with("{folder}/none"), &["quota.store_password_file", "no such key file", "/none"]);
    // The password itself, where the name of its file belongs.
    refused_launch(with(WORD), &["quota.store_password_file", "not shown"]);
    let open = with("{folder}/word").file("word", WORD, 0o644);
    refused_launch(open, &["other users may use this key file", "chmod 600"]);
    let lines = with("{folder}/word").file("word", format!("{WORD}\n{WORD}\n"), 0o600);
    refused_launch(lines, &["the password and nothing else, in one line"]);
    refused_launch(with("{folder}/word").file("word", "\n", 0o600), &["the password and nothing else"]);
    let alone = start(&["quota.store_password_file={folder}/word"]).file("word", WORD, 0o600);
    refused_launch(alone, &["the password of quota.store, which is empty"]);
}

#[test]
fn check_shows_no_password() {
    for (store, shown) in [
        (format!("redis://user:{WORD}@cache"), "(not shown)"),
        (format!("redis://cache/0?password={WORD}"), "(not shown)"),
        ("redis://somebody@cache:7000/2".to_owned(), "redis://cache:7000/2"),
    ] {
        let mut check = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        check.env_clear().arg("check").env("QFPAY__QUOTA__STORE", &store);
        check.env("QFPAY__QUOTA__STORE_PASSWORD_FILE", WORD);
        let output = check.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains(WORD), "{text}");
        let line = text.lines().find(|line| line.contains("quota.store ")).unwrap();
        assert!(line.contains(shown), "{line}");
    }
}
