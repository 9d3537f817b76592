//! `listen.api` as a list: every address serves the API, and what is wrong with one is said of that one.

use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::support::{Connection, FakeUpstream, Launch, SOON, Stage, curl};

const PAYMENT: &str = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=1";

fn launch(upstream: &FakeUpstream) -> Launch {
    Launch::new(&Stage::config(&format!("http://{}", upstream.address)))
}

/// The addresses on a start screen, in its order.
fn addresses(screen: &str) -> Vec<String> {
    let lines = screen.lines().map(str::trim_start);
    lines.filter_map(|line| Some(line.strip_prefix("api ")?.trim().to_owned())).collect()
}

/// Pays at an address as the start screen writes it.
fn pay(address: &str) -> u16 {
    let socket = address.strip_prefix("unix:").map(|path| ["--unix-socket", path]);
    let base = if socket.is_some() { "http://localhost" } else { address };
    let mut arguments = vec!["-d".to_owned(), PAYMENT.to_owned()];
    arguments.extend(socket.into_iter().flatten().map(str::to_owned));
    arguments.push(format!("{base}/trade/v1/payment"));
    curl(&arguments).status
}

const LIST: &str =
    r#"listen.api=["127.0.0.1:0", "unix:{folder}/a.sock", "[::1]:0", "unix:{folder}/b.sock", "127.0.0.1:0"]"#;

#[test]
fn every_address_of_the_list_serves_the_api_in_every_worker() {
    for workers in ["1", "3"] {
        let upstream = FakeUpstream::start();
        let launch = launch(&upstream).set(LIST).set(&format!("runtime.workers={workers}"));
        let mut sidecar = launch.start();
        let addresses = addresses(&sidecar.screen());
        let [first, a, ipv6, b, last] = &addresses[..] else { panic!("{addresses:?}") };
        assert!(first.starts_with("http://127.0.0.1:") && last.starts_with("http://127.0.0.1:"));
        assert!(first != last && ipv6.starts_with("http://[::1]:"), "{addresses:?}");
        for round in 1..=4 {
            for address in &addresses {
                assert_eq!(pay(address), 200, "{address}");
            }
            assert_eq!(upstream.requests().len(), 5 * round);
        }
        sidecar.signal("TERM");
        assert_eq!(sidecar.wait_for_exit(), Some(0));
        for socket in [a, b] {
            let path = Path::new(socket.strip_prefix("unix:").unwrap());
            assert!(!path.exists(), "{socket} is removed at the end");
        }
    }
}

#[test]
fn connections_of_all_addresses_share_one_limit() {
    let upstream = FakeUpstream::start();
    let sidecar = launch(&upstream)
        .set("listen.api=127.0.0.1:0,127.0.0.1:0")
        .set("limits.connections=2")
        .set("limits.idle_timeout_ms=60000")
        .start();
    let addresses = addresses(&sidecar.screen());
    // Two that wait take all places, and both ways in still answer: the one that has waited longest goes.
    let host = |address: &str| address.strip_prefix("http://").unwrap().to_owned();
    let idle = |address: &str| Connection::open(&host(address));
    let mut first = idle(&addresses[0]);
    let _second = idle(&addresses[0]);
    assert_eq!(pay(&addresses[1]), 200);
    assert!(first.try_read().is_none(), "the first was evicted for a caller at the other address");
}

