//! Killed at every write of the journal, and at each step of a call: what was sent is on record, nothing is sent twice, the
//! chain holds, and the next start knows what is in doubt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Running, journal, start};
use crate::support::{CLIENT_KEY, FakeUpstream, Load, Outcome, Reply, Stage, sqlite};

/// As many payments are tried in each run.
const CALLERS: usize = 2;
/// A run that none of these stopped has come to its end.
const MOST: usize = 60;

struct Run {
    folder: TempDir,
    upstream: FakeUpstream,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstream = FakeUpstream::start();
        upstream.always(Reply::ok(r#"{"respcd": "0000"}"#));
        let key = folder.path().join("key");
        std::fs::write(&key, CLIENT_KEY).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = Stage::config(&format!("http://{}", upstream.address));
        let config =
            config.replace("{folder}", folder.path().to_str().unwrap()).replace("\"trace\"", "\"error\"");
        std::fs::write(folder.path().join("sidecar.toml"), config).unwrap();
        Self { folder, upstream }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    /// Nobody asks QFPay by himself here: what comes to the upstream is what callers sent.
    fn start(&self, through: &[&str]) -> Running {
        let file = format!("journal.file={}", self.file().display());
        // A busy disk must not let a call pass that is not on record: that is another test.
        let wait = "journal.wait_ms=10000".to_owned();
        start(
            through,
            &self.folder.path().join("sidecar.toml"),
            &[file, "orders.follow_ms=0".to_owned(), wait],
        )
    }

    /// Pays through a sidecar that dies at its `number`th `call` in some thread. Says whether it died before it was told to.
    fn dies_at(&self, call: &str, number: usize) -> bool {
        let inject = format!("inject={call}:signal=SIGKILL:when={number}");
        let traced = format!("trace={call}");
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &inject];
        let mut sidecar = self.start(&strace);
        let Some([api, _]) = sidecar.addresses.clone() else { return true };
        let load = Load::start(&api, CALLERS, "before");
        let deadline = std::time::Instant::now() + std::time::Duration::from_millis(400);
        let died = loop {
            if sidecar.child.try_wait().unwrap().is_some() {
                break true;
            }
            if std::time::Instant::now() > deadline {
                break false;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        let payments = if died { load.finish() } else { load.end() };
        sidecar.kill();
        let answered = payments.iter().filter(|payment| matches!(payment.outcome, Outcome::Answered(_)));
        self.judge(&answered.map(|payment| payment.out_trade_no.clone()).collect::<Vec<_>>(), call, number);
        died
    }

    /// What must hold after a crash, whatever the moment.
    fn judge(&self, answered: &[String], call: &str, number: usize) {
        let at = format!("killed at {call} number {number}");
        let file = self.file();
        let mut sent = BTreeMap::new();
        for request in self.upstream.requests() {
            *sent.entry(request.param("out_trade_no").unwrap()).or_insert(0) += 1;
        }
        assert!(sent.values().all(|times| *times == 1), "{at}: sent twice: {sent:?}");
        let begun = orders(&file, "begin");
        for order in sent.keys().chain(answered) {
            assert!(begun.contains(order), "{at}: {order} was sent and is not on record");
        }
        assert_eq!(sqlite(&file, "PRAGMA integrity_check")[0][0], "ok", "{at}");
        let (holds, says) = journal(&file, &["verify"]);
        assert!(holds, "{at}: {says}");
    }

    /// The next start knows what is in doubt, sends none of it again, and goes on with the same chain.
    fn starts_again(&self, call: &str, number: usize) {
        let at = format!("killed at {call} number {number}");
        let sent = self.upstream.requests().len();
        let mut second = self.start(&[]);
        let [api, _] = second.addresses.clone().unwrap_or_else(|| panic!("{at}: it does not start again"));
        let ended = orders(&self.file(), "end");
        let doubts = journal(&self.file(), &["doubt"]).1;
        for order in orders(&self.file(), "begin").iter().filter(|order| !ended.contains(order)) {
            assert!(doubts.contains(&format!("order {order} ")), "{at}: {order} is in doubt: {doubts}");
        }
        assert_eq!(self.upstream.requests().len(), sent, "{at}: something was sent again");
        let form = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=after";
        let answer = crate::support::curl(&["-d", form, &format!("http://{api}/trade/v1/payment")]);
        assert_eq!(answer.status, 200, "{at}");
        second.kill();
        self.judge(&["after".to_owned()], call, number);
    }
}

fn orders(file: &Path, kind: &str) -> Vec<String> {
    let rows = sqlite(file, &format!("SELECT coalesce(out_trade_no, '') FROM journal WHERE kind = '{kind}'"));
    rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

/// Whether the journal has come so far that it has a table.
fn is_made(file: &Path) -> bool {
    file.exists() && sqlite(file, "SELECT count(*) FROM sqlite_schema")[0][0] != 0
}

#[test]
fn killed_at_every_write_of_the_journal() {
    let (mut kills, mut during_calls) = (0, 0);
    for number in 1..=MOST {
        let run = Run::new();
        if !run.dies_at("pwrite64", number) {
            continue;
        }
        kills += 1;
        during_calls += usize::from(is_made(&run.file()) && !orders(&run.file(), "begin").is_empty());
        run.starts_again("pwrite64", number);
    }
    eprintln!("killed at {kills} writes, {during_calls} of them with payments on record");
    assert!(kills >= MOST / 2 && during_calls >= MOST / 4, "{kills}, {during_calls}");
}

#[test]
fn killed_at_each_step_of_a_call() {
    let mut kills = BTreeMap::new();
    for call in
        ["accept4", "recvfrom", "socket", "connect", "sendto,writev,write", "epoll_wait", "futex", "fcntl"]
    {
        for number in [1, 2, 3, 5, 8, 13] {
            let run = Run::new();
            if run.dies_at(call, number) {
                *kills.entry(call).or_insert(0) += 1;
                if is_made(&run.file()) {
                    run.starts_again(call, number);
                }
            }
        }
    }
    eprintln!("killed at: {kills:?}");
    assert!(kills.len() >= 6, "{kills:?}");
}
