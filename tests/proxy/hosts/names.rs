//! Which `Host` a listener takes.

use super::{CONFIG, House};
use crate::support::{Connection, Launch, Stage};

/// `P` is the listener's port, `Q` another one, `R` its port written past 65535 so that it wraps around.
const FOREIGN: &[&str] = &[
    // Names of others.
    "evil.test:P",
    "evil.test",
    "127.0.0.1.evil.test:P",
    "localhost.evil.test:P",
    "foo.localhost:P",
    "127.0.0.1.nip.io:P",
    // Spellings of our names that some reader takes for them.
    "localhost.",
    "127.1",
    "127.0.0.1.",
    "0x7f000001",
    "127.0.0.2",
    "[::ffff:127.0.0.1]",
    "localhost.:P",
    "LOCALHOST.:P",
    "127.0.0.1.:P",
    "127.1:P",
    "127.0.1:P",
    "0x7f000001:P",
    "0x7f.0.0.1:P",
    "2130706433:P",
    "0177.0.0.1:P",
    "127.0.0.01:P",
    "127.0.0.1%00:P",
    "%6cocalhost:P",
    "localhost%2e:P",
    "\u{ff4c}ocalhost:P",
    "localhost\u{2024}:P",
    "\"localhost\":P",
    "[::ffff:127.0.0.1]:P",
    "[::ffff:7f00:1]:P",
    "[::127.0.0.1]:P",
    "[::1%lo]:P",
    "[::1%25lo]:P",
    "[127.0.0.1]:P",
    "[localhost]:P",
    "::1:P",
    "::1",
    "[::1:P",
    "[::1]P",
    // Addresses that are not ours, or not on this connection.
    "0.0.0.0:P",
    "[::]:P",
    "127.0.0.2:P",
    "10.0.0.5:P",
    "[fe80::1]:P",
    // Ports.
    "127.0.0.1:80",
    "localhost:80",
    "[::1]:80",
    "127.0.0.1:443",
    "127.0.0.1:Q",
    "localhost:Q",
    "[::1]:Q",
    "127.0.0.1:",
    "localhost:",
    "[::1]:",
    "127.0.0.1:0",
    "127.0.0.1:0P",
    "127.0.0.1:+P",
    "127.0.0.1:-P",
    "127.0.0.1: P",
    "127.0.0.1:R",
    "127.0.0.1:P:P",
    "127.0.0.1:Px",
    "127.0.0.1:http",
    // User names, URLs, lists, nothing.
    "a@127.0.0.1:P",
    "a:b@localhost:P",
    "@127.0.0.1:P",
    "evil.test:P@127.0.0.1:P",
    "127.0.0.1:P@evil.test:P",
    "http://127.0.0.1:P",
    "//127.0.0.1:P",
    "127.0.0.1:P/",
    "127.0.0.1:P?x",
    "127.0.0.1:P#x",
    "127.0.0.1:P, evil.test",
    "127.0.0.1:P evil.test",
    "127.0.0.1:P,127.0.0.1:P",
    "127.0.0.1:P;a=b",
    "127.0.0.1:P\\",
    "*",
    ":P",
    ":",
    "[]:P",
    "[",
    "]",
    "",
];

const OURS: &[&str] = &[
    "127.0.0.1:P",
    "localhost:P",
    "LOCALHOST:P",
    "LocalHost:P",
    "[::1]:P",
    "[0:0:0:0:0:0:0:1]:P", // as Java prints it
    "[::0001]:P",
    " \t127.0.0.1:P \t",
    // Without a port: some clients leave it out, and no foreign name can be one of these.
    "127.0.0.1",
    "localhost",
    "LocalHost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
];

fn filled(host: &str, port: u16) -> String {
    let other = if port == 65535 { 1 } else { port + 1 };
    let wrapped = (u32::from(port) + 65_536).to_string();
    host.replace('P', &port.to_string()).replace('Q', &other.to_string()).replace('R', &wrapped)
}

