//! What the other commands print: about a key in its file, and about one that was pasted where it does not belong.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::{fs, thread};

use tempfile::TempDir;

use super::canaries::{KEY, Look, PREVIOUS_KEY};
use super::paths::{form, notification};
use crate::support::{Stage, assert_chosen_by_the_system, md5_elsewhere, md5_of_body, signal};

/// A folder with a configuration and both keys in private files.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, key) in [("key", KEY), ("previous", PREVIOUS_KEY)] {
        let path = folder.path().join(name);
        fs::write(&path, format!("{key}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let config = Stage::config("http://127.0.0.1:9") + "client_key_previous_file = \"{folder}/previous\"\n";
    let config = config.replace("{folder}", folder.path().to_str().unwrap());
    fs::write(folder.path().join("sidecar.toml"), config).unwrap();
    folder
}

/// What a command says, and its exit code.
pub fn run(folder: &TempDir, arguments: &[&str], env: &[(&str, &str)], input: &str) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.args(arguments).env_clear().current_dir(folder.path()).envs(env.iter().copied());
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (String::from_utf8(said).unwrap(), done.status.code())
}

#[test]
fn no_command_prints_a_key() {
    let folder = folder();
    let mut look = Look::for_keys();
    let body = notification();
    let sign = |key: &str| md5_of_body(body.as_bytes(), key);
    let (right, previous) = (sign(KEY), sign(PREVIOUS_KEY));
    let pasted = [format!("key={KEY}"), format!("old={PREVIOUS_KEY}")];
    let with_key = format!("{}&key={KEY}&old={PREVIOUS_KEY}", form());
    let (forged, form) = ("0".repeat(32), form());
    let cases: [(&str, Vec<&str>, i32); 24] = [
        ("check", vec!["check"], 0),
        ("healthcheck", vec!["healthcheck"], 1),
        ("sign", vec!["sign", "--form", &form], 0),
        ("sign with pasted keys", vec!["sign", &pasted[0], &pasted[1]], 0),
        ("sign a form with pasted keys", vec!["sign", "--form", &with_key], 0),
        ("sign a key", vec!["sign", KEY], 2),
        ("sign for a key", vec!["sign", "--app", KEY, "a=1"], 2),
        ("sign a broken form", vec!["sign", "--form", "a=%zz"], 2),
        ("explain", vec!["explain", "--sign", &forged, "--form", &form], 1),
        ("explain pasted keys", vec!["explain", "--sign", &forged, &pasted[0], &pasted[1]], 1),
        ("explain a key", vec!["explain", "--sign", &forged, KEY], 2),
        ("explain a key as a signature", vec!["explain", "--sign", KEY, "--form", &form], 1),
        ("explain a body", vec!["explain", "--sign", &forged, "--body", "-"], 1),
        ("verify", vec!["verify", "--sign", &right, "--body", "-"], 0),
        ("verify with the previous key", vec!["verify", "--sign", &previous, "--body", "-"], 0),
        ("verify a forged one", vec!["verify", "--sign", &forged, "--body", "-"], 1),
        ("verify a key", vec!["verify", "--sign", KEY, "--body", "-"], 1),
        ("verify for a key", vec!["verify", "--app", KEY, "--sign", &right, "--body", "-"], 2),
        ("trigger", vec!["trigger", "payment", "--to", "http://127.0.0.1:9/"], 2),
        ("sandbox", vec!["sandbox", "--set", "sandbox.listen=127.0.0.1:0"], 1),
        ("bash completion", vec!["completions", "bash"], 0),
        ("zsh completion", vec!["completions", "zsh"], 0),
        ("help", vec!["--help"], 0),
        ("help of a command", vec!["sign", "--help"], 0),
    ];
    for (name, arguments, code) in cases {
        let arguments = [&["--config", "sidecar.toml"], arguments.as_slice()].concat();
        let (said, ended) = run(&folder, &arguments, &[], &body);
        assert_eq!(ended, Some(code), "{name}: {said}");
        look.through(name, &said, &[]);
    }
    // That the keys were in use at all: an independent hasher has the same signature.
    let pair = [("txamt".to_owned(), "1".to_owned())];
    let (said, _) = run(&folder, &["--config", "sidecar.toml", "sign", "txamt=1"], &[], "");
    assert!(said.contains(&md5_elsewhere(&pair, KEY)), "{said}");
    look.report("leaks, commands", 24);
}

