//! Where a `client_key` is read from. The key itself never passes through the configuration.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::Variable;
use super::errors::{looks_like_key, shown_source, without_keys};
use super::raw::Raw;
use crate::credentials::{ClientKey, SANDBOX_CLIENT_KEY};
use crate::settings::Reader;

/// The largest key file that is read; QFPay's keys have 32 characters.
const LARGEST_KEY_FILE: usize = 4096;

const SOURCES: [&str; 3] = ["client_key_file", "client_key_env", "client_key_credential"];

const PREVIOUS_SOURCES: [&str; 3] =
    ["client_key_previous_file", "client_key_previous_env", "client_key_previous_credential"];

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

fn from_one_of(raw: &mut Raw, app: &str, sources: [&'static str; 3], env: &[Variable]) -> Source {
    let named: Option<Vec<(String, &str, String)>> = sources
        .map(|name| {
            let setting = raw.app_key(app, name);
            raw.text(&setting).map(|value| (setting, name, value))
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
    let kind = match name.rsplit('_').next() {
        Some("file") => "file",
        Some("env") => "environment variable",
        _ => "credential",
    };
    let source = without_keys(&format!("{kind} {value}"));
    let key = look_up(name, &value, env)
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

fn no_source(raw: &mut Raw, app: &str, sandbox: bool) -> Option<FoundKey> {
    if !sandbox {
        let key = format!("apps.{app}.client_key_file");
        raw.problem(
            &key,
            "the app has no key; name the file that holds it (or set client_key_env or client_key_credential)",
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
        Some("file") => key_file(Path::new(value), &shown_source(value), Visibility::OwnerOnly),
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

/// A systemd credential. Its folder is private to the service, so the mode of the file says nothing.
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
    key_file(&Path::new(folder).join(name), &shown_source(name), Visibility::FolderIsPrivate)
}

/// Another secret, from a file that is read as key files are. `shown` is its name as people may see it.
pub(super) fn secret_file(path: &Path, shown: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    key_file(path, shown, Visibility::OwnerOnly)
}

/// Who else may read a key file.
#[derive(PartialEq, Eq)]
enum Visibility {
    OwnerOnly,
    FolderIsPrivate,
}

fn key_file(path: &Path, shown: &str, visibility: Visibility) -> Result<Zeroizing<Vec<u8>>, String> {
    let told = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => format!("there is no such key file: {shown}"),
        ErrorKind::PermissionDenied => {
            format!("the key file may not be read by this user; chown it to the sidecar's user: {shown}")
        }
        _ => format!("the key file cannot be read ({}): {shown}", error.kind()),
    };
    // Asked before opening: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err(format!("this is a folder or a device, not a file with a key: {shown}"));
    }
    let mut file = File::open(path).map_err(told)?;
    let mode = file.metadata().map_err(told)?.permissions().mode() & 0o777;
    if visibility == Visibility::OwnerOnly && mode & 0o077 != 0 {
        return Err(format!(
            "other users may use this key file (mode {mode:04o}); run: chmod 600 {shown} \
             (a mounted secret: `mode: 0400` in compose, `defaultMode: 0400` in kubernetes)"
        ));
    }
    // One buffer of full size: growing would leave copies of the key behind.
    let mut content = Zeroizing::new(vec![0; LARGEST_KEY_FILE + 1]);
    let mut length = 0;
    loop {
        match file.read(&mut content[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(told(error)),
        }
    }
    match length {
        0 => Err(format!("the key file is empty: {shown}")),
        1..=LARGEST_KEY_FILE => {
            content.truncate(length);
            Ok(content)
        }
        _ => {
            Err(format!("the key file is larger than {LARGEST_KEY_FILE} bytes, so it holds no key: {shown}"))
        }
    }
}
