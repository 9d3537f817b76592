//! A `[callers.NAME]` section: by what a caller is known, and what it may do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::credentials::{App, LocalKey};
use crate::endpoint::{self, BrowserPage, ENDPOINTS, Endpoint, Misspelt};

/// A program that may call. At least one proof is named; all that are must hold.
#[derive(Debug)]
pub struct Caller {
    /// The name of its section; stands in logs and metrics.
    pub name: String,
    /// The user that its process runs as.
    pub user: Option<u32>,
    /// What it presents in `Authorization`.
    pub token: Option<LocalKey>,
    /// With what it signs as QFPay's samples do.
    pub local_key: Option<LocalKey>,
    /// What it may do.
    pub rights: Rights,
}

/// What a caller may do.
#[derive(Debug, Default)]
pub struct Rights {
    /// The apps that may sign for it, in the order of their names; none named: any.
    pub apps: Vec<Arc<App>>,
    /// The merchants that it may name, sorted; none named: any.
    pub mchids: Vec<String>,
    /// The paths that it may call.
    pub endpoints: Endpoints,
    /// The most that one call may move, by currency, in its smallest unit; none named: no bound.
    pub max_amount: BTreeMap<String, u64>,
}

/// Paths and prefixes of QFPay's that a caller may call; none: whatever the sidecar signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints(Vec<String>);

/// Why a text is neither a prefix nor a path that a caller could call.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadEndpoint {
    /// A relative path, or none.
    #[error("write a path such as /trade/v1/query, or a prefix that ends in '/', such as /trade/v1/")]
    Slash,
    /// Anything else matches nothing.
    #[error(
        "only the characters A-Z a-z 0-9 _ . / - may stand here, no '//', and no '.' at the end of a segment"
    )]
    Characters,
    /// A prefix whose slash was forgotten would allow nothing at all.
    #[error("endpoints live below it, and it is none itself; a prefix ends in '/': {0}/")]
    Family(String),
    /// No call could use it: other spellings of an endpoint are refused.
    #[error("{0}")]
    Misspelt(Misspelt),
    /// It is open to every caller that is known.
    #[error("this is the sidecar's own: every caller may ask there, with the keys of its apps")]
    Own,
}

impl Endpoints {
    /// Takes paths of the form `/trade/v1/query` and prefixes of the form `/trade/v1/`.
    ///
    /// # Errors
    /// The first entry at fault, and what is wrong with it.
    pub fn new(entries: Vec<String>) -> Result<Self, (Option<String>, BadEndpoint)> {
        match entries.iter().find_map(|entry| check(entry).err().map(|bad| (entry.clone(), bad))) {
            Some((entry, bad)) => Err((Some(entry), bad)),
            None => Ok(Self(entries)),
        }
    }

    /// The paths and prefixes as they were written.
    pub fn entries(&self) -> &[String] {
        &self.0
    }

    /// Whether a call is allowed, by its raw path.
    pub(super) fn allow(&self, path: &str) -> bool {
        let covers = |entry: &String| entry.ends_with('/') && path.starts_with(entry.as_str());
        self.0.is_empty() || self.0.iter().any(covers) || self.name(path)
    }

    /// Whether a call is allowed by its own path and not by a prefix.
    pub(super) fn name(&self, path: &str) -> bool {
        let path = spelling(path);
        self.0.iter().any(|entry| spelling(entry) == path)
    }
}

/// The checkout has two paths, of which one ends in a slash and is no prefix.
fn spelling(path: &str) -> &str {
    let checkout = endpoint::path_of(BrowserPage::Checkstand);
    if path.strip_suffix('/') == Some(checkout) { checkout } else { path }
}

fn check(entry: &str) -> Result<(), BadEndpoint> {
    if !entry.starts_with('/') {
        return Err(BadEndpoint::Slash);
    }
    if !endpoint::is_plain_path(entry) {
        return Err(BadEndpoint::Characters);
    }
    if entry.starts_with("/sidecar/") {
        return Err(BadEndpoint::Own);
    }
    if entry.ends_with('/') {
        return Ok(());
    }
    let found = endpoint::find(entry).map_err(BadEndpoint::Misspelt)?;
    let lives_below =
        |known: &Endpoint| known.path.strip_prefix(entry).is_some_and(|rest| rest.starts_with('/'));
    match found.is_documented() || !ENDPOINTS.iter().any(lives_below) {
        true => Ok(()),
        false => Err(BadEndpoint::Family(entry.to_owned())),
    }
}

impl Caller {
    /// How many proofs it names.
    pub(super) fn proofs(&self) -> usize {
        usize::from(self.user.is_some())
            + usize::from(self.token.is_some())
            + usize::from(self.local_key.is_some())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
