//! The running sidecar: its addresses, its log, and a last look for secrets when a test is done with it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Answer, CANARY, Connection, Launch, SOON, curl, leak, ports, process};

/// How long a start may take.
const READY: Duration = Duration::from_secs(10);

/// What a stream of the child has printed so far.
#[derive(Clone, Default)]
struct Output(Arc<(Mutex<(String, bool)>, Condvar)>);

impl Output {
    /// Collects a stream until its end, line by line.
    fn collect(&self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let output = self.clone();
        thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let (text, changed) = &*output.0;
                text.lock().unwrap().0.push_str(&String::from_utf8_lossy(&line));
                changed.notify_all();
                line.clear();
            }
            output.0.0.lock().unwrap().1 = true;
            output.0.1.notify_all();
        })
    }

    fn text(&self) -> String {
        self.0.0.lock().unwrap().0.clone()
    }

    /// Waits until the text is as wanted; gives up after a while, or when the stream ends.
    fn wait(&self, within: Duration, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let deadline = Instant::now() + within;
        let mut state = self.0.0.lock().unwrap();
        loop {
            if wanted(&state.0) {
                return Ok(state.0.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.1 {
                return Err(state.0.clone());
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }
}

/// A sidecar in a process of its own. Dropping it ends the process and fails the test if a secret came to light.
pub struct Sidecar {
    /// `127.0.0.1:PORT` of the listener for callers.
    pub api: String,
    /// The same for probes and metrics.
    pub admin: String,
    /// The same for QFPay's notifications, when they are on.
    pub notifications: Option<String>,
    /// The same for the embedded sandbox, when there is one.
    pub sandbox: Option<String>,
    pub folder: TempDir,
    /// Texts that must not appear in logs, on the screen, in metrics or in error answers.
    pub secrets: Vec<String>,
    child: Child,
    stdout: Output,
    stderr: Output,
    readers: Vec<JoinHandle<()>>,
    failures: Mutex<Vec<String>>,
    was_told_to_stop: AtomicBool,
}

impl Sidecar {
    /// Starts with this configuration, see [`Launch`].
    pub fn start(config: &str) -> Self {
        Launch::new(config).start()
    }

    pub(super) fn spawn(launch: Launch) -> Self {
        let mut child = launch.command().spawn().unwrap();
        let (stdout, stderr) = (Output::default(), Output::default());
        let readers =
            vec![stdout.collect(child.stdout.take().unwrap()), stderr.collect(child.stderr.take().unwrap())];
        let ready = |text: &str| text.lines().any(|line| line.starts_with("ready")) && text.ends_with('\n');
        let screen = stdout.wait(READY, ready).unwrap_or_else(|screen| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the sidecar was not ready within {READY:?}:\n{screen}{}", stderr.text())
        });
        ports::assert_chosen_by_the_system(&screen);
        let address = |label: &str| {
            let mut lines = screen.lines().map(str::trim_start);
            let line = lines.find_map(|line| line.strip_prefix(label)?.split_once("http://"));
            line.map(|(_, rest)| rest.split_whitespace().next().unwrap().to_owned())
        };
        let mut secrets = launch.secrets;
        secrets.push(CANARY.to_owned());
        Self {
            api: address("api ").unwrap_or_default(),
            admin: address("admin ").unwrap_or_default(),
            notifications: address("notify "),
            sandbox: address("sandbox "),
            folder: launch.folder,
            secrets,
            child,
            stdout,
            stderr,
            readers,
            failures: Mutex::default(),
            was_told_to_stop: AtomicBool::new(false),
        }
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The start screen.
    pub fn screen(&self) -> String {
        self.stdout.text()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.stderr.text()
    }

    /// Waits until a line of the log holds all of these words, and returns it.
    pub fn wait_for_log(&self, words: &[&str]) -> String {
        let holds = |line: &&str| words.iter().all(|word| line.contains(word));
        let found = self.stderr.wait(SOON, |text| text.lines().any(|line| holds(&line)));
        match found {
            Ok(text) => text.lines().find(holds).unwrap().to_owned(),
            Err(text) => panic!("no line of the log has {words:?}:\n{text}"),
        }
    }

    /// The URL of a path on the API listener.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.api)
    }

    /// Calls a path of the API with curl; the URL comes last.
    pub fn curl(&self, arguments: &[&str], path: &str) -> Answer {
        self.curl_with_input(arguments, b"", path)
    }

    pub fn curl_with_input(&self, arguments: &[&str], input: &[u8], path: &str) -> Answer {
        let url = self.url(path);
        let arguments: Vec<_> = arguments.iter().copied().chain([url.as_str()]).collect();
        self.seen(curl::curl_with_input(&arguments, input))
    }

    /// Opens a connection to the API.
    pub fn connect(&self) -> Connection {
        Connection::open(&self.api)
    }

    /// Sends raw bytes on a connection of their own and reads one answer.
    pub fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.connect();
        connection.write(request);
        self.seen(connection.read())
    }

    /// Keeps an error answer for the look for secrets at the end.
    pub fn seen(&self, answer: Answer) -> Answer {
        if answer.is_failure() && !answer.body.is_empty() {
            // An order number is given back on purpose, to the caller whose it is.
            let mut json = answer.json();
            json.as_object_mut().unwrap().remove("out_trade_no");
            self.failures.lock().unwrap().push(format!("{json} {:?}", answer.headers));
        }
        answer
    }

    /// A page of the admin listener.
    pub fn admin(&self, path: &str) -> Answer {
        curl::curl(&[format!("http://{}{path}", self.admin)])
    }

    /// Sends a signal, such as `TERM`, to the process.
    pub fn signal(&self, name: &str) {
        self.was_told_to_stop.store(true, Ordering::SeqCst);
        process::signal(&self.child, name);
    }

    /// Waits until the process ends by itself, and gives its exit code.
    pub fn wait_for_exit(&mut self) -> Option<i32> {
        let ended = process::ended(&mut self.child);
        ended.unwrap_or_else(|| panic!("the sidecar does not end:\n{}", self.log())).code()
    }

    /// Waits until `/readyz` says that no new calls are taken.
    pub fn wait_until_not_ready(&self) {
        let deadline = Instant::now() + SOON;
        while self.admin("/readyz").status == 200 {
            assert!(Instant::now() < deadline, "it is still ready");
        }
    }

    fn serves_metrics(&mut self) -> bool {
        let stopping = self.was_told_to_stop.load(Ordering::SeqCst);
        !stopping && !self.admin.is_empty() && matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let failed_already = thread::panicking();
        let metrics = match !failed_already && self.serves_metrics() {
            true => self.admin("/metrics").text().to_owned(),
            false => String::new(),
        };
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let log = self.log();
        if failed_already {
            let lines: Vec<_> = log.lines().collect();
            eprintln!(
                "the end of the sidecar's log:\n{}",
                lines[lines.len().saturating_sub(20)..].join("\n")
            );
            return;
        }
        assert!(!log.contains("panicked"), "the sidecar panicked:\n{log}");
        let failures = self.failures.lock().unwrap().join("\n");
        let places =
            [("log", &log), ("screen", &self.screen()), ("metrics", &metrics), ("error answers", &failures)];
        for (place, text) in places {
            let lower = text.to_ascii_lowercase();
            for secret in &self.secrets {
                if let Some(how) = leak::written_in(&lower, secret) {
                    panic!("{secret} came to light ({how}) in the {place}:\n{text}");
                }
            }
        }
    }
}
