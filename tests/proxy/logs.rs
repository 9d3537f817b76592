//! Logs that cannot be written cost lines, never a payment.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use crate::support::{CLIENT_KEY, FakeUpstream, Stage, assert_chosen_by_the_system, curl, ended, signal};

/// A sidecar in front of a scripted upstream, whose standard error goes where the test says.
struct Logging {
    upstream: FakeUpstream,
    child: Child,
    api: String,
    _folder: tempfile::TempDir,
}

impl Logging {
    fn to(stderr: Stdio) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let (upstream, folder) = (FakeUpstream::start(), tempfile::tempdir().unwrap());
        let key = folder.path().join("key");
        std::fs::write(&key, CLIENT_KEY).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let config = Stage::config(&format!("http://{}", upstream.address));
        let file = folder.path().join("sidecar.toml");
        std::fs::write(&file, config.replace("{folder}", folder.path().to_str().unwrap())).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.arg("run").arg("--config").arg(file).env_clear();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let screen: Vec<_> = lines.take_while(|line| !line.starts_with("ready")).collect();
        assert_chosen_by_the_system(&screen.join("\n"));
        let api =
            screen.iter().find_map(|line| Some(line.trim_start().strip_prefix("api ")?.trim().to_owned()));
        Self { upstream, child, api: api.unwrap(), _folder: folder }
    }

    fn pay(&self) {
        let url = format!("{}/trade/v1/payment", self.api);
        let answer = curl(&["-d", "txamt=100&goods_name=a%26b%3D1", &url]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// It ends when it is told to, whatever has become of its log.
    fn ends(mut self) {
        signal(&self.child, "TERM");
        assert_eq!(ended(&mut self.child).expect("it does not end").code(), Some(0));
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_full_disk_under_the_log_stops_no_payment() {
    let logging = Logging::to(File::create("/dev/full").unwrap().into());
    for count in 1..=3 {
        logging.pay();
        assert_eq!(logging.upstream.requests().len(), count);
    }
    logging.ends();
}

#[test]
fn a_log_reader_that_went_away_stops_no_payment() {
    let mut logging = Logging::to(Stdio::piped());
    drop(logging.child.stderr.take());
    for count in 1..=3 {
        logging.pay();
        assert_eq!(logging.upstream.requests().len(), count);
    }
    logging.ends();
}

#[test]
fn a_log_reader_that_stalls_stops_no_payment() {
    let mut logging = Logging::to(Stdio::piped());
    // Kept open and never read: a pipe takes 64 KiB, which are fewer lines than these.
    let stalled = logging.child.stderr.take();
    let url = format!("{}/trade/v1/payment", logging.api);
    let many: Vec<_> =
        (0..600).flat_map(|_| ["-o".to_owned(), "/dev/null".to_owned(), url.clone()]).collect();
    let arguments: Vec<_> = ["-d".to_owned(), "txamt=100".to_owned()].into_iter().chain(many).collect();
    let done =
        Command::new("curl").args(["-q", "-sS", "--max-time", "60"]).args(&arguments).status().unwrap();
    assert!(done.success());
    assert_eq!(logging.upstream.requests().len(), 600);
    logging.pay();
    drop(stalled.map(|stalled| {
        std::thread::spawn(move || drop((std::thread::sleep(crate::support::SOON), stalled)))
    }));
    logging.ends();
}

#[test]
fn a_log_reader_that_was_behind_is_told_how_many_lines_it_lost() {
    let mut logging = Logging::to(Stdio::piped());
    let mut stderr = logging.child.stderr.take().unwrap();
    // Each line names some 50 KB of parameters, and 1 MiB of lines waits at most.
    let names: Vec<_> = (0..750).map(|n| format!("{:n<60}{n:04}=1", "")).collect();
    let url = format!("{}/trade/v1/payment", logging.api);
    let file = logging._folder.path().join("form");
    std::fs::write(&file, names.join("&")).unwrap();
    let form = format!("@{}", file.display());
    const CALLS: usize = 40;
    for _ in 0..CALLS {
        assert_eq!(curl(&["-d", &form, &url]).status, 200);
    }
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    // Nobody has read so far, so the loss is told behind the lines that waited.
    std::thread::sleep(std::time::Duration::from_millis(500));
    logging.ends();
    let log = log.join().unwrap();
    let told: Vec<_> = log.lines().filter_map(|line| line.split_once("were lost").map(|_| line)).collect();
    let lost: usize =
        told.iter().map(|line| line.rsplit_once("lines=").unwrap().1.parse::<usize>().unwrap()).sum();
    let written = log.lines().filter(|line| line.contains("parameters=")).count();
    assert!(lost > 0, "{told:?}");
    assert_eq!(written + lost, CALLS, "{told:?}");
}