#[test]
fn only_a_listeners_own_names_are_taken() {
    let house = House::new(&[]);
    for door in house.doors() {
        for host in FOREIGN {
            let sent = format!("Host: {}\r\n", filled(host, door.port()));
            let said = door.assert_refused(&door.ask(&sent), 421, "host_refused", &sent);
            assert!(said.contains("the Host header is '"), "{said}");
        }
        // Bytes that are no text.
        let sent = format!("Host: loc\u{e4}lhost:{}\r\n", door.port()).replace('\u{e4}', "A");
        let sent: Vec<u8> = sent.bytes().map(|b| if b == b'A' { 0xe4 } else { b }).collect();
        door.assert_refused(&door.ask(&sent), 421, "host_refused", "a byte over 0x7f");
        // Not one Host.
        let own = format!("Host: 127.0.0.1:{}\r\n", door.port());
        for (sent, words) in [
            (String::new(), "there is no Host header"),
            (own.repeat(2), "there are 2 Host headers"),
            (format!("{own}hOST: evil.test\r\n"), "there are 2 Host headers"),
            (format!("Host: evil.test\r\n{own}{own}"), "there are 3 Host headers"),
        ] {
            let said = door.assert_refused(&door.ask(&sent), 421, "host_refused", &sent);
            assert!(said.contains(words), "{said}");
        }
        let old = door.ask_with(&format!("{} HTTP/1.0", door.line), "");
        door.assert_refused(&old, 421, "host_refused", "HTTP/1.0 without Host");
    }
    assert_eq!(house.calls_that_arrived(), 0);

    for door in house.doors() {
        for host in OURS {
            door.assert_let_in(&format!("Host: {}\r\n", filled(host, door.port())));
        }
        let old =
            door.ask_with(&format!("{} HTTP/1.0", door.line), format!("Host: localhost:{}\r\n", door.port()));
        assert_eq!(old.status, door.let_in, "{}", door.name);
    }
    assert_eq!(house.calls_that_arrived(), OURS.len() + 1);
}

#[test]
fn an_absolute_target_never_stands_in_for_the_host() {
    let house = House::new(&[]);
    for door in house.doors() {
        let (method, path) = door.line.split_once(' ').unwrap();
        let own = format!("Host: {}\r\n", door.address);
        for (authority, host) in [
            ("evil.test", own.as_str()),
            (door.address.as_str(), own.as_str()),
            (door.address.as_str(), "Host: evil.test\r\n"),
            (door.address.as_str(), ""),
            ("user@evil.test:80", own.as_str()),
        ] {
            for scheme in ["http", "https"] {
                let line = format!("{method} {scheme}://{authority}{path} HTTP/1.1");
                door.assert_refused(&door.ask_with(&line, host), 400, "target_refused", &line);
            }
        }
        let connect = format!("CONNECT {} HTTP/1.1", door.address);
        door.assert_refused(&door.ask_with(&connect, &own), 400, "target_refused", &connect);
    }
    assert_eq!(house.calls_that_arrived(), 0);
}

#[test]
fn names_of_the_configuration_are_taken_with_their_port() {
    let hosts = r#"listen.allowed_hosts=["sidecar", "Shop.Example.com:443", "127.0.0.1:9000", "10.0.0.5", "[fd00::5]:7"]"#;
    let house = House::new(&[hosts]);
    for door in house.doors() {
        for host in [
            "sidecar:P", // a compose service
            "SideCar:P",
            "sidecar", // a web server that passes its own name on
            "shop.example.com:443",
            "127.0.0.1:9000", // a port mapping
            "10.0.0.5:P",
            "10.0.0.5",
            "[fd00:0::5]:7",
            "localhost:P",
        ] {
            door.assert_let_in(&format!("Host: {}\r\n", filled(host, door.port())));
        }
        for host in [
            "sidecar:Q",
            "sidecar.:P",
            "sidecar.evil.test:P",
            "shop.example.com",
            "shop.example.com:P",
            "localhost:9000",
            "10.0.0.5:9000",
            "[fd00::5]:P",
            "[fd00::5]",
        ] {
            let sent = format!("Host: {}\r\n", filled(host, door.port()));
            door.assert_refused(&door.ask(&sent), 421, "host_refused", &sent);
        }
    }
}

#[test]
fn the_address_that_was_connected_to_is_taken() {
    let start = |address: &str| {
        Launch::new(CONFIG)
            .set(&format!("listen.api={address}"))
            .set("listen.allow_non_loopback=true")
            .start()
    };
    // (bound to, connected to, taken there, refused there)
    let cases: [(&str, &str, &[&str], &[&str]); 4] = [
        ("127.0.0.77:0", "127.0.0.77", &["127.0.0.77", "127.0.0.1", "[::1]"], &["127.0.0.76", "[::]"]),
        ("0.0.0.0:0", "127.0.0.9", &["127.0.0.9", "localhost"], &["0.0.0.0", "127.0.0.8"]),
        ("[::]:0", "[::1]", &["[::1]", "127.0.0.1"], &["[::]", "0.0.0.0"]),
        // A socket for both families.
        ("[::]:0", "127.0.0.9", &["127.0.0.9", "localhost"], &["[::ffff:127.0.0.9]", "127.0.0.8"]),
    ];
    for (bound, connected, taken, refused) in cases {
        let sidecar = start(bound);
        let port = sidecar.api.rsplit_once(':').unwrap().1;
        let status = |host: &str| {
            let mut connection = Connection::open(&format!("{connected}:{port}"));
            connection.write(format!("GET /nowhere HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"));
            connection.read().status
        };
        for host in taken {
            assert_eq!(status(host), 404, "{host} at {connected} of {bound}");
        }
        for host in refused {
            assert_eq!(status(host), 421, "{host} at {connected} of {bound}");
        }
    }
}

