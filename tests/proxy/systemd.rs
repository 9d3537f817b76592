//! What a service manager hears over `NOTIFY_SOCKET`: a socket of the test's own in the place of systemd's.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

/// systemd's end. Reading is bounded, so that silence ends a test.
struct ServiceManager(UnixDatagram);

impl ServiceManager {
    fn start(upstream: &FakeUpstream, change: impl FnOnce(Launch) -> Launch) -> (Self, Sidecar) {
        let launch = Launch::new(&Stage::config(&format!("http://{}", upstream.address)));
        let socket = UnixDatagram::bind(launch.folder.path().join("notify")).unwrap();
        let launch = launch.env("NOTIFY_SOCKET", "{folder}/notify");
        (Self(socket), change(launch).start())
    }

    /// The next message, if one comes within this time.
    fn next(&self, within: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(within.max(Duration::from_millis(1)))).unwrap();
        let mut bytes = [0; 4096];
        let length = uninterrupted(|| self.0.recv(&mut bytes)).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// All messages up to the one that begins so, and that one.
    #[track_caller]
    fn until(&self, begin: &str) -> Vec<String> {
        let deadline = Instant::now() + SOON;
        let mut heard = Vec::new();
        while let Some(message) = self.next(deadline.saturating_duration_since(Instant::now())) {
            heard.push(message);
            if heard.last().unwrap().starts_with(begin) {
                return heard;
            }
        }
        panic!("no {begin} among {heard:?}");
    }

    /// How many signs of life come within this time.
    fn signs_of_life(&self, within: Duration) -> usize {
        let deadline = Instant::now() + within;
        let mut heard = 0;
        while Instant::now() < deadline {
            let message = self.next(deadline.saturating_duration_since(Instant::now()));
            heard += usize::from(message.is_some_and(|message| message == "WATCHDOG=1\n"));
        }
        heard
    }
}

#[test]
fn it_hears_of_the_start_of_figures_and_of_the_end() {
    let upstream = FakeUpstream::start();
    let (manager, mut sidecar) =
        ServiceManager::start(&upstream, |launch| launch.env("WATCHDOG_USEC", "400000"));
    let begin = manager.until("WATCHDOG=1");
    assert_eq!(begin[0], "READY=1\n", "{begin:?}");
    assert_eq!(
        begin[1],
        "STATUS=serving: 0 calls in flight, 0 answered, 0 of them with an unknown delivery\n"
    );
    sidecar.curl(&["-d", "txamt=1&out_trade_no=S-1"], "/trade/v1/payment");
    upstream.script([Reply::close()]);
    sidecar.curl(&["-d", "txamt=1&out_trade_no=S-2"], "/trade/v1/payment");
    manager.until("STATUS=serving: 0 calls in flight, 2 answered, 1 of them with an unknown delivery\n");
    sidecar.signal("TERM");
    let end = manager.until("STOPPING=1\n");
    assert!(end.iter().all(|message| !message.starts_with("READY")), "{end:?}");
    manager.until("STATUS=ending: ");
    assert_eq!(sidecar.wait_for_exit(), Some(0));
}

#[test]
fn it_hears_of_a_reload_and_of_one_that_changes_nothing() {
    let upstream = FakeUpstream::start();
    let (manager, sidecar) = ServiceManager::start(&upstream, |launch| launch);
    manager.until("READY=1");
    for content in [None, Some("this is no configuration")] {
        if let Some(content) = content {
            fs::write(sidecar.folder.path().join("sidecar.toml"), content).unwrap();
        }
        sidecar.signal("HUP");
        let begin = manager.until("RELOADING=1").pop().unwrap();
        let clock = begin.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{begin}"));
        assert!(clock.trim_end().parse::<u64>().unwrap() > 0);
        manager.until("READY=1\n");
    }
    sidecar.wait_for_log(&["nothing was changed"]);
}

#[test]
fn without_a_watchdog_there_are_no_signs_of_life() {
    let upstream = FakeUpstream::start();
    for change in [
        |launch: Launch| launch,
        |launch: Launch| launch.env("WATCHDOG_USEC", "0"),
        // Meant for another process.
        |launch: Launch| launch.env("WATCHDOG_USEC", "200000").env("WATCHDOG_PID", "1"),
    ] {
        let (manager, _sidecar) = ServiceManager::start(&upstream, change);
        manager.until("STATUS=");
        assert_eq!(manager.signs_of_life(Duration::from_millis(500)), 0);
    }
}

/// A thread that is stopped, while all others run. Only root may look into a sidecar so.
struct Held(Child);

impl Held {
    fn thread(sidecar: &Sidecar, name: &str) -> Self {
        let tasks = fs::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap().map(|task| task.unwrap());
        let mut tasks =
            tasks.filter(|task| fs::read_to_string(task.path().join("comm")).unwrap().trim() == name);
        let task = tasks.next().unwrap_or_else(|| panic!("no thread {name}")).file_name();
        let script = "import ctypes, os, sys\n\
                      libc, thread = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])\n\
                      if libc.ptrace(16, thread, None, None): sys.exit(os.strerror(ctypes.get_errno()))\n\
                      os.waitpid(thread, 0x40000000)\n\
                      print('held', flush=True)\n\
                      sys.stdin.read()\n\
                      libc.ptrace(17, thread, None, None)\n";
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(task).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }

    fn let_go(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn the_watchdog_fails_when_any_runtime_hangs() {
    if !is_root() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can stop a single thread of a sidecar");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"));
        return;
    }
    let upstream = FakeUpstream::start();
    let (manager, sidecar) = ServiceManager::start(&upstream, |launch| {
        launch.env("WATCHDOG_USEC", "1000000").env("QFPAY__RUNTIME__WORKERS", "2")
    });
    manager.until("WATCHDOG=1");
    for thread in ["qfpay-sidecar", "worker-1"] {
        let held = Held::thread(&sidecar, thread);
        // What was on its way, and half of the time that systemd waits.
        manager.signs_of_life(Duration::from_millis(900));
        assert_eq!(manager.signs_of_life(Duration::from_secs(1)), 0, "{thread} hangs");
        held.let_go();
        manager.until("WATCHDOG=1");
        assert!(manager.signs_of_life(Duration::from_secs(2)) >= 2);
    }
    assert_eq!(sidecar.curl(&["-d", "txamt=1"], "/trade/v1/payment").status, 200);
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_manager_that_does_not_listen_stops_nothing() {
    let upstream = FakeUpstream::start();
    let launch = Launch::new(&Stage::config(&format!("http://{}", upstream.address)));
    let sidecar = launch.env("NOTIFY_SOCKET", "{folder}/nobody").env("WATCHDOG_USEC", "100000").start();
    sidecar.wait_for_log(&[" WARN ", "NOTIFY_SOCKET"]);
    assert_eq!(sidecar.curl(&["-d", "txamt=1"], "/trade/v1/payment").status, 200);
    assert_eq!(sidecar.log().matches("NOTIFY_SOCKET").count(), 1);
}
