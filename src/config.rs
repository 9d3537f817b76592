//! The configuration: layers of text (defaults, a file, environment variables, flags) to resolved types.
//!
//! [`load`] reads as a table of contents. Whatever is wrong is reported at once, each with file and line, the full
//! key and a remedy; no error shows anything that could be a key. Defaults stand in `config/default.toml` only.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::access::Access;
use crate::api::{OwnStatus, Routes};
use crate::browser::Checkout;
use crate::credentials::{Keyring, LocalKey};
use crate::decode::Charset;
use crate::notification::RouteSettings;
use crate::orders::journal;
use crate::quota::StoreSettings;
use crate::sign::EmptyPolicy;
use crate::telemetry::Log;

mod answers;
mod apps;
mod callers;
mod command;
mod contradictions;
mod document;
mod doubts;
mod effective;
mod errors;
pub(crate) mod files;
pub(crate) mod folders;
mod include;
mod keys;
mod layers;
mod limits;
mod listen;
mod local_key;
mod notifications;
mod pasted;
mod proxy;
mod quota;
mod raw;
mod readers;
mod resolve;
mod restart;
mod sandbox;
mod secret_file;
mod sections;
mod selections;
mod sources;
mod unknown;
mod upgrade;
mod users;
mod written;

use raw::Raw;

pub use crate::telemetry::LogFormat;
pub use crate::upstream::Target;
pub use effective::Effective;
pub use errors::{ConfigError, Problem, is_bidirectional};
pub use folders::{Folders, Landlock};
pub use limits::Limits;
pub use listen::Listen;
pub use restart::NeedRestart;
pub use sandbox::Sandbox;
pub use sources::Files;
pub use written::Written;

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
    /// Whether programs that settings name are run. Not where the text of a configuration is anybody's, as in fuzzing.
    pub runs_programs: bool,
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
            runs_programs: true,
        }
    }
}