#[test]
fn explaining_every_wrong_text_shows_neither_key_nor_the_right_signature() {
    let folder = folder();
    let mut look = Look::for_keys();
    let pairs = [("goods_name".to_owned(), "Milk Tea".to_owned()), ("txamt".to_owned(), "100".to_owned())];
    look.add("the right signature", &md5_elsewhere(&pairs, KEY));
    // Signatures of wrong texts, which explain finds out by hashing them with the key.
    for text in [
        "goods_name=Milk+Tea&txamt=100",
        "txamt=100&goods_name=Milk Tea",
        "goods_name=Milk Tea&txamt=100&key=",
    ] {
        let wrong = md5_of_body(text.as_bytes(), KEY);
        let arguments =
            ["--config", "sidecar.toml", "explain", "--sign", &wrong, "goods_name=Milk Tea", "txamt=100"];
        let (said, code) = run(&folder, &arguments, &[], "");
        assert!(code == Some(1) && said.contains("mistake"), "{said}");
        look.through(text, &said, &[]);
    }
    look.report("leaks, explain", 3);
}

#[test]
fn the_demo_and_a_start_that_fails_print_no_key() {
    let folder = folder();
    let mut look = Look::for_keys();
    look.add("the sandbox's key", "SANDBOX0DEMO0KEY0NOT0A0SECRET000");
    let (said, code) = run(&folder, &["demo", "--once", "--log-level", "trace"], &[], "");
    assert_eq!(code, Some(0), "{said}");
    look.through("demo", &said, &[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("listen.api={}", taken.local_addr().unwrap());
    let (said, code) = run(&folder, &["--config", "sidecar.toml", "run", "--set", &listen], &[], "");
    assert_eq!(code, Some(1), "{said}");
    look.through("a taken port", &said, &[]);
    look.report("leaks, starts", 2);
}

#[test]
fn a_key_in_a_variable_is_advised_against_and_not_shown() {
    let folder = folder();
    let config = Stage::config("http://127.0.0.1:9")
        .replace("client_key_file = \"{folder}/key\"", "client_key_env = \"SHOP_KEY\"");
    fs::write(folder.path().join("sidecar.toml"), config).unwrap();
    let (said, code) = run(&folder, &["--config", "sidecar.toml", "check"], &[("SHOP_KEY", KEY)], "");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("advice")
            && said.contains("apps.shop.client_key_env")
            && said.contains("client_key_file"),
        "{said}"
    );
    let mut look = Look::for_keys();
    look.through("check", &said, &[]);
    // The start says it in the log, too.
    let mut running = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"))
        .args(["--config", "sidecar.toml", "run", "--log-level", "trace"])
        .env_clear()
        .env("SHOP_KEY", KEY)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = std::io::BufReader::new(running.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("\nready") {
        assert!(std::io::BufRead::read_line(&mut screen, &mut said).unwrap() > 0, "it did not start");
    }
    assert_chosen_by_the_system(&said);
    let reader = thread::spawn(move || std::io::read_to_string(screen).unwrap());
    signal(&running, "TERM");
    let log = std::io::read_to_string(running.stderr.take().unwrap()).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(0), "{log}");
    assert!(log.contains("WARN") && log.contains("apps.shop.client_key_env"), "{log}");
    look.through("the log", &log, &[]);
    look.through("the screen", &reader.join().unwrap(), &[]);
}
