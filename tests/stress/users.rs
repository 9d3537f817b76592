//! Whose process is at the other end: the server's verdict on connections of real users, and on those that pretend.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use qfpay_sidecar::server::{
    Address, CloseConnection, Limits, Listener, Peer, RequestBody, Server, Shutdown, SocketFile, UserLookup,
};
use tokio::runtime::Runtime;

use crate::support::SOON;

/// Users that need no name.
const SHOP: u32 = 20_001;
const OTHER: u32 = 20_002;
const OVERFLOW: u32 = 65_534;

/// A loopback address that no other test calls from, so that hardly anything else has the port that one wants again.
const OWN_ADDRESS: &str = "127.66.77.88";

const CLOSED: &str = "unknown: the connection was closed at once";
const NOT_ASKED: &str = "unknown: not asked when the connection came";

/// Only root can call as others; CI is root.
fn is_root() -> bool {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(root || std::env::var_os("CI").is_none(), "CI has to be root here");
    root
}

/// A server that answers with what it takes its caller's user for.
struct Verdicts {
    runtime: Runtime,
    listener: Option<Listener>,
    users: UserLookup,
    address: Address,
    /// What the handler saw, whether an answer arrived or not.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Verdicts {
    /// Bound, so that callers can connect; nothing is accepted before [`Verdicts::serve`].
    fn bound(address: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let users = UserLookup::default();
        let address = Address::parse(address).unwrap();
        let file = SocketFile { mode: 0o666, ..SocketFile::default() };
        let bound = runtime.block_on(Listener::bind_or_take(&address, &file, &mut Default::default()));
        let listener = bound.unwrap().with_users(&users);
        let address = listener.address().clone();
        Self { runtime, listener: Some(listener), users, address, seen: Arc::default() }
    }

    /// Bound, asking and serving.
    fn start(address: &str) -> Self {
        let mut verdicts = Self::bound(address);
        verdicts.users.set(true);
        verdicts.serve();
        verdicts
    }

    fn serve(&mut self) {
        let limits = Limits {
            connections: 64,
            headers: 100,
            head_bytes: 65536,
            header_timeout: SOON,
            idle_timeout: SOON,
            grace_period: Duration::ZERO,
        };
        let seen = self.seen.clone();
        let handler = move |_: Box<Request<RequestBody>>, peer: Peer| {
            let verdict = peer.user.to_string();
            assert_eq!(
                peer.user.uid().map(|uid| uid.to_string()),
                verdict.parse::<u32>().ok().map(|_| verdict.clone())
            );
            seen.lock().unwrap().push(verdict.clone());
            async move { Ok::<_, CloseConnection>(Response::new(Full::new(Bytes::from(verdict)))) }
        };
        let refuse = |refusal| panic!("a call was refused: {refusal:?}");
        let server = Server::new(handler, refuse, limits, Shutdown::new());
        let listener = self.listener.take().unwrap();
        self.runtime.spawn(async move { server.serve(listener).await });
    }

    /// Host and port, as the client takes them.
    fn ends(&self) -> [String; 2] {
        match &self.address {
            Address::Tcp(address) => [address.ip().to_string(), address.port().to_string()],
            Address::Unix(path) => [path.to_str().unwrap().to_owned(), "0".to_owned()],
        }
    }

    fn client(&self, uid: u32, mode: &str) -> Client {
        let [host, port] = self.ends();
        Client::start(uid, mode, &host, &port, None)
    }

    /// What a process of this user is answered.
    fn verdict(&self, uid: u32) -> String {
        self.client(uid, "ask").answer()
    }

