//! Landlock: a running sidecar reaches the folders of its configuration, and no others. The kernel refuses
//! the rest to every thread.

use std::fs;
use std::io::Write;

use crate::support::*;

/// The line of the start screen that says what the process is confined to.
fn confined(screen: &str) -> String {
    let mut lines = screen.split("\n").skip_while(|line| !line.trim_start().starts_with("files "));
    let first = lines.next().unwrap_or_default().to_owned();
    lines.take_while(|line| line.starts_with("   ")).fold(first, |all, line| all + " " + line.trim())
}

/// Says which version of Landlock this kernel has; nothing where it has none, which is a failure with CI=true.
fn abi(screen: &str) -> Option<String> {
    let line = confined(screen);
    match line.split_once("Landlock ABI ") {
        Some((_, rest)) => {
            let abi = rest.split([',', ' ']).next().unwrap().to_owned();
            let _ = writeln!(std::io::stderr(), "Landlock ABI {abi}");
            Some(abi)
        }
        None => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no Landlock, and CI=true: {line}");
            let _ = writeln!(std::io::stderr(), "SKIPPED: {line}");
            None
        }
    }
}

#[test]
fn every_thread_is_confined_and_serves() {
    let stage = Stage::launch(|launch| launch.env("QFPAY__RUNTIME__WORKERS", "2"));
    assert_eq!(stage.sidecar.curl(&["-d", "txamt=1"], "/trade/v1/payment").status, 200);
    let screen = stage.sidecar.screen();
    if abi(&screen).is_none() {
        return;
    }
    let folder = stage.sidecar.folder.path().canonicalize().unwrap().display().to_string();
    let line = confined(&screen);
    assert!(line.contains(&folder) && line.contains("/etc"), "{line}");
    assert!(line.contains("writes nowhere") && !line.contains(" /home"), "{line}");
}

#[test]
fn sockets_come_and_go_in_their_folder() {
    let stage = Stage::launch(|launch| {
        launch.set("listen.api=[\"127.0.0.1:0\", \"unix:{folder}/run/api.sock\"]").file(
            "run/.keep",
            "",
            0o600,
        )
    });
    let screen = stage.sidecar.screen();
    if abi(&screen).is_none() {
        return;
    }
    let socket = stage.sidecar.folder.path().join("run/api.sock");
    assert!(confined(&screen).contains("writes below"), "{screen}");
    let socket_name = socket.to_str().unwrap();
    let answer = curl(&["--unix-socket", socket_name, "-d", "txamt=1", "http://localhost/trade/v1/payment"]);
    assert_eq!(answer.status, 200);
    let mut stage = stage;
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
    assert!(!socket.exists(), "its file is removed at the end");
}

#[test]
fn what_is_outside_cannot_be_read() {
    // The name of a key file is a link out of all folders: read at the start, since what it leads to is named so.
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("key"), CLIENT_KEY).unwrap();
    let stage = Stage::launch(|launch| {
        let link = launch.folder.path().join("linked");
        std::os::unix::fs::symlink(secret.path().join("key"), &link).unwrap();
        fs::set_permissions(secret.path().join("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        launch.set("apps.shop.client_key_file={folder}/linked")
    });
    if abi(&stage.sidecar.screen()).is_some() {
        let folder = secret.path().canonicalize().unwrap();
        assert!(confined(&stage.sidecar.screen()).contains(folder.to_str().unwrap()));
    }
}

#[test]
fn it_can_be_turned_off_and_required() {
    let off = Stage::new(&["landlock=off"]);
    assert!(confined(&off.sidecar.screen()).contains("not confined by Landlock: landlock = \"off\""));
    let command = Stage::launch(|launch| {
        let tell = launch
            .file("tell", format!("#!/bin/sh\necho {CLIENT_KEY}\n"), 0o755)
            .env("PATH", "/usr/bin:/bin");
        tell.set("apps.shop.client_key_file=").set("apps.shop.client_key_command={folder}/tell")
    });
    let line = confined(&command.sidecar.screen());
    assert!(line.contains("not confined") && line.contains("client_key_command"), "{line}");
    let launch = Launch::new(&Stage::config("http://127.0.0.1:1")).set("landlock=require");
    let launch = launch.set("apps.shop.client_key_file=").set("apps.shop.client_key_command={folder}/tell");
    let ended = launch.ends();
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("landlock: \"require\" cannot be had")
            && ended.stderr.contains("client_key_command")
    );
    let ended = Launch::new(&Stage::config("http://127.0.0.1:1")).set("landlock=perhaps").ends();
    assert!(ended.stderr.contains("auto or off or require"), "{}", ended.stderr);
}

/// Changes the configuration of a running sidecar and has it read again.
fn reload(sidecar: &Sidecar, change: impl FnOnce(String) -> String) {
    let path = sidecar.folder.path().join("sidecar.toml");
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
    sidecar.signal("HUP");
}

#[test]
fn a_reload_that_names_a_folder_outside_needs_a_restart_and_changes_nothing() {
    let stage = Stage::launch(|launch| launch);
    if abi(&stage.sidecar.screen()).is_none() {
        return;
    }
    let other = tempfile::tempdir().unwrap();
    let folder = other.path().canonicalize().unwrap();
    fs::write(folder.join("key"), "FEDCBA9876543210FEDCBA9876543210").unwrap();
    let old = stage.sidecar.folder.path().join("key").display().to_string();
    let new = folder.join("key").display().to_string();
    reload(&stage.sidecar, |config| config.replace(&old, &new));
    stage.sidecar.wait_for_log(&[" WARN ", folder.to_str().unwrap(), "needs a restart"]);
    reload(&stage.sidecar, |config| {
        config.replace(&format!("client_key_file = \"{new}\""), "client_key_command = [\"printf\", \"x\"]")
    });
    stage.sidecar.wait_for_log(&[" WARN ", "client_key_command", "needs a restart"]);
    // A folder that includes name is listed.
    let pattern = folder.join("*.toml").display().to_string();
    reload(&stage.sidecar, |config| {
        let config = config
            .replace("client_key_command = [\"printf\", \"x\"]", &format!("client_key_file = \"{old}\""));
        format!("include = [\"{pattern}\"]\n{config}")
    });
    let names_it = |text: &str| text.matches(folder.to_str().unwrap()).count() >= 2;
    let deadline = std::time::Instant::now() + SOON;
    while !names_it(&stage.sidecar.log()) {
        assert!(std::time::Instant::now() < deadline, "{}", stage.sidecar.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    stage.sidecar.curl(&["-d", "txamt=1"], "/trade/v1/payment");
    stage.only_request();
    // What is within is taken.
    reload(&stage.sidecar, |config| config.replace(&format!("include = [\"{pattern}\"]\n"), ""));
    stage.sidecar.wait_for_log(&["the configuration was read again and is in force"]);
}
