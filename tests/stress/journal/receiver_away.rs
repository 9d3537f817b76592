//! A receiver that is away while 10,000 notifications come, with 20 kills: after `replay` it has each.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{journal, start};
use crate::support::{
    CLIENT_KEY, Connection, FakeUpstream, Reply, Stage, nobody_listens, own_ip, sqlite_value,
};

const NOTIFICATIONS: usize = 10_000;
const KILLS: usize = 20;
const SENDERS: usize = 4;

/// The body of each notification and its signature, made by Python.
fn notifications() -> Vec<(String, String)> {
    const PROGRAM: &str = r#"
import hashlib, json, sys
for n in range(int(sys.argv[1])):
    body = json.dumps({"notify_type": "payment", "out_trade_no": f"N-{n}", "syssn": f"S-{n}", "txamt": "100"})
    print(body + "\t" + hashlib.md5((body + sys.argv[2]).encode()).hexdigest().upper())"#;
    let count = NOTIFICATIONS.to_string();
    let done = Command::new("python3").args(["-c", PROGRAM, &count, CLIENT_KEY]).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(body, sign)| (body.into(), sign.into()))
        .collect()
}

/// Posts a notification as QFPay does, again and again until somebody says something.
fn post(address: &str, body: &str, sign: &str) {
    let request = format!(
        "POST /qfpay/notify HTTP/1.1\r\nHost: localhost\r\nX-QF-SIGN: {sign}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Ok(mut stream) = TcpStream::connect(address) {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            if stream.write_all(request.as_bytes()).is_ok()
                && let Some(answer) = Connection(stream).try_read()
            {
                assert_ne!(answer.status, 200, "nobody has acknowledged it");
                return answer.assert_failure(502, "receiver_unreachable");
            }
        }
        assert!(Instant::now() < deadline, "nobody listens any more");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn after_a_replay_the_receiver_has_each() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (folder.path().join("sidecar.toml"), folder.path().join("journal.db"));
    let key = folder.path().join("key");
    std::fs::write(&key, CLIENT_KEY).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let away = nobody_listens();
    let text = Stage::config("http://127.0.0.1:9").replace("{folder}", folder.path().to_str().unwrap());
    let text = text.replace("\"trace\"", "\"error\"");
    let route =
        format!("[[notifications.routes]]\npath = \"/qfpay/notify\"\nreceiver_url = \"http://{away}/n\"\n");
    let allowed = "listen.allow_non_loopback = true\n";
    std::fs::write(&config, format!("{allowed}{text}{route}")).unwrap();
    let settings = |address: &str| {
        [format!("journal.file={}", file.display()), format!("listen.notifications={address}")]
    };

    // An address of its own, so that meanwhile no other test run is given its port.
    let mut sidecar = start(&[], &config, &settings(&format!("{}:0", own_ip())));
    let address = sidecar.addresses.clone().expect("it starts")[1].clone();
    let all = notifications();
    let sent = AtomicUsize::new(0);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                while let Some((body, sign)) = all.get(next.fetch_add(1, Ordering::SeqCst)) {
                    post(&address, body, sign);
                    sent.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for kill in 1..=KILLS {
            // Spread over all of them, each at another moment of whatever happens then.
            let from = kill * NOTIFICATIONS / (KILLS + 1);
            while sent.load(Ordering::SeqCst) < from {
                thread::sleep(Duration::from_millis(1));
            }
            sidecar.kill();
            sidecar = start(&[], &config, &settings(&address));
            assert!(sidecar.addresses.is_some(), "it starts again after kill {kill}");
        }
    });
    let rows =
        sqlite_value(&file, "SELECT count(DISTINCT out_trade_no) FROM journal WHERE kind = 'notification'");
    assert_eq!(rows, NOTIFICATIONS.to_string(), "what QFPay had an answer to is on record");

    let receiver = FakeUpstream::start_at(&away.to_string());
    receiver.always(Reply::of("200 OK", "Content-Type: text/plain\r\n", "SUCCESS"));
    let mut replay = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    replay.env_clear().arg("replay").arg("--config").arg(&config).stderr(Stdio::inherit());
    replay.args(settings("127.0.0.1:0").iter().flat_map(|setting| ["--set", setting]));
    let since = Instant::now();
    let done = replay.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    let order =
        |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).unwrap()["out_trade_no"].to_string();
    let came: Vec<_> = receiver.requests().iter().map(|request| order(request.body())).collect();
    let each: BTreeSet<_> = came.iter().collect();
    assert_eq!((each.len(), came.len()), (NOTIFICATIONS, NOTIFICATIONS), "each, and each once");
    let (holds, says) = journal(&file, &["verify"]);
    assert!(holds, "{says}");
    eprintln!("{NOTIFICATIONS} notifications, {KILLS} kills; replayed in {:?}", since.elapsed());
}
