//! Where a `client_key` is read from. The key itself never passes through the configuration.

use std::path::Path;

use zeroize::Zeroizing;

use super::Variable;
use super::command;
use super::errors::{looks_like_key, shown_source, without_keys};
use super::raw::Raw;
use super::secret_file::{self, Folder};
use crate::credentials::{ClientKey, SANDBOX_CLIENT_KEY};
use crate::settings::Reader;

const SOURCES: [&str; 4] =
    ["client_key_file", "client_key_env", "client_key_credential", "client_key_command"];

const PREVIOUS_SOURCES: [&str; 4] = [
    "client_key_previous_file",
    "client_key_previous_env",
    "client_key_previous_credential",
    "client_key_previous_command",
];

/// A key, where it came from (for people), and the setting that named it, if one did.
pub(super) struct FoundKey {
    pub key: ClientKey,
    pub source: String,
    pub setting: Option<String>,
}

/// What an app's settings say about one of its keys.
enum Source {
    /// None of the settings names one.
    NotNamed,
    /// Named and read.
    Read(FoundKey),
    /// Wrong; the problem was recorded.
    Bad,
}

/// Reads the key of an app from its one source. `sandbox` says whether the built-in key may stand in for none; `None` where
/// the setting that decides it is wrong itself.
pub(super) fn read(raw: &mut Raw, app: &str, sandbox: Option<bool>, env: &[Variable]) -> Option<FoundKey> {
    match from_one_of(raw, app, SOURCES, env) {
        Source::NotNamed => no_source(raw, app, sandbox?),
        Source::Read(found) => Some(found),
        Source::Bad => None,
    }
}

/// Reads the key that an app had before, if its settings name one. The outer `None` is a problem.
pub(super) fn read_previous(raw: &mut Raw, app: &str, env: &[Variable]) -> Option<Option<FoundKey>> {
    match from_one_of(raw, app, PREVIOUS_SOURCES, env) {
        Source::NotNamed => Some(None),
        Source::Read(found) => Some(Some(found)),
        Source::Bad => None,
    }
}

fn from_one_of(raw: &mut Raw, app: &str, sources: [&'static str; 4], env: &[Variable]) -> Source {
    let named: Option<Vec<(String, &str, Vec<String>)>> = sources
        .map(|name| {
            let setting = raw.app_key(app, name);
            let value = match is_command(name) {
                true => raw.entries(&setting)?,
                false => {
                    raw.text(&setting).map(|text| if text.is_empty() { Vec::new() } else { vec![text] })?
                }
            };
            Some((setting, name, value))
        })
        .into_iter()
        .collect();
    let allow_short = raw.app_key(app, "allow_short_key");
    let allow_short = raw.flag(&allow_short);
    let (Some(named), Some(allow_short)) = (named, allow_short) else { return Source::Bad };
    let mut used = named.into_iter().filter(|(_, _, value)| !value.is_empty());
    let (Some((setting, name, value)), second) = (used.next(), used.next()) else { return Source::NotNamed };
    if let Some((other, _, _)) = second {
        let place = raw.place(&other);
        raw.problem(&setting, format!("{other} ({place}) names a key as well; keep one of the two"));
        return Source::Bad;
    }
    let source = match name.rsplit('_').next() {
        Some("file") => without_keys(&format!("file {}", value[0])),
        Some("env") => without_keys(&format!("environment variable {}", value[0])),
        Some("command") => format!("command {}", command::shown(&value)),
        _ => without_keys(&format!("credential {}", value[0])),
    };
    let content = match is_command(name) {
        true if !raw.runs_programs => Err(format!("{source}: programs are not run here")),
        true => command::output(&value, env).map_err(|why| format!("{source}: {why}")),
        false => look_up(name, &value[0], env),
    };
    let key = content
        .and_then(|content| ClientKey::new(content, allow_short).map_err(|bad| format!("{source}: {bad}")));
    if key.is_ok() && name.ends_with("_env") {
        raw.advise(
            &setting,
            "the environment cannot be wiped and holds the key as long as the process lives, for root to see, and so does \
             whatever set it; a file (client_key_file) or a systemd credential is safer",
        );
    }
    match key {
        Ok(key) => Source::Read(FoundKey { key, source, setting: Some(setting) }),
        Err(what) => {
            raw.problem(&setting, what);
            Source::Bad
        }
    }
}

fn is_command(name: &str) -> bool {
    name.ends_with("_command")
}

fn no_source(raw: &mut Raw, app: &str, sandbox: bool) -> Option<FoundKey> {
    if !sandbox {
        let key = format!("apps.{app}.client_key_file");
        raw.problem(
            &key,
            "the app has no key; name the file that holds it (or set client_key_env, client_key_credential or client_key_command)",
        );
        return None;
    }
    let content = Zeroizing::new(SANDBOX_CLIENT_KEY.as_bytes().to_vec());
    let key = ClientKey::new(content, false).ok()?;
    Some(FoundKey { key, source: "built-in sandbox key".to_owned(), setting: None })
}

fn look_up(name: &str, value: &str, env: &[Variable]) -> Result<Zeroizing<Vec<u8>>, String> {
    if looks_like_key(value) {
        return Err(
            "this looks like the key itself; write it to a file (chmod 600) and name the file".to_owned()
        );
    }
    match name.rsplit('_').next() {
        Some("file") => secret_file(Path::new(value), &shown_source(value)),
        Some("env") => {
            let found = variable(env, value).ok_or_else(|| {
                format!("the environment variable that it names is not set: {}", shown_source(value))
            })?;
            Ok(Zeroizing::new(found.as_bytes().to_vec()))
        }
        _ => credential(value, env),
    }
}

fn variable<'a>(env: &'a [Variable], name: &str) -> Option<&'a str> {
    env.iter().find(|(set, _)| set == name).map(|(_, value)| value.as_str())
}

/// A systemd credential. Its folder is private to the service.
fn credential(name: &str, env: &[Variable]) -> Result<Zeroizing<Vec<u8>>, String> {
    if name.contains('/') || name == ".." || name == "." {
        return Err("a credential is named without a path, as in LoadCredential=NAME:/path".to_owned());
    }
    let Some(folder) = variable(env, "CREDENTIALS_DIRECTORY") else {
        return Err(
            "CREDENTIALS_DIRECTORY is not set; this works in a systemd unit with LoadCredential= only, \
                    elsewhere use client_key_file"
                .to_owned(),
        );
    };
    secret_file::read(&Path::new(folder).join(name), &shown_source(name), Folder::OfTheService)
}

/// Another secret, from a file that is read as key files are. `shown` is its name as people may see it.
pub(super) fn secret_file(path: &Path, shown: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    secret_file::read(path, shown, Folder::Any)
}
