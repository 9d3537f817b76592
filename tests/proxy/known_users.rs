//! When users are asked for, and what holds where the kernel cannot say whose a connection is.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::support::*;

const SHOP: u32 = 51_101;
const TOKEN: &str = "token-of-the-office-5d0b7e92c4a1f863";
const PAYMENT: &str = "/trade/v1/payment";
const ORDER: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1";

const CALLERS: &str = r#"
[callers.shop]
user = "51101"
[callers.office]
token_file = "{folder}/token"
"#;

/// Only root can call as others; CI is root.
fn is_root() -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(root || std::env::var_os("CI").is_none(), "CI has to be root here");
    root
}

fn launch(upstream: &FakeUpstream, callers: &str) -> Launch {
    let launch = Launch::new(&(Stage::config(&format!("http://{}", upstream.address)) + callers));
    fs::set_permissions(launch.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    launch.file("token", TOKEN, 0o600).secret(TOKEN)
}

fn script(name: &str) -> String {
    format!("{}/tests/proxy/known_users/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Pays as the shop's user, by curl behind these words; the status and the body.
fn pay(before: &[&str], arguments: &[&str], url: &str) -> (String, String) {
    let curl =
        ["curl", "-q", "-sS", "--noproxy", "*", "--max-time", "20", "-w", "\n%{http_code}", "-d", ORDER];
    let words = [before, &curl, arguments, &[url]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir("/");
    if before.is_empty() {
        command.uid(SHOP).gid(SHOP);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) =
        text.rsplit_once('\n').unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (status.to_owned(), body.to_owned())
}

#[track_caller]
fn stranger((status, body): (String, String), why: &str) {
    assert_eq!(status, "401", "{body}");
    assert!(body.contains("caller_unknown") && body.contains(why), "{why}: {body}");
}

/// A token needs no kernel.
fn by_token(before: &[&str], url: &str) -> String {
    pay(before, &["-H", &format!("Authorization: Bearer {TOKEN}")], url).0
}

#[test]
fn where_netlink_is_forbidden_users_over_tcp_are_nobody_and_the_start_says_so() {
    if !is_root() {
        return;
    }
    let upstream = FakeUpstream::start();
    let launch = launch(&upstream, CALLERS).through(&["python3", &script("without_netlink.py")]);
    let list = "listen.api=[\"127.0.0.1:0\", \"unix:{folder}/api.sock\"]";
    let sidecar = launch.set(list).set("listen.socket_mode=0666").start();
    sidecar.wait_for_log(&["WARN", "AF_NETLINK", "127.0.0.1"]);
    let url = sidecar.url(PAYMENT);
    stranger(pay(&[], &[], &url), "the kernel may not be asked");
    assert_eq!(by_token(&[], &url), "200");
    // A socket's user needs no netlink.
    let socket = sidecar.folder.path().join("api.sock");
    assert_eq!(pay(&[], &["--unix-socket", socket.to_str().unwrap()], &url).0, "200");
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn a_listening_socket_of_another_network_namespace_knows_nobody() {
    if !is_root() {
        return;
    }
    let upstream = FakeUpstream::start();
    let launch = launch(&upstream, CALLERS).set("listen.api=ADDRESS");
    let sidecar = launch.through(&["python3", &script("elsewhere.py"), "{folder}"]).start();
    sidecar.wait_for_log(&["WARN", "another network namespace"]);
    let url = sidecar.url(PAYMENT);
    let inside = fs::read_to_string(sidecar.folder.path().join("inside")).unwrap();
    let user = SHOP.to_string();
    let shop =
        ["nsenter", "-t", &inside, "-n", "setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"];
    // The same ends exist here as well, held by the very user: they are another connection's.
    let _decoy = TcpListener::bind(&sidecar.api).unwrap();
    let holds = "import os, socket, sys; os.setuid(int(sys.argv[1]));\
                 held = socket.socket(); held.connect((sys.argv[2], int(sys.argv[3])));\
                 print(held.getsockname()[1], flush=True); sys.stdin.read()";
    let (host, port) = sidecar.api.split_once(':').unwrap();
    let mut held = Command::new("python3");
    held.args(["-c", holds, &user, host, port]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut held = held.spawn().unwrap();
    let mut source = String::new();
    BufReader::new(held.stdout.take().unwrap()).read_line(&mut source).unwrap();
    stranger(pay(&shop, &["--local-port", source.trim()], &url), "another network namespace");
    drop(held.stdin.take());
    held.wait().unwrap();
    assert_eq!(by_token(&shop, &url), "200");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn each_connection_is_asked_about_once_and_none_where_no_section_names_a_user() {
    if !is_root() {
        return;
    }
    if !Command::new("strace").arg("-V").output().is_ok_and(|done| done.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "strace is missing");
        return;
    }
    let without = CALLERS.replace("user = \"51101\"", "token_file = \"{folder}/other\"");
    for (callers, asks) in [(CALLERS, true), (&*without, false), ("", false)] {
        let upstream = FakeUpstream::start();
        let launch = launch(&upstream, callers).file("other", "another-token-0f9d8c7b6a5e4d3c2b1a", 0o600);
        let strace =
            ["strace", "-D", "-f", "-qq", "-e", "trace=socket,sendto,recvfrom", "-o", "{folder}/calls"];
        let list = "listen.api=[\"127.0.0.1:0\", \"unix:{folder}/api.sock\"]";
        let sidecar = launch.through(&strace).set(list).set("listen.socket_mode=0666").start();
        let url = sidecar.url(PAYMENT);
        // Five connections, the last of which is kept for four calls more, and two through the socket.
        for _ in 0..4 {
            pay(&[], &[], &url);
        }
        pay(&[], &["--next", "-d", ORDER, &url, "--next", "-d", ORDER], &url);
        let socket = sidecar.folder.path().join("api.sock");
        for _ in 0..2 {
            pay(&[], &["--unix-socket", socket.to_str().unwrap()], &url);
        }
        let calls = fs::read_to_string(sidecar.folder.path().join("calls")).unwrap();
        let count = |words: &[&str]| {
            calls.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
        };
        let (_, port) = sidecar.api.split_once(':').unwrap();
        let ours = format!("idiag_dport=htons({port})");
        assert_eq!(count(&["NLM_F_DUMP"]), 0, "{calls}");
        // strace decodes what is asked.
        let (any, connections) = (count(&["SOCK_DIAG"]), count(&["sendto(", "SOCK_DIAG_BY_FAMILY", &ours]));
        assert_eq!(connections, if asks { 5 } else { 0 }, "{calls}");
        assert_eq!(any > 0, asks, "{calls}");
    }
}
