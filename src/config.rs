//! The configuration: layers of text (defaults, a file, environment variables, flags) to resolved types.
//!
//! [`load`] reads as a table of contents. Whatever is wrong is reported at once, each with file and line, the full
//! key and a remedy; no error shows anything that could be a key. Defaults stand in `config/default.toml` only.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::base_url::UpstreamUrl;
use crate::credentials::{Keyring, SignType};
use crate::endpoint::BrowserPage;
use crate::gate::Hosts;
use crate::server::Address;
use crate::sign::EmptyPolicy;

mod apps;
mod contradictions;
mod document;
mod effective;
mod errors;
pub(crate) mod files;
mod keys;
mod layers;
mod networks;
mod notifications;
mod public_prefix;
mod quota;
mod raw;
mod readers;
mod receiver;
mod resolve;
mod routes;
mod unknown;

pub use effective::Effective;
pub use errors::{ConfigError, Problem};
pub use networks::{BadNetwork, Networks};
pub use notifications::{Acknowledge, Duplicates, NotificationRoute, Notifications};
pub use public_prefix::{BadPrefix, PublicPrefix};
pub use quota::{BadStore, Quota, QuotaStore, StoreAddress, StoreHost, StorePassword};
pub use receiver::{BadReceiver, ReceiverUrl};
pub use routes::{BadRoute, Routes};

/// Which layers to read.
#[derive(Clone)]
pub struct Request {
    /// `--env`: sandbox, test or production, a file in `config_dir`. Without it and without `file`: sandbox.
    pub environment: Option<String>,
    /// `--config`: a file to read instead of an environment's.
    pub file: Option<PathBuf>,
    /// Where the environments' files are.
    pub config_dir: PathBuf,
    /// Settings from flags: key path and text value. They win over everything.
    pub overrides: Vec<(String, String)>,
    /// The process's environment variables, for `QFPAY__SECTION__KEY` and for keys. An argument, so that a test
    /// needs no process of its own. One of them may be a key, so each value is wiped when it is dropped.
    pub env: Vec<Variable>,
}

/// An environment variable: its name and its value.
pub type Variable = (String, Zeroizing<String>);

impl Default for Request {
    fn default() -> Self {
        Self {
            environment: None,
            file: None,
            config_dir: PathBuf::from("config"),
            overrides: Vec::new(),
            env: Vec::new(),
        }
    }
}

impl fmt::Debug for Request {
    /// Without the values of variables: one of them may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("environment", &self.environment)
            .field("file", &self.file)
            .field("config_dir", &self.config_dir)
            .finish_non_exhaustive()
    }
}

/// Everything that the sidecar needs to know, resolved and checked.
#[derive(Debug)]
pub struct Config {
    /// What this installation is for.
    pub environment: Environment,
    /// The sidecar's own addresses.
    pub listen: Listen,
    /// Where calls go.
    pub upstream: UpstreamConfig,
    /// Which paths are signed and forwarded.
    pub routes: Routes,
    /// What happens to empty parameters.
    pub empty: EmptyPolicy,
    /// Bounds on what callers can take up.
    pub limits: Limits,
    /// How many calls an app may send.
    pub quota: Quota,
    /// How logs look.
    pub log: Log,
    /// QFPay's notifications.
    pub notifications: Notifications,
    /// The QFPay stand-in.
    pub sandbox: Sandbox,
    /// Hosted checkout.
    pub checkout: Checkout,
    /// Pages in the customer's browser.
    pub browser: Browser,
    /// Who signs.
    pub keyring: Arc<Keyring>,
    /// What is right, but better done otherwise: place, setting and remedy.
    pub advice: Vec<String>,
    /// The layers that were read, in order, for the start screen. Names only.
    pub sources: Vec<String>,
}

/// What an installation is for; hosts and keys that do not fit are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A configuration of one's own that does not say.
    Unstated,
    /// Offline.
    Sandbox,
    /// QFPay's live test hosts.
    Test,
    /// Real money.
    Production,
}

/// The sidecar's own addresses.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where callers connect.
    pub api: Address,
    /// Health and metrics; `None` is off.
    pub admin: Option<Address>,
    /// Where QFPay's notifications arrive; `None` is off.
    pub notifications: Option<Address>,
    /// Further hosts under which the listeners are reached.
    pub allowed_hosts: Hosts,
    /// Whether addresses that other machines can reach are meant.
    pub allow_non_loopback: bool,
}

/// Where calls go, and how long they may take.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The sandbox or a host.
    pub target: Target,
    /// QFPay's host for pages in the customer's browser.
    pub browser_base_url: UpstreamUrl,
    /// A PEM file that replaces the built-in certificate authorities. It was readable, and holds a certificate.
    pub ca_file: Option<PathBuf>,
    /// For name lookup and TCP.
    pub connect_timeout: Duration,
    /// For the TLS handshake.
    pub tls_timeout: Duration,
    /// Until the whole request was taken by the system.
    pub write_timeout: Duration,
    /// From there to the first byte of the answer.
    pub first_byte_timeout: Duration,
    /// For the whole call; never shorter than `connect_timeout`.
    pub call_timeout: Duration,
    /// How long an idle connection is kept.
    pub pool_idle_timeout: Duration,
    /// What becomes of signatures on QFPay's answers.
    pub verify_responses: VerifyResponses,
}