#[test]
fn on_a_unix_socket_any_one_host_is_taken() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    let unix = "unix:{folder}";
    let sidecar = Launch::new(CONFIG)
        .set(&format!("listen.api={unix}/api"))
        .set(&format!("listen.admin={unix}/admin"))
        .set(&format!("listen.notifications={unix}/notify"))
        .start();
    for (socket, line, let_in) in
        [("api", "GET /nowhere", "404"), ("admin", "GET /livez", "200"), ("notify", "POST /n", "400")]
    {
        let ask = |line: &str, headers: &str| {
            let mut stream = UnixStream::connect(sidecar.folder.path().join(socket)).unwrap();
            stream.set_read_timeout(Some(crate::support::SOON)).unwrap();
            write!(stream, "{line}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let line = format!("{line} HTTP/1.1");
        for host in ["", "Host: \r\n", "Host: localhost\r\n", "Host: shop.test:1\r\n", "Host: a@b\r\n"] {
            let answer = ask(&line, host);
            assert!(answer.starts_with(&format!("HTTP/1.1 {let_in} ")), "{socket}: {host:?}: {answer}");
        }
        let two = ask(&line, "Host: a\r\nHost: a\r\n");
        assert!(two.starts_with("HTTP/1.1 421 ") && two.contains("there are 2 Host headers"), "{two}");
        let absolute = ask(&line.replacen(" /", " http://a/", 1), "Host: a\r\n");
        assert!(absolute.starts_with("HTTP/1.1 400 "), "{absolute}");
        // Browsers cannot reach it, but something could pass their requests on.
        let page = ask(&line, "Host: a\r\nOrigin: http://a\r\n");
        assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    }
}

#[test]
fn the_health_check_is_let_in_wherever_admin_is_bound() {
    for bound in ["127.0.0.1:0", "127.0.0.77:0", "0.0.0.0:0", "[::1]:0", "[::]:0", "unix:{folder}/admin"] {
        let sidecar = Launch::new(CONFIG)
            .set(&format!("listen.admin={bound}"))
            .set("listen.allow_non_loopback=true")
            .start();
        let address = match sidecar.admin.as_str() {
            "" => format!("unix:{}/admin", sidecar.folder.path().display()),
            tcp => tcp.to_owned(),
        };
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        let done = command.env_clear().args(["healthcheck", "--admin-listen", &address]).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{bound}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn what_was_seen_is_told_escaped_and_bounded() {
    let stage = Stage::new(&[]);
    let port = stage.sidecar.api.rsplit_once(':').unwrap().1.to_owned();
    let said = |host: &str| {
        let answer = stage.sidecar.raw(format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        answer.assert_failure(421, "host_refused");
        let json = answer.json();
        assert!(json["error"]["hint"].as_str().unwrap().contains("listen.allowed_hosts"), "{json}");
        json["respmsg"].as_str().unwrap().to_owned()
    };
    let taken = format!(
        "taken are 127.0.0.1, localhost and [::1], alone or with port {port}, the address that was connected to with \
         port {port}, and the names in listen.allowed_hosts"
    );
    assert_eq!(said("evil.test:1"), format!("the Host header is 'evil.test:1'; {taken}"));
    assert_eq!(said("\u{1f600}'\""), format!(r#"the Host header is '\xf0\x9f\x98\x80\'\"'; {taken}"#));
    assert_eq!(said("name:secret@evil.test"), format!("the Host header is '(user)@evil.test'; {taken}"));
    let long = said(&"a".repeat(5000));
    assert!(long.starts_with(&format!("the Host header is '{}...'", "a".repeat(80))), "{long}");
    stage.sidecar.wait_for_log(&["host_refused", "none of this listener's"]);
    assert!(!stage.sidecar.log().contains("evil.test"), "what a caller says of itself is not for the log");
    let metrics = stage.sidecar.admin("/metrics");
    let counted = metrics.text().lines().find(|line| line.contains("error=\"host_refused\"")).unwrap();
    assert!(counted.ends_with(" 4"), "{counted}");
    stage.assert_nothing_sent();
}

#[test]
fn what_a_stranger_wrote_is_told_to_it_and_not_logged() {
    let house = House::new(&["log.level=trace"]);
    for door in house.doors() {
        let text =
            door.assert_refused(&door.ask("Host: canary.test\r\n"), 421, "host_refused", "canary.test");
        assert!(text.contains("canary.test"), "{}: {text}", door.name);
        assert_eq!(door.ask(format!("Host: {}\r\nOrigin: http://canary.test\r\n", door.address)).status, 403);
    }
    for (sidecar, listener) in [(&house.sidecar, "admin listener"), (&house.alone, "sandbox")] {
        sidecar.wait_for_log(&[&format!("{listener} was refused"), "none of this listener's"]);
        assert!(!sidecar.log().contains("canary"), "{}", sidecar.log());
    }
}
