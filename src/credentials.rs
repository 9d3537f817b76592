//! Who signs: QFPay's `app_code` and `client_key` pairs, and the ring that holds them.
//!
//! A [`ClientKey`] has no way out of this module but `feed`, into a hasher: no `Display`, no `Serialize`, no accessor.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

mod client_key;
mod found_keys;
mod holders;
mod known_keys;
mod local_key;

pub use client_key::{BadClientKey, ClientKey, SANDBOX_CLIENT_KEY, SANDBOX_KEY_PREFIX};
pub use found_keys::FoundKeys;
pub use holders::Holders;
pub use known_keys::KnownKeys;
pub use local_key::{BadLocalKey, LocalKey, NotLocal};

/// The `app_code` in `config/sandbox.toml`: in the form that QFPay issues, and obviously made up.
pub const SANDBOX_APP_CODE: &str = "5A4DB0C55A4DB0C55A4DB0C55A4DB0C5";

/// The public identifier of a credential pair, sent as `X-QF-APPCODE`. Not a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppCode(String);

/// A text that cannot be an `app_code`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an app_code has 1 to 64 letters, digits, '_' or '-'")]
pub struct BadAppCode;

impl AppCode {
    /// Takes 1 to 64 letters, digits, `_` or `-` (QFPay issues 32 hex digits; its checkout table allows 64).
    ///
    /// # Errors
    /// [`BadAppCode`] for everything else; such a text could not travel in a header unchanged.
    pub fn new(text: &str) -> Result<Self, BadAppCode> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadAppCode)
        }
    }

    /// The whole code, as it goes on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code as people see it in logs and on screens: its first and last four characters.
    pub fn shortened(&self) -> String {
        match self.0.len() {
            0..=8 => self.0.clone(),
            n => format!("{}..{}", &self.0[..4], &self.0[n - 4..]),
        }
    }
}

impl Borrow<str> for AppCode {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shortened())
    }
}

/// The hash function. QFPay assumes MD5 unless `X-QF-SIGNTYPE` says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignType {
    /// QFPay's default.
    #[default]
    Md5,
    /// Sent with `X-QF-SIGNTYPE: SHA256`.
    Sha256,
}

impl SignType {
    /// How configurations write them.
    pub const WORDS: [(&str, Self); 2] = [("MD5", Self::Md5), ("SHA256", Self::Sha256)];

    /// QFPay's spelling, as in `X-QF-SIGNTYPE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA256",
        }
    }

    /// The case that QFPay's samples print: MD5 upper, SHA256 lower.
    pub fn usual_case(self) -> HexCase {
        match self {
            Self::Md5 => HexCase::Upper,
            Self::Sha256 => HexCase::Lower,
        }
    }
}

/// How a digest is printed. QFPay's samples use both for MD5; for SHA256 only lower case is seen in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexCase {
    /// `0123456789ABCDEF`
    Upper,
    /// `0123456789abcdef`
    Lower,
}

/// One merchant application: what QFPay issued, and how it wants to be signed for.
#[derive(Debug)]
pub struct App {
    /// The name of its `[apps.NAME]` section; stands in logs and metrics.
    pub name: String,
    /// QFPay's public identifier of the pair.
    pub app_code: AppCode,
    /// QFPay's secret of the pair.
    pub client_key: ClientKey,
    /// Where the key was read from, for people ("file /run/secrets/...").
    pub key_source: String,
    /// The shop's `mchid`, if QFPay issued one: then it is always sent, otherwise never.
    pub mchid: Option<String>,
    /// The hash for calls that are signed in headers.
    pub sign_type: SignType,
    /// How the digest is printed.
    pub hex_case: HexCase,
}

/// All apps, and which of them signs for callers that name none.
#[derive(Debug)]
pub struct Keyring {
    apps: Vec<Arc<App>>,
    default: usize,
    /// By the name of the app.
    previous: HashMap<String, PreviousKey>,
    /// Where an app stands among all, by its name.
    names: HashMap<String, usize>,
    /// The same by its code.
    codes: HashMap<AppCode, usize>,
}

/// The key that an app had before QFPay issued its present one: what QFPay signed with it still arrives for a while.
/// Only ever used to verify.
#[derive(Debug)]
pub struct PreviousKey {
    /// The name of the app.
    pub app: String,
    /// The key.
    pub client_key: ClientKey,
    /// Where it was read from, for people.
    pub key_source: String,
}