/// A caller whose connection finds no room in the system's queue hears nothing, and tries again a second later.
#[test]
fn four_hundred_callers_who_come_while_the_process_is_held_up_all_have_their_connection() {
    let upstream = FakeUpstream::start();
    let sidecar = launch(&upstream).set("limits.header_timeout_ms=60000").start();
    let address = sidecar.api.parse().unwrap();
    sidecar.signal("STOP");
    let came = (0..400).map(|number| {
        let connected = TcpStream::connect_timeout(&address, SOON);
        Connection(connected.unwrap_or_else(|error| {
            panic!("caller {number}, where net.core.somaxconn has to be 400 or more: {error}")
        }))
    });
    let mut callers: Vec<_> = came.collect();
    sidecar.signal("CONT");
    for caller in &mut callers {
        caller.0.set_read_timeout(Some(SOON)).unwrap();
        caller.write("POST /trade/v1/query?syssn=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(caller.read().status, 200);
    }
}

#[test]
fn the_list_may_come_from_a_file_a_variable_or_a_flag() {
    let upstream = FakeUpstream::start();
    let base = Stage::config(&format!("http://{}", upstream.address));
    let list = r#"["127.0.0.1:0", "unix:{folder}/api.sock"]"#;
    let file = Launch::new(&base.replace("listen.api = \"127.0.0.1:0\"", &format!("listen.api = {list}")));
    let plain = || Launch::new(&base);
    let starts = [
        ("file", file),
        ("variable", plain().env("QFPAY__LISTEN__API", list)),
        ("variable with commas", plain().env("QFPAY__LISTEN__API", "127.0.0.1:0, unix:{folder}/api.sock")),
        ("flag", plain().argument("--listen").argument("127.0.0.1:0,unix:{folder}/api.sock")),
    ];
    for (name, launch) in starts {
        let sidecar = launch.start();
        let addresses = addresses(&sidecar.screen());
        assert_eq!(addresses.len(), 2, "{name}: {addresses:?}");
        assert!(addresses.iter().all(|address| pay(address) == 200), "{name}");
    }
}

#[test]
fn a_socket_that_systemd_passes_is_one_of_the_list() {
    let upstream = FakeUpstream::start();
    let script = format!("{}/tests/proxy/sockets/passed.py", env!("CARGO_MANIFEST_DIR"));
    let through = |launch: Launch| launch.through(&["python3", &script, "{folder}/api.sock"]);
    let list = r#"listen.api=["127.0.0.1:0", "unix:{folder}/own.sock", "unix:{folder}/api.sock"]"#;
    let mut sidecar = through(launch(&upstream).set(list)).start();
    let addresses = addresses(&sidecar.screen());
    assert_eq!(addresses.len(), 3);
    assert!(addresses.iter().all(|address| pay(address) == 200), "{addresses:?}");
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait_for_exit(), Some(0));
    let left = |name: &str| sidecar.folder.path().join(name);
    assert!(left("api.sock").exists(), "systemd's stays");
    assert!(!left("own.sock").exists(), "the sidecar's own goes");
}

#[test]
fn what_is_wrong_with_one_address_is_said_of_that_one() {
    for (list, says) in [
        (r#"["127.0.0.1:0", "8787"]"#, "listen.api: '8787': entry 2: it is neither IP:PORT"),
        ("127.0.0.1:0,unix:relative", "listen.api: 'unix:relative': entry 2: it is neither IP:PORT"),
        ("8787", "listen.api: '8787': it is neither IP:PORT"),
        ("[]", "listen.api: callers need an address"),
        ("", "listen.api: callers need an address"),
        ("[1]", "listen.api: every entry of this list must be text in quotes"),
        (
            r#"["127.0.0.1:9", "127.0.0.1:0", "127.0.0.1:9"]"#,
            "listen.api: http://127.0.0.1:9 stands here twice",
        ),
        (r#"["unix:/run/a", "unix:/run/a"]"#, "listen.api: unix:/run/a stands here twice"),
        (
            r#"["127.0.0.1:0", "0.0.0.0:9"]"#,
            "listen.api: http://0.0.0.0:9: other machines can reach this address",
        ),
    ] {
        let ended =
            Launch::new(&Stage::config("http://127.0.0.1:9")).set(&format!("listen.api={list}")).ends();
        assert_eq!(ended.code, Some(2), "{list}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{list}: {}", ended.stderr);
    }
    let other = r#"listen.api=["127.0.0.1:0", "127.0.0.1:9"]"#;
    let ended =
        Launch::new(&Stage::config("http://127.0.0.1:9")).set(other).set("listen.admin=127.0.0.1:9").ends();
    assert!(
        ended.stderr.contains("listen.admin: listen.api (flag --listen) has the same"),
        "{}",
        ended.stderr
    );

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let list = format!(r#"listen.api=["unix:{{folder}}/api.sock", "{at}"]"#);
    let ended = Launch::new(&Stage::config("http://127.0.0.1:9")).set(&list).ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("listen.api: cannot listen on http://{at}")), "{}", ended.stderr);
    assert!(!ended.folder.path().join("api.sock").exists(), "it leaves nothing behind");
}

#[test]
fn check_shows_every_address() {
    let (_, list) = LIST.split_once('=').unwrap();
    let config = Stage::config("http://127.0.0.1:9");
    let config = config.replace("listen.api = \"127.0.0.1:0\"", &format!("listen.api = {list}"));
    let ended = Launch::new(&config).verb("check").ends();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = ended.stdout.lines().find(|line| line.contains("listen.api")).unwrap_or_default();
    for address in ["'127.0.0.1:0'", "/a.sock", "'[::1]:0'", "/b.sock"] {
        assert!(line.contains(address), "{address}: {line}");
    }
}
