//! Unix sockets: who may connect, from the first moment on; and sockets that systemd listens on.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{FakeUpstream, Launch, SOON, Stage};

/// A user and a group without rights, `nobody` and `nogroup`.
const NOBODY: u32 = 65534;

fn launch(upstream: &FakeUpstream) -> Launch {
    let launch = Launch::new(&Stage::config(&format!("http://{}", upstream.address)));
    // Another user has to get as far as the socket.
    fs::set_permissions(launch.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    launch.set("listen.api=unix:{folder}/api.sock")
}

fn script(name: &str) -> String {
    format!("{}/tests/proxy/sockets/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// Pays through a unix socket, and gives the status line.
fn pay(path: &Path) -> String {
    let mut shop = UnixStream::connect(path).unwrap();
    shop.set_read_timeout(Some(SOON)).unwrap();
    let form = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1";
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    shop.write_all(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()).as_bytes()).unwrap();
    let mut answer = String::new();
    shop.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_socket_is_for_its_own_user_alone_whatever_the_umask() {
    let upstream = FakeUpstream::start();
    for mask in ["000", "022", "277"] {
        let launch = launch(&upstream).set("listen.admin=unix:{folder}/admin.sock").umask(mask);
        let sidecar = launch.start();
        for name in ["api.sock", "admin.sock"] {
            assert_eq!(mode(&sidecar.folder.path().join(name)), 0o600, "{name}, umask {mask}");
        }
        assert_eq!(pay(&sidecar.folder.path().join("api.sock")), "HTTP/1.1 200 OK");
    }
}

#[test]
fn mode_and_group_are_what_the_settings_say() {
    let upstream = FakeUpstream::start();
    // The process's own group: the only one that any user may name.
    let group = fs::metadata("/proc/self").unwrap().gid();
    for (text, bits) in [("0660", 0o660), ("666", 0o666)] {
        let launch = launch(&upstream).set(&format!("listen.socket_mode={text}"));
        let sidecar = launch.set(&format!("listen.socket_group={group}")).umask("077").start();
        let socket = sidecar.folder.path().join("api.sock");
        assert_eq!((mode(&socket), fs::metadata(&socket).unwrap().gid()), (bits, group));
        assert_eq!(pay(&socket), "HTTP/1.1 200 OK");
    }
}

/// Starts another user's shop at this socket.
fn other_user(socket: &Path, how: &[&str]) -> (std::process::Child, BufReader<std::process::ChildStdout>) {
    let mut python = Command::new("python3");
    python.arg(script("other_user.py")).arg(NOBODY.to_string()).arg(socket).args(how);
    let mut child = python.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut begun = String::new();
    lines.read_line(&mut begun).unwrap();
    assert_eq!(begun, "begun\n");
    (child, lines)
}

#[test]
fn another_users_shop_connects_where_the_group_lets_it_in_and_never_before() {
    if !is_root() {
        return; // Only root can be two users.
    }
    let upstream = FakeUpstream::start();
    let said = |(mut child, mut lines): (std::process::Child, BufReader<std::process::ChildStdout>)| {
        let mut said = String::new();
        lines.read_to_string(&mut said).unwrap();
        child.wait().unwrap();
        said
    };
    let open = launch(&upstream).set("listen.socket_mode=0660").set("listen.socket_group=nogroup").start();
    let answer = said(other_user(&open.folder.path().join("api.sock"), &[]));
    assert!(answer.starts_with("connected HTTP/1.1 "), "{answer}");
    let owned = launch(&upstream).set("listen.socket_user=nobody").start();
    assert_eq!(fs::metadata(owned.folder.path().join("api.sock")).unwrap().uid(), NOBODY);
    let answer = said(other_user(&owned.folder.path().join("api.sock"), &[]));
    assert!(answer.starts_with("connected HTTP/1.1 "), "{answer}");
    // It tries all the time while the socket comes to be, under the widest umask, and gets in at no moment.
    for _ in 0..5 {
        let launch = launch(&upstream).umask("000").set("listen.socket_group=root");
        let shop = other_user(&launch.folder.path().join("api.sock"), &["until-refused"]);
        let _closed = launch.start();
        assert_eq!(said(shop), "refused\n");
    }
}

#[test]
fn a_user_who_may_not_give_the_socket_away_is_told() {
    let upstream = FakeUpstream::start();
    let launch = launch(&upstream).set("listen.socket_user=root");
    let ended = if is_root() { launch.user(NOBODY).ends() } else { launch.ends() };
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for words in ["listen.api: unix:", "listen.socket_user", "only root", "qfpay-sidecar.socket"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    assert!(!ended.folder.path().join("api.sock").exists(), "it leaves nothing behind");
}

#[test]
fn what_is_no_mode_user_or_group_is_refused() {
    for (setting, says) in [
        ("listen.socket_mode=rw", "no mode in octal digits"),
        ("listen.socket_mode=0o600", "no mode in octal digits"),
        ("listen.socket_mode=6600", "no mode in octal digits"),
        ("listen.socket_mode=0800", "no mode in octal digits"),
        ("listen.socket_mode=0444", "nobody but root could connect"),
        ("listen.socket_user=no-such-user", "/etc/passwd has no such user"),
        ("listen.socket_group=4294967295", "/etc/group has no such group"),
    ] {
        let ended = Launch::new(&Stage::config("http://127.0.0.1:9")).set(setting).ends();
        assert_eq!(ended.code, Some(2), "{setting}");
        assert!(ended.stderr.contains(says), "{setting}: {}", ended.stderr);
    }
}

#[test]
fn a_socket_that_systemd_passes_is_served_and_left_to_systemd() {
    let upstream = FakeUpstream::start();
    let through = |launch: Launch| launch.through(&["python3", &script("passed.py"), "{folder}/api.sock"]);
    let mut sidecar = through(launch(&upstream).set("listen.socket_mode=0666")).start();
    let socket = sidecar.folder.path().join("api.sock");
    let made = fs::metadata(&socket).unwrap();
    assert_eq!(pay(&socket), "HTTP/1.1 200 OK");
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait_for_exit(), Some(0));
    let left = fs::metadata(&socket).unwrap();
    assert!(left.file_type().is_socket());
    assert_eq!((left.ino(), left.mode()), (made.ino(), made.mode()), "its file is systemd's");

    // One that no setting names would take connections and never answer them.
    let ended = through(launch(&upstream).set("listen.api=127.0.0.1:0")).ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for words in ["/api.sock", "no setting names this address", "listen.api"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}
