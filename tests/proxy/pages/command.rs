//! `sign --local-key` and `check`, for whoever moves a shop over.

use std::process::Command;

use super::*;

/// What a command prints with the configuration of a stage.
fn run(stage: &Stage, command: &[&str]) -> (bool, String) {
    let config = stage.sidecar.folder.path().join("sidecar.toml");
    let local = format!("browser.local_key_file={}", stage.sidecar.folder.path().join("local").display());
    let second =
        format!("apps.second.client_key_file={}", stage.sidecar.folder.path().join("second").display());
    let code = format!("apps.second.app_code={SECOND_CODE}");
    let mut binary = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    binary.env_clear().args(command).arg("--config").arg(config);
    for setting in ["browser.public_prefix=/pay", &local, &second, &code] {
        binary.args(["--set", setting]);
    }
    let output = binary.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains(LOCAL), "{said}");
    (output.status.success(), said)
}

#[test]
fn the_sign_command_signs_as_the_shop_does_and_its_url_opens() {
    let stage = stage(&[]);
    for (path, list) in [(SIGN_IN, sign_in()), (CHECKOUT, without(checkout(), "sign_type"))] {
        let arguments: Vec<_> = list.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let command = ["sign", "--local-key", "--path", path].into_iter();
        let command: Vec<_> = command.chain(arguments.iter().map(String::as_str)).collect();
        let (good, said) = run(&stage, &command);
        assert!(good, "{said}");
        assert!(said.contains(&format!("signature  {}\n", sign(path, &list, LOCAL))), "{said}");
        let url = said.lines().find_map(|line| line.strip_prefix("url        ")).unwrap();
        let answer = stage.sidecar.curl(&[], url);
        assert_eq!(answer.status, 302, "{url}: {}", answer.text());
    }
    for (command, words) in [
        (&["sign", "--local-key", "--path", "/trade/v1/payment", "a=1"][..], "signs the pages"),
        (&["sign", "--local-key", "--path", "/q/direct", "a=1"], "signs the pages"),
        (&["sign", "--local-key", "a=1"], "--path"),
        (&["sign", "--local-key", "--path", SIGN_IN, "--app", "shop", "a=1"], "--app"),
        (&["sign", "--path", SIGN_IN, "a=1"], "--local-key"),
    ] {
        let (good, said) = run(&stage, command);
        assert!(!good && said.contains(words), "{command:?}: {said}");
    }
}

#[test]
fn check_says_what_customers_reach_and_who_must_have_signed_it() {
    let stage = stage(&[]);
    let (good, said) = run(&stage, &["check"]);
    assert!(good, "{said}");
    for page in ["/pay/tool/v1/get_weixin_oauth_code", "/pay/checkstand"] {
        let words = format!("{page} only as the shop's server signed it, key ");
        assert!(said.contains(&words), "{said}");
    }
    assert!(said.contains("/pay/q/direct for everybody"), "{said}");
    let (good, said) = run(&stage, &["check", "--set", "browser.public_prefix="]);
    // Twice the same setting: the later one wins, and the key is of no use without a prefix.
    assert!(good, "{said}");
    let (good, said) = run(&stage, &["check", "--set", "browser.allowed_redirect_hosts=shop.test"]);
    assert!(good && said.contains("browser.allowed_redirect_hosts"), "{said}");
}
