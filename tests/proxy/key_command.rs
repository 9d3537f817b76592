//! `client_key_command`: a program prints the key. It has no shell, no environment but PATH and HOME, ten seconds and 4 KiB,
//! and nothing of it is left afterwards.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::*;

const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210";
const TOKEN: &str = "hvs-token-in-an-argument";

/// A start whose app has this command, in TOML, and a script of this content named `tell`.
fn launch(base_url: &str, command: &str, script: &str) -> Launch {
    let config = Stage::config(base_url).replace("client_key_file = \"{folder}/key\"", "");
    let launch = Launch::new(&format!("{config}client_key_command = {command}\n"));
    let path = std::env::var("PATH").unwrap();
    launch
        .file("tell", format!("#!/bin/sh\n{script}\n"), 0o755)
        .env("PATH", &path)
        .env("HOME", "/home/of-the-sidecar")
}

/// Starts with a script in the place of a vault's client and expects a refusal with these words.
#[track_caller]
fn refused(script: &str, words: &[&str]) -> Ended {
    let ended = launch("http://127.0.0.1:1", "[\"{folder}/tell\"]", script).secret("told-on-stderr").ends();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for word in words.iter().chain(&["apps.shop.client_key_command"]) {
        assert!(ended.stderr.contains(word), "no {word} in:\n{}", ended.stderr);
    }
    ended
}

/// Waits until the process of this number has ended: a signal is taken once its process has a processor.
#[track_caller]
fn ends(pid_file: &Path) {
    let pid = fs::read_to_string(pid_file).unwrap();
    let status = format!("/proc/{}/status", pid.trim());
    let deadline = Instant::now() + SOON;
    // One that nobody has waited for yet is as good as gone.
    while fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ")) {
        assert!(Instant::now() < deadline, "{pid} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_prints_the_key_that_signs() {
    let upstream = FakeUpstream::start();
    let url = format!("http://{}", upstream.address);
    let script = format!(
        "cat /proc/$$/environ > $(dirname $0)/seen; echo \"$@\" >> $(dirname $0)/arguments; echo {CLIENT_KEY}; \
                          echo told-on-stderr >&2"
    );
    let command = format!("[\"{{folder}}/tell\", \"-field=key\", \"$HOME; id\", \"{TOKEN}\"]");
    let launch = launch(&url, &command, &script).env("OTHER_SECRET", "told-on-stderr");
    let sidecar = launch.secret(TOKEN).secret("told-on-stderr").start();
    let vector = vector("payment_no_mchid");
    sidecar.curl(&["-d", vector.form.as_deref().unwrap()], "/trade/v1/payment");
    assert_eq!(upstream.requests()[0].header("X-QF-SIGN"), Some(&*vector.sign));
    assert!(sidecar.screen().contains("/tell"), "{}", sidecar.screen());
    let folder = sidecar.folder.path();
    let seen = fs::read_to_string(folder.join("seen")).unwrap();
    let mut names: Vec<_> = seen.split_terminator('\0').map(|pair| pair.split('=').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "PATH"]);
    // To the letter, once.
    let arguments = fs::read_to_string(folder.join("arguments")).unwrap();
    assert_eq!(arguments, format!("-field=key $HOME; id {TOKEN}\n"));
}

#[test]
fn a_program_is_found_by_path() {
    let launch =
        launch("http://127.0.0.1:1", &format!("[\"printf\", \"%s\", \"{}\"]", &CLIENT_KEY[..16]), "");
    launch.secret(&CLIENT_KEY[..16]).start();
}