/// What becomes of signatures on QFPay's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyResponses {
    /// They are not looked at.
    Off,
    /// The caller is told, and decides.
    Report,
    /// An answer with a wrong one is refused.
    Enforce,
}

/// What answers calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The built-in sandbox, in this process.
    Sandbox,
    /// A host of QFPay's, or a stand-in on loopback.
    Live(UpstreamUrl),
}

/// Bounds on what callers can take up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes: usize,
    /// How long a request head may take.
    pub header_timeout: Duration,
    /// How long a connection may be idle, or a caller may take to read more of an answer.
    pub idle_timeout: Duration,
    /// How long a request body may take.
    pub body_timeout: Duration,
    /// Connections open at once.
    pub connections: usize,
    /// Headers of a request.
    pub headers: usize,
    /// A request's head, in bytes.
    pub head_bytes: usize,
    /// What requests hold together beyond the first 8 KiB of each, in bytes.
    pub large_requests_bytes: usize,
    /// Calls to QFPay at once.
    pub in_flight: usize,
    /// Answers up to this many bytes are read whole before the caller sees one.
    pub answer_whole_bytes: usize,
    /// The memory for answers that are read whole, all together; never less than `answer_whole_bytes`.
    pub answer_memory_bytes: usize,
    /// How long open calls may finish after SIGTERM.
    pub shutdown_timeout: Duration,
    /// How long callers that are connected at SIGTERM are still heard.
    pub farewell: Duration,
}

/// How logs look.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// For people or for collectors.
    pub format: LogFormat,
    /// The least important level that is written.
    pub level: tracing::Level,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The QFPay stand-in.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// Where the `sandbox` command listens.
    pub listen: Address,
    /// Calls per app and second; 0 is unlimited.
    pub quota_per_second: u32,
    /// Calls per app and minute; 0 is unlimited.
    pub quota_per_minute: u32,
    /// Where notifications go for orders without a `notify_url`: http to loopback.
    pub notify_url: Option<String>,
    /// How many times faster than QFPay notifications are repeated, at least 1.
    pub time_scale: u32,
}

/// Hosted checkout (protocol sheet 3.9).
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The hash that signs checkout URLs.
    pub sign_type: SignType,
    /// How the `sign_type` parameter is written; it is signed itself.
    pub sign_type_spelling: String,
    /// Whether `lang` is signed.
    pub sign_lang: bool,
}

/// Pages in the customer's browser.
#[derive(Clone, Debug)]
pub struct Browser {
    /// The pages whose URLs are signed.
    pub pages: Vec<BrowserPage>,
    /// Hosts, in lower case, that redirect URLs may name; empty allows any.
    pub allowed_redirect_hosts: Vec<String>,
    /// Where customers' browsers reach the pages themselves; `None` is nowhere.
    pub public_prefix: Option<PublicPrefix>,
}

/// Reads the layers, resolves and checks them, and reads the keys.
///
/// # Errors
/// [`ConfigError`] holds every problem that was found.
pub fn load(request: &Request) -> Result<Config, ConfigError> {
    let layers = layers::Layers::gather(request)?;
    let mut raw = raw::Raw::new(&layers)?;
    raw.problems = unknown::keys(&raw);
    contradictions::asked_for(&mut raw, request);
    let config = resolve::config(&mut raw, layers.names, &request.env);
    match config {
        Some(config) if raw.problems.is_empty() => Ok(config),
        _ if raw.problems.is_empty() => Err(contradictions::unexplained().into()),
        _ => Err(ConfigError::new(raw.problems)),
    }
}

/// Only the sidecar's own addresses, without reading a key: what a health check needs, wherever it runs.
///
/// # Errors
/// [`ConfigError`] when a layer cannot be read, or an address is wrong.
pub fn load_listen(request: &Request) -> Result<Listen, ConfigError> {
    let mut raw = raw::Raw::new(&layers::Layers::gather(request)?)?;
    resolve::listen(&mut raw).ok_or_else(|| ConfigError::new(raw.problems))
}

/// Every effective value and its source, without reading keys and without judging values.
///
/// # Errors
/// [`ConfigError`] when a layer cannot be read: a missing file, TOML with a syntax error.
pub fn explain(request: &Request) -> Result<Vec<Effective>, ConfigError> {
    let layers = layers::Layers::gather(request)?;
    Ok(effective::list(&raw::Raw::new(&layers)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_read_and_every_setting_has_a_default() {
        // Reading a key that default.toml lacks fails in `Raw`; keys that nobody reads are listed here.
        let request = Request { config_dir: PathBuf::from("/nonexistent"), ..Request::default() };
        let layers = layers::Layers::gather(&request).unwrap();
        let mut raw = raw::Raw::new(&layers).unwrap();
        resolve::config(&mut raw, Vec::new(), &[]).unwrap();
        assert_eq!(raw.unread(), Vec::<&String>::new());
        assert_eq!(raw.problems, []);
    }

    #[test]
    fn every_default_has_its_reason_above_it() {
        let lines: Vec<_> = layers::DEFAULTS.lines().collect();
        for pair in lines.windows(2).filter(|pair| !pair[1].starts_with('#') && pair[1].contains(" = ")) {
            assert!(pair[0].starts_with("# "), "no reason above: {}", pair[1]);
        }
    }
}