impl Request {
    /// Whether a flag or a variable gives this setting a value.
    pub fn sets(&self, key: &str) -> bool {
        let variable = layers::variable(key);
        self.overrides.iter().any(|(other, _)| other == key)
            || self.env.iter().any(|(name, _)| *name == variable)
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
    /// Whether the process confines itself.
    pub landlock: Landlock,
    /// The threads that serve.
    pub runtime: crate::runtime::Settings,
    /// The sidecar's own addresses.
    pub listen: Listen,
    /// Where calls go.
    pub upstream: crate::upstream::Settings,
    /// Whom calls go through on their way.
    pub proxy: Option<Arc<crate::client::Proxy>>,
    /// Which paths are signed and forwarded.
    pub routes: Routes,
    /// What happens to empty parameters.
    pub empty: EmptyPolicy,
    /// The charset of queries, and of forms that name none.
    pub charset: Charset,
    /// Under which status callers are told the sidecar's own failures.
    pub own_status: OwnStatus,
    /// Bounds on what callers can take up.
    pub limits: Limits,
    /// How many calls an app may send.
    pub quota: crate::quota::Settings,
    /// Where several sidecars count together; `None` when each counts for itself.
    pub quota_store: Option<StoreSettings>,
    /// What is done about orders in doubt.
    pub orders: crate::orders::Settings,
    /// What is put on record.
    pub journal: journal::Settings,
    /// How logs look.
    pub log: Log,
    /// QFPay's notifications.
    pub notifications: crate::notification::Settings,
    /// The paths that QFPay posts to; none when `listen.notifications` is off.
    pub notification_routes: Vec<RouteSettings>,
    /// The QFPay stand-in.
    pub sandbox: Sandbox,
    /// Hosted checkout.
    pub checkout: Checkout,
    /// Pages in the customer's browser.
    pub browser: crate::browser::Settings,
    /// The shop's own keys; with any, pages below `browser.public_prefix` are only made from what one of them signed.
    pub local_keys: Arc<[LocalKey]>,
    /// Who may call, and what he may do.
    pub access: Arc<Access>,
    /// Who signs.
    pub keyring: Arc<Keyring>,
    /// The name of a variable that names a proxy, which the sidecar does not use; `None` where QFPay is not called.
    pub unread_proxy: Option<String>,
    /// What is right, but better done otherwise: place, setting and remedy.
    pub advice: Vec<String>,
    /// What this version does otherwise than the one before it, where this configuration is touched by that.
    pub upgrade: Vec<String>,
    /// The layers that were read, in order, for the start screen. Names only.
    pub sources: Vec<String>,
    /// Whether a change of one of its files reloads it.
    pub watch: bool,
    /// What a reload may not change.
    pub need_restart: NeedRestart,
    /// Every setting, for what a reload changed.
    pub written: Written,
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

/// Reads the layers, resolves and checks them, and reads the keys.
///
/// # Errors
/// [`ConfigError`] holds every problem that was found.
pub fn load(request: &Request) -> Result<Config, ConfigError> {
    load_noting(request, &mut Files::default())
}

/// The same. Whatever comes of it, `files` then holds what was read, or should have been.
///
/// # Errors
/// As for [`load`].
pub fn load_noting(request: &Request, files: &mut Files) -> Result<Config, ConfigError> {
    let gathered = gather(request, files)?;
    resolved(request, gathered)
}

/// The same, unless `allow` refuses the files and what else the configuration names, before a key is read. It is given `None` where
/// a layer cannot be read.
///
/// # Errors
/// As for [`load`], and that of `allow`, which comes first.
pub fn load_if(
    request: &Request,
    files: &mut Files,
    allow: impl FnOnce(&Files, Option<Folders>) -> Result<(), ConfigError>,
) -> Result<Config, ConfigError> {
    let mut gathered = gather(request, files);
    let folders = gathered.as_mut().ok().map(|(raw, _)| folders::folders(raw, files.clone()));
    allow(files, folders)?;
    resolved(request, gathered?)
}

/// The settings as they were written, and the names of their layers.
fn gather(request: &Request, files: &mut Files) -> Result<(Raw, Vec<String>), ConfigError> {
    let layers = layers::Layers::gather_noting(request, files)?;
    let raw = Raw::new(&layers)?;
    let settings = raw.settings.iter().map(|(key, setting)| (key, setting.value.as_str()));
    files.add_named_by(settings, &request.env);
    Ok((raw, layers.names))
}

fn resolved(request: &Request, (mut raw, names): (Raw, Vec<String>)) -> Result<Config, ConfigError> {
    raw.problems = unknown::keys(&raw);
    contradictions::asked_for(&mut raw, request);
    raw.runs_programs = request.runs_programs;
    let config = resolve::config(&mut raw, names, &request.env);
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
    let mut raw = Raw::new(&layers::Layers::gather(request)?)?;
    listen::listen(&mut raw).ok_or_else(|| ConfigError::new(raw.problems))
}

/// Only where the journal is and what it may cost, without reading a key.
///
/// # Errors
/// [`ConfigError`] when a layer cannot be read, or a setting of `[journal]` is wrong.
pub fn load_journal(request: &Request) -> Result<journal::Settings, ConfigError> {
    let mut raw = Raw::new(&layers::Layers::gather(request)?)?;
    journal::Settings::read(&mut raw).ok_or_else(|| ConfigError::new(raw.problems))
}

/// Only the folders that the configuration names, without reading a key: what a process that confines itself has to know
/// before. Whatever comes of it, `files` then holds what was read, or should have been.
///
/// # Errors
/// [`ConfigError`] when a layer cannot be read, or the process could not confine itself to them.
pub fn load_folders(request: &Request, files: &mut Files) -> Result<Folders, ConfigError> {
    let (mut raw, _) = gather(request, files)?;
    match folders::contradiction(&mut raw) {
        Some(problem) => Err(problem.into()),
        None => Ok(folders::folders(&mut raw, files.clone())),
    }
}

/// Every effective value and its source, without reading keys and without judging values.
///
/// # Errors
/// [`ConfigError`] when a layer cannot be read: a missing file, TOML with a syntax error.
pub fn explain(request: &Request) -> Result<Vec<Effective>, ConfigError> {
    let layers = layers::Layers::gather(request)?;
    Ok(effective::list(&Raw::new(&layers)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_read_and_every_setting_has_a_default() {
        // Reading a key that default.toml lacks fails in `Raw`; keys without a reader are listed here.
        let request = Request { config_dir: PathBuf::from("/nonexistent"), ..Request::default() };
        let layers = layers::Layers::gather(&request).unwrap();
        let mut raw = Raw::new(&layers).unwrap();
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
