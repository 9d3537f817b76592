//! What the offline commands read: a body from a file or from standard input, parameters, an app by its name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::Stop;
use crate::config::Config;
use crate::credentials::App;

/// The longest body that is read, in bytes; QFPay's notifications have a few hundred.
pub(super) const LONGEST_BODY: usize = 1_048_576;

/// The app of this name, or the default one.
pub(super) fn app<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Arc<App>, Stop> {
    match name {
        None => Ok(config.keyring.default_app()),
        // The name is not repeated: it may be a pasted key.
        Some(name) => config.keyring.by_name(name).ok_or_else(|| {
            let names: Vec<_> = config.keyring.apps().iter().map(|app| app.name.as_str()).collect();
            Stop::Usage(format!("--app: there is no app of that name; there is {}", names.join(", ")))
        }),
    }
}

/// A text that was sent or pasted, safe to print: without keys, and without characters that steer a terminal.
pub(super) fn printable(config: &Config, text: &str) -> String {
    let apps = config.keyring.apps().iter();
    let keys = apps.flat_map(|app| {
        let previous = config.keyring.previous(&app.name).map(|previous| &previous.client_key);
        [Some(&app.client_key), previous].into_iter().flatten()
    });
    let blotted = keys.fold(text.to_owned(), |text, key| key.blot_out(&text));
    let own = config.local_keys.iter().chain(config.access.secrets());
    let blotted = own.fold(blotted, |text, key| key.blot_out(&text));
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    blotted.chars().map(shown).collect()
}

/// The bytes of a file; `-` is standard input.
pub(super) fn body(path: &Path) -> Result<Vec<u8>, Stop> {
    let read = match path.to_str() {
        Some("-") => bounded(io::stdin().lock()),
        _ => File::open(path).and_then(bounded),
    };
    let body = read.map_err(|cause| Stop::Usage(format!("--body {}: {cause}", path.display())))?;
    if body.len() > LONGEST_BODY {
        return Err(Stop::Usage(format!("--body {}: it is over 1 MiB", path.display())));
    }
    Ok(body)
}

fn bounded(source: impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    source.take(LONGEST_BODY as u64 + 1).read_to_end(&mut body)?;
    Ok(body)
}