/// Why a set of apps cannot form a ring.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKeyring {
    /// Nothing to sign with.
    #[error("no app is configured")]
    NoApps,
    /// `default_app` names no app.
    #[error("default_app names '{0}', but there is no such app")]
    UnknownDefault(String),
    /// With several apps and no default, a caller that names none would be signed for at random.
    #[error("there are several apps, and default_app names none of them")]
    NoDefault,
    /// Two apps with one code: which key signs would be chance.
    #[error("apps '{0}' and '{1}' have the same app_code")]
    DuplicateAppCode(String, String),
}

impl Keyring {
    /// Forms a ring. `default_app` may be empty when there is exactly one app.
    ///
    /// # Errors
    /// [`BadKeyring`] names the apps at fault.
    pub fn new(apps: Vec<App>, default_app: &str) -> Result<Self, BadKeyring> {
        if let Some((one, other)) = Self::twins(&apps).next() {
            return Err(BadKeyring::DuplicateAppCode(one.name.clone(), other.name.clone()));
        }
        let default = Self::default_among(apps.iter().map(|app| app.name.as_str()), default_app)?;
        let names = apps.iter().enumerate().map(|(place, app)| (app.name.clone(), place)).collect();
        let codes = apps.iter().enumerate().map(|(place, app)| (app.app_code.clone(), place)).collect();
        let apps = apps.into_iter().map(Arc::new).collect();
        Ok(Self { apps, default, previous: HashMap::new(), names, codes })
    }

    /// Pairs of apps with one code.
    pub fn twins(apps: &[App]) -> impl Iterator<Item = (&App, &App)> {
        let mut seen = HashMap::new();
        apps.iter().filter_map(move |app| match seen.entry(&app.app_code) {
            Entry::Occupied(twin) => Some((*twin.get(), app)),
            Entry::Vacant(free) => {
                free.insert(app);
                None
            }
        })
    }

    /// The place of the app that signs for callers that name none, among the names of all apps.
    ///
    /// # Errors
    /// [`BadKeyring`] when that is no app, or none for sure.
    pub fn default_among<'n>(
        mut names: impl ExactSizeIterator<Item = &'n str>,
        default_app: &str,
    ) -> Result<usize, BadKeyring> {
        match (names.len(), default_app) {
            (0, _) => Err(BadKeyring::NoApps),
            (1, "") => Ok(0),
            (_, "") => Err(BadKeyring::NoDefault),
            (_, name) => names
                .position(|other| other == name)
                .ok_or_else(|| BadKeyring::UnknownDefault(name.to_owned())),
        }
    }

    /// Adds the keys that apps had before. They sign nothing.
    pub fn with_previous(self, previous: Vec<PreviousKey>) -> Self {
        let previous = previous.into_iter().map(|key| (key.app.clone(), key)).collect();
        Self { previous, ..self }
    }

    /// The key that this app had before, if it is still taken.
    pub fn previous(&self, app: &str) -> Option<&PreviousKey> {
        self.previous.get(app)
    }

    /// Every key, the previous ones too.
    pub fn keys(&self) -> impl Iterator<Item = &ClientKey> {
        let present = self.apps.iter().map(|app| &app.client_key);
        present.chain(self.previous.values().map(|previous| &previous.client_key))
    }

    /// The app that signs for callers that name none.
    pub fn default_app(&self) -> &Arc<App> {
        &self.apps[self.default]
    }

    /// The app with this code, compared to the letter.
    pub fn by_code(&self, app_code: &str) -> Option<&Arc<App>> {
        self.codes.get(app_code).map(|&place| &self.apps[place])
    }

    /// The app with this section name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<App>> {
        self.names.get(name).map(|&place| &self.apps[place])
    }

    /// The keys of an app: its own, and the one before it while a rotation lasts.
    pub fn keys_of<'k>(&'k self, app: &'k App) -> impl Iterator<Item = &'k ClientKey> {
        let previous = self.previous(&app.name).map(|previous| &previous.client_key);
        std::iter::once(&app.client_key).chain(previous)
    }

    /// Every app, in the order of their names.
    pub fn apps(&self) -> &[Arc<App>] {
        &self.apps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_codes_are_shortened_for_people() {
        let code = AppCode::new("A6A49A66B4C94EA5B6F4B4C6D3E0B8F1").unwrap();
        assert_eq!(code.shortened(), "A6A4..B8F1");
        assert_eq!(AppCode::new("bad code"), Err(BadAppCode));
        assert_eq!(AppCode::new(""), Err(BadAppCode));
    }
}
