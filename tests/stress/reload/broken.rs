//! Every kind of broken file: the old state stays in force, and the reason has its place.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::key;
use crate::support::{FakeUpstream, Launch, Sidecar, Stage, md5_elsewhere};

/// What is wrong, how it comes to be, and what is said of it.
type Broken = (&'static str, fn(&Path), &'static str);

fn add(folder: &Path, text: &str) {
    let file = folder.join("sidecar.toml");
    let old = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{text}\n{old}")).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn fifo(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

const CONFIG: [Broken; 14] = [
    ("gone", |folder| fs::remove_file(folder.join("sidecar.toml")).unwrap(), "does not exist"),
    ("empty", |folder| fs::write(folder.join("sidecar.toml"), "").unwrap(), "no app is configured"),
    ("no TOML", |folder| add(folder, "[["), "sidecar.toml:1:"),
    ("no UTF-8", |folder| fs::write(folder.join("sidecar.toml"), b"\xff\xfe").unwrap(), "not UTF-8"),
    ("too large", |folder| add(folder, &"#".repeat(1 << 20)), "larger than 1 MiB"),
    (
        "a folder",
        |folder| {
            fs::remove_file(folder.join("sidecar.toml")).unwrap();
            fs::create_dir(folder.join("sidecar.toml")).unwrap();
        },
        "not a file",
    ),
    ("a pipe", |folder| fifo(&folder.join("sidecar.toml")), "not a file"),
    (
        "a link to nothing",
        |folder| {
            fs::remove_file(folder.join("sidecar.toml")).unwrap();
            symlink("nothing", folder.join("sidecar.toml")).unwrap();
        },
        "does not exist",
    ),
    (
        "a link to itself",
        |folder| {
            fs::remove_file(folder.join("sidecar.toml")).unwrap();
            symlink("sidecar.toml", folder.join("sidecar.toml")).unwrap();
        },
        "cannot be read",
    ),
    ("anybody's to change", |folder| mode(&folder.join("sidecar.toml"), 0o666), "every user may write it"),
    ("an unknown key", |folder| add(folder, "mchit = 1"), "sidecar.toml:1: mchit: unknown key"),
    (
        "a wrong type",
        |folder| add(folder, "upstream.call_timeout_ms = \"soon\""),
        "sidecar.toml:1: upstream.call_timeout_ms",
    ),
    (
        "a contradiction",
        |folder| add(folder, "upstream.connect_timeout_ms = 70000"),
        "upstream.connect_timeout_ms",
    ),
    (
        "an app that is not there",
        |folder| {
            let file = folder.join("sidecar.toml");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(file, text.replace("default_app = \"shop\"", "default_app = \"none\"")).unwrap();
        },
        "default_app",
    ),
];

const FILES: [Broken; 15] = [
    ("no key", |folder| fs::remove_file(folder.join("key")).unwrap(), "there is no such key file"),
    ("an empty key", |folder| fs::write(folder.join("key"), "").unwrap(), "empty"),
    (
        "two lines",
        |folder| fs::write(folder.join("key"), format!("{}\n{}\n", key(0), key(1))).unwrap(),
        "client_key_file",
    ),
    ("a short key", |folder| fs::write(folder.join("key"), "short").unwrap(), "client_key_file"),
    ("a large key", |folder| fs::write(folder.join("key"), key(1).repeat(200)).unwrap(), "larger than"),
    ("a key that all may read", |folder| mode(&folder.join("key"), 0o644), "client_key_file"),
    ("a pipe for a key", |folder| fifo(&folder.join("key")), "client_key_file"),
    ("no folder of merchants", |folder| fs::remove_dir_all(folder.join("apps.d")).unwrap(), "include"),
    (
        "half a merchant",
        |folder| fs::write(folder.join("apps.d/m.toml"), "[apps.m]\napp_code = \"M").unwrap(),
        "m.toml:2",
    ),
    (
        "a merchant without a code",
        |folder| fs::write(folder.join("apps.d/m.toml"), "[apps.m]\nmchid = \"1\"\n").unwrap(),
        "apps.m.app_code",
    ),
    (
        "a merchant that is there already",
        |folder| fs::write(folder.join("apps.d/m.toml"), "[apps.shop]\napp_code = \"M\"\n").unwrap(),
        "m.toml:1: apps.shop",
    ),
    (
        "a merchant with settings of all",
        |folder| fs::write(folder.join("apps.d/m.toml"), "[upstream]\nca_file = \"\"\n").unwrap(),
        "m.toml:1: upstream",
    ),
    (
        "a merchant of somebody else's",
        |folder| {
            fs::write(folder.join("apps.d/m.toml"), "").unwrap();
            mode(&folder.join("apps.d/m.toml"), 0o622);
        },
        "m.toml",
    ),
    (
        "no authority",
        |folder| {
            fs::write(folder.join("ca.pem"), "none").unwrap();
            add(folder, &format!("upstream.ca_file = \"{}/ca.pem\"", folder.display()));
        },
        "upstream.ca_file",
    ),
    (
        "a broken authority",
        |folder| {
            fs::write(folder.join("ca.pem"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
                .unwrap();
            add(folder, &format!("upstream.ca_file = \"{}/ca.pem\"", folder.display()));
        },
        "upstream.ca_file",
    ),
];

fn start(upstream: &FakeUpstream) -> Sidecar {
    let config = Stage::config(&format!("http://{}", upstream.address)).replace("\"trace\"", "\"info\"");
    let launch = Launch::new(&format!("include = [\"apps.d/*.toml\"]\n{config}"));
    launch
        .file("key", key(0), 0o600)
        .file("apps.d/readme.txt", "", 0o600)
        .secret(&key(0))
        .secret(&key(1))
        .start()
}

/// Puts back what was there at the start.
fn mend(folder: &Path, config: &str) {
    for name in ["sidecar.toml", "key", "ca.pem", "apps.d"] {
        let path = folder.join(name);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
    fs::write(folder.join("sidecar.toml"), config).unwrap();
    fs::write(folder.join("key"), key(0)).unwrap();
    mode(&folder.join("key"), 0o600);
    fs::create_dir(folder.join("apps.d")).unwrap();
}

fn assert_refused(broken: &[Broken]) {
    let upstream = FakeUpstream::start();
    let sidecar = start(&upstream);
    let folder = sidecar.folder.path().to_owned();
    let config = fs::read_to_string(sidecar.config_file()).unwrap();
    for (what, make, says) in broken {
        make(&folder);
        let answer = sidecar.reload();
        assert_eq!(answer.status, 422, "{what}: {}", answer.text());
        assert!(answer.text().contains(says), "{what}: {}", answer.text());
        if !answer.text().contains("needs a restart") && !answer.text().contains("certificate") {
            let check = String::from_utf8(sidecar.command(&["check"]).stderr).unwrap();
            assert!(check.ends_with(answer.text()), "{what}: {check}\n{}", answer.text());
        }
        upstream.forget();
        assert_eq!(sidecar.curl(&["-d", "out_trade_no=1"], "/trade/v1/payment").status, 200, "{what}");
        let request = upstream.requests().remove(0);
        assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), &key(0))), "{what}");
        mend(&folder, &config);
    }
    assert_eq!(sidecar.log().matches("nothing was changed").count(), broken.len());
    assert_eq!(sidecar.reload().status, 200);
}

#[test]
fn every_kind_of_broken_file_keeps_the_old_state() {
    thread::scope(|scope| {
        for part in CONFIG.chunks(7).chain(FILES.chunks(8)) {
            scope.spawn(move || assert_refused(part));
        }
    });
}
