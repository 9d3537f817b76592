//! Sidecars inside the test's process, by the library's own start: thousands of processes would take too long.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qfpay_sidecar::app::Sidecar;
use qfpay_sidecar::base_url::UpstreamUrl;
use qfpay_sidecar::config::{Config, Request, Target, load};
use tempfile::TempDir;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::upstream::LONGEST;
use crate::support::{APP_CODE, CLIENT_KEY};

/// Every setting that differs from its default, but for those below and for the upstream's address.
const SETTINGS: &[(&str, &str)] = &[
    ("listen.api", "127.0.0.1:0"),
    ("listen.admin", ""),
    ("upstream.base_url", "http://127.0.0.1:1"), // replaced for each case
    ("upstream.browser_base_url", "https://pages.test"),
    // QFPay's 429 is one of the faults; what the quota makes of it is tested in tests/proxy/quota.rs.
    ("quota.per_second", "0"),
    ("quota.per_minute", "0"),
    ("quota.pause_ms", "0"),
    // So that an endless body shows soon that it is one.
    ("limits.answer_whole_bytes", "65536"),
    ("apps.shop.app_code", APP_CODE),
];

/// For faults that end by themselves: no deadline may be what ends them.
const PATIENT: &[(&str, &str)] = &[
    ("upstream.connect_timeout_ms", "30000"),
    ("upstream.tls_timeout_ms", "30000"),
    ("upstream.write_timeout_ms", "30000"),
    ("upstream.first_byte_timeout_ms", "30000"),
    ("upstream.call_timeout_ms", "30000"),
];

/// For faults that only a deadline ends; long enough for the payments before and behind them on a machine that is busy with other
/// tests. tests/proxy/deadlines.rs has the other deadlines.
const IMPATIENT: &[(&str, &str)] = &[
    ("upstream.connect_timeout_ms", "2000"),
    ("upstream.tls_timeout_ms", "1200"),
    ("upstream.call_timeout_ms", "2000"),
];

/// When [`IMPATIENT`] sidecars give up a TLS handshake.
pub const TLS_TIMEOUT: Duration = Duration::from_millis(1200);
/// When they give up a call.
pub const CALL_TIMEOUT: Duration = Duration::from_millis(2000);

/// For whoever follows a doubt.
const WITH_A_JOURNAL: &[(&str, &str)] = &[("orders.follow_ms", "60000"), ("orders.one_flight", "true")];

/// The two configurations, of which every case takes one with its own upstream.
pub struct Sidecars {
    patient: Mutex<Config>,
    impatient: Mutex<Config>,
    /// Whether each keeps a journal.
    journals: bool,
    started: AtomicUsize,
    folder: TempDir,
}

impl Sidecars {
    /// They trust this authority only.
    pub fn new(authority: &str, journals: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let files = [
            ("upstream.ca_file", file("ca.pem", authority)),
            ("apps.shop.client_key_file", file("key", CLIENT_KEY)),
        ];
        let config = |deadlines: &[(&str, &str)]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            let files = files.iter().map(|(key, path)| ((*key).to_owned(), path.clone()));
            let more = if journals { WITH_A_JOURNAL } else { &[] };
            let overrides = SETTINGS.iter().chain(deadlines).chain(more).map(owned).chain(files).collect();
            let empty = file("sidecar.toml", "");
            let request = Request { overrides, file: Some(empty.into()), ..Request::default() };
            Mutex::new(load(&request).unwrap_or_else(|error| panic!("{error}")))
        };
        let (patient, impatient) = (config(PATIENT), config(IMPATIENT));
        Self { patient, impatient, journals, started: AtomicUsize::default(), folder }
    }

    /// Starts one in front of this upstream.
    pub async fn start(&self, base_url: &str, patient: bool) -> Started {
        let config = if patient { &self.patient } else { &self.impatient };
        let mut config = config.lock().await;
        config.upstream.target = Target::Live(UpstreamUrl::parse(base_url).unwrap());
        let journal = self.journals.then(|| {
            let number = self.started.fetch_add(1, Ordering::Relaxed);
            self.folder.path().join(format!("journal-{number}.db"))
        });
        config.journal.file.clone_from(&journal);
        let sidecar = Sidecar::start(&config).await.unwrap_or_else(|error| panic!("{error}"));
        drop(config);
        let api = sidecar.api_address().to_string();
        let api = api.strip_prefix("http://").unwrap().parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(sidecar.serve(async move { drop(stopped.await) }));
        Started { api, journal, stop, serving }
    }
}

/// A sidecar that serves.
pub struct Started {
    pub api: SocketAddr,
    /// Its journal, if it keeps one.
    pub journal: Option<PathBuf>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<bool>,
}

impl Started {
    /// Ends it as SIGTERM does; nothing may be in flight any more. What is left is its journal.
    pub async fn stop(self) -> Option<PathBuf> {
        self.stop.send(()).unwrap();
        let finished = timeout(LONGEST, self.serving).await.expect("it ends").unwrap();
        assert!(finished, "something was still in flight");
        self.journal
    }
}