#[test]
fn what_goes_wrong_is_told_without_a_word_of_the_programs() {
    refused("echo told-on-stderr >&2; echo told-on-stderr; exit 3", &["exit code 3", "/tell"]);
    refused("kill -KILL $$", &["signal 9"]);
    refused("exit 0", &["printed nothing"]);
    refused("echo two; echo lines", &["white space"]);
    let begin = Instant::now();
    refused("exec yes told-on-stderr", &["more than 4096 bytes"]);
    assert!(begin.elapsed() < Duration::from_secs(5), "endless output does not wait for the end of the time");
    for (command, words) in [
        ("[\"no-such-program-here\"]", "no such program"),
        ("[\"{folder}/key\"]", "may not run"),
        ("[\"cat {folder}/key\"]", "there is no shell"),
        ("\"cat {folder}/key\"", "there is no shell"),
        ("[\"\"]", "client_key_command"),
        (&format!("[\"printf\", \"{CLIENT_KEY}\"]"), "looks like the key itself"),
        (&format!("[\"{CLIENT_KEY}\"]"), "looks like the key itself"),
        ("[\"printf\", \"x\"]\nclient_key_file = \"{folder}/key\"", "keep one of the two"),
        ("[1, 2]", "text in quotes"),
        ("true", "list of texts"),
    ] {
        let ended = launch("http://127.0.0.1:1", command, "").ends();
        assert_eq!(ended.code, Some(2), "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{command}: {}", ended.stderr);
    }
}

#[test]
fn a_program_that_hangs_is_ended_after_ten_seconds_with_all_that_it_started() {
    let begin = Instant::now();
    let script = "sleep 1000 & echo $! > $(dirname $0)/pid; wait";
    let ended = refused(script, &["longer than 10 s"]);
    assert!((10..15).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    ends(&ended.folder.path().join("pid"));
}

#[test]
fn what_a_program_leaves_behind_is_ended_and_waited_for_by_nobody() {
    let upstream = FakeUpstream::start();
    let url = format!("http://{}", upstream.address);
    // It keeps the pipe open, in which the key stands already.
    let script = format!("echo {CLIENT_KEY}; sleep 1000 & echo $! > $(dirname $0)/pid");
    let begin = Instant::now();
    let sidecar = launch(&url, "[\"{folder}/tell\"]", &script).start();
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    ends(&sidecar.folder.path().join("pid"));
}

#[test]
fn the_key_before_it_may_come_from_a_program_too() {
    let launch = launch(
        "http://127.0.0.1:1",
        "[\"{folder}/tell\"]\nclient_key_previous_command = [\"{folder}/before\"]",
        &format!("echo {CLIENT_KEY}"),
    );
    let launch = launch.file("before", format!("#!/bin/sh\necho {OTHER_KEY}\n"), 0o755).secret(OTHER_KEY);
    let sidecar = launch.start();
    let body = "{\"a\": 1}";
    for key in [CLIENT_KEY, OTHER_KEY] {
        let sign = format!("X-QF-SIGN: {}", md5_of_body(body.as_bytes(), key));
        let arguments = ["-H", "Content-Type: application/json", "-H", &sign, "-d", body];
        let answer = sidecar.curl(&arguments, "/sidecar/v1/verify");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn check_shows_the_program_and_none_of_its_arguments() {
    let command = format!("[\"{{folder}}/tell\", \"{TOKEN}\"]");
    let launch = launch("http://127.0.0.1:1", &command, &format!("echo {CLIENT_KEY}")).secret(TOKEN);
    let ended = launch.verb("check").ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("/tell, 1 not shown]"), "{}", ended.stdout);
}

#[test]
fn a_reload_runs_it_again_and_keeps_the_old_key_where_it_fails() {
    let upstream = FakeUpstream::start();
    let url = format!("http://{}", upstream.address);
    let launch = launch(&url, "[\"{folder}/tell\"]", "cat $(dirname $0)/current || exit 5").secret(OTHER_KEY);
    let sidecar = launch.file("current", CLIENT_KEY, 0o600).start();
    let signed_with = |key: &str| {
        upstream.forget();
        sidecar.curl(&["-d", "txamt=1"], "/trade/v1/payment");
        let request = upstream.requests().remove(0);
        assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), key)));
    };
    signed_with(CLIENT_KEY);
    fs::remove_file(sidecar.folder.path().join("current")).unwrap();
    sidecar.signal("HUP");
    sidecar.wait_for_log(&[" WARN ", "exit code 5", "nothing was changed"]);
    signed_with(CLIENT_KEY);
    fs::write(sidecar.folder.path().join("current"), OTHER_KEY).unwrap();
    sidecar.signal("HUP");
    sidecar.wait_for_log(&["the configuration was read again and is in force"]);
    signed_with(OTHER_KEY);
}