    /// The verdict on the only request that came.
    fn only_seen(&self) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            if let [seen] = &self.seen.lock().unwrap()[..] {
                return seen.clone();
            }
            assert!(Instant::now() < deadline, "no request, or several: {:?}", self.seen.lock().unwrap());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A process of some user.
struct Client {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// From which it connected, or at which it listens; 0 if another process has the one it was told to take.
    port: u16,
}

impl Client {
    fn start(uid: u32, mode: &str, host: &str, port: &str, source: Option<u16>) -> Self {
        let script = format!("{}/tests/stress/users/client.py", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("python3");
        command.args([&script, &uid.to_string(), mode, host, port]);
        if let Some(source) = source {
            command.args([OWN_ADDRESS, &source.to_string()]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self { child, stdout, port: line.trim().parse().unwrap() }
    }

    /// Lets one that holds its connection speak.
    fn speak(&mut self) {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    }

    fn answer(mut self) -> String {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success());
        text.trim().to_owned()
    }
}

#[test]
fn the_user_of_a_process_is_named_over_tcp_and_over_a_socket() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let socket = format!("unix:{}/api.sock", folder.path().display());
    for address in ["127.0.0.1:0", "[::1]:0", "127.8.9.10:0", &socket] {
        let verdicts = Verdicts::start(address);
        for uid in [SHOP, 0, OTHER] {
            assert_eq!(verdicts.verdict(uid), uid.to_string(), "{address}");
        }
        // Everybody without a number in this namespace is told as this one.
        assert_eq!(verdicts.verdict(OVERFLOW), "unknown: a user of another namespace", "{address}");
    }
}

#[test]
fn a_listener_for_every_address_knows_loopback_callers_of_both_families() {
    if !is_root() {
        return;
    }
    for (listens, connects) in [
        ("0.0.0.0:0", "127.0.0.1"),
        ("0.0.0.0:0", "::ffff:127.0.0.1"),
        ("[::]:0", "127.0.0.1"),
        ("[::]:0", "::1"),
        ("[::]:0", "::ffff:127.0.0.1"),
        ("127.0.0.1:0", "::ffff:127.0.0.1"),
    ] {
        let verdicts = Verdicts::start(listens);
        let [_, port] = verdicts.ends();
        let client = Client::start(SHOP, "ask", connects, &port, None);
        assert_eq!(client.answer(), SHOP.to_string(), "{connects} at {listens}");
    }
}

#[test]
fn a_java_shop_is_known_though_its_socket_speaks_both_families() {
    if !is_root() {
        return;
    }
    if Command::new("java").arg("-version").stderr(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has to have Java here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let source = folder.path().join("Ask.java");
    std::fs::copy(format!("{}/tests/stress/users/Ask.java", env!("CARGO_MANIFEST_DIR")), &source).unwrap();
    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o644)).unwrap();
    let verdicts = Verdicts::start("127.0.0.1:0");
    let [host, port] = verdicts.ends();
    let mut java = Command::new("java");
    java.arg(&source).arg(format!("{host}:{port}")).current_dir("/").uid(SHOP).gid(SHOP);
    let ran = java.output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(said.trim(), SHOP.to_string(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_caller_that_sent_and_closed_its_half_is_known() {
    if !is_root() {
        return;
    }
    // Before it is accepted, so that its end is closed for sure when the kernel is asked.
    let mut verdicts = Verdicts::bound("127.0.0.1:0");
    verdicts.users.set(true);
    let half = verdicts.client(SHOP, "half");
    std::thread::sleep(Duration::from_millis(50));
    verdicts.serve();
    assert_eq!(half.answer(), SHOP.to_string());
}

#[test]
fn a_caller_that_closed_at_once_is_nobody_and_not_root() {
    if !is_root() {
        return;
    }
    for mode in ["close", "reset"] {
        let mut verdicts = Verdicts::bound("127.0.0.1:0");
        verdicts.users.set(true);
        verdicts.client(SHOP, mode).answer();
        verdicts.serve();
        // What it sent is read all the same.
        assert_eq!(verdicts.only_seen(), CLOSED, "{mode}");
    }
}

#[test]
fn a_request_left_behind_is_not_that_of_the_next_user_of_its_port() {
    if !is_root() {
        return;
    }
    for _ in 0..20 {
        let mut verdicts = Verdicts::bound("127.0.0.1:0");
        verdicts.users.set(true);
        let [host, port] = verdicts.ends();
        let attacker = Client::start(OTHER, "reset", &host, &port, Some(0));
        let source = attacker.port;
        attacker.answer();
        // The very ends that the reset connection had, and nothing but them is what the kernel is asked for.
        let mut shop = Client::start(SHOP, "hold", &host, &port, Some(source));
        if shop.port == 0 {
            shop.answer();
            continue;
        }
        assert_eq!(shop.port, source);
        verdicts.serve();
        assert_eq!(verdicts.only_seen(), CLOSED);
        shop.speak();
        assert_eq!(shop.answer(), SHOP.to_string(), "the connection that is alive is the shop's");
        return;
    }
    panic!("other processes had the port each time");
}

#[test]
fn a_forwarder_speaks_as_its_own_user() {
    if !is_root() {
        return;
    }
    let verdicts = Verdicts::start("127.0.0.1:0");
    for forwarder in [0, OTHER] {
        let through = verdicts.client(forwarder, "forward");
        let caller = Client::start(SHOP, "ask", "127.0.0.1", &through.port.to_string(), None);
        assert_eq!(caller.answer(), forwarder.to_string());
        through.answer();
    }
}

#[test]
fn nothing_is_asked_until_it_is_wanted_and_connections_from_before_end() {
    if !is_root() {
        return;
    }
    let mut verdicts = Verdicts::bound("127.0.0.1:0");
    verdicts.serve();
    let mut kept = kept(&verdicts);
    assert_eq!(ask(&mut kept), (NOT_ASKED.to_owned(), false));
    verdicts.users.set(true);
    assert_eq!(verdicts.verdict(SHOP), SHOP.to_string());
    // Its user stays unknown, so it makes room for one that is asked about.
    assert_eq!(ask(&mut kept), (NOT_ASKED.to_owned(), true));
    verdicts.users.set(false);
    assert_eq!(verdicts.verdict(SHOP), NOT_ASKED);
}

fn kept(verdicts: &Verdicts) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(verdicts.ends().join(":")).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// The verdict, and whether the connection ends with it.
fn ask(stream: &mut std::net::TcpStream) -> (String, bool) {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (String::from_utf8(body).unwrap(), head.contains("connection: close"))
}
