//! What `check` looks at beside the settings themselves: the files that a start opens. Nothing is made or changed.

use std::path::Path;

use super::{StartError, cannot_listen};
use crate::config::Config;
use crate::orders::journal;
use crate::server::{Address, Listener};

/// Looks at the journal's file and at those of unix sockets. Answers what is not there yet: whoever starts the sidecar may make
/// it before, as systemd does.
///
/// # Errors
/// What the start would say.
pub fn look(config: &Config) -> Result<Vec<String>, StartError> {
    let mut missing = Vec::new();
    if let Some(file) = &config.journal.file {
        journal::look(file).map_err(|cause| StartError::journal(config, file, cause))?;
        missing.extend(no_folder(config, "journal.file", file, "StateDirectory="));
    }
    for (setting, address) in config.listen.addresses() {
        Listener::look(address).map_err(|cause| cannot_listen(setting, address, config, cause))?;
        if let Address::Unix(path) = address {
            missing.extend(no_folder(config, setting, path, "RuntimeDirectory="));
        }
    }
    Ok(missing)
}

/// That the folder of a file is missing, for all that this user can see.
fn no_folder(config: &Config, setting: &str, file: &Path, made_by: &str) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let missing = folder.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let place = config.need_restart.place(setting);
    missing.then(|| {
        format!(
            "{place}{setting}: there is no folder {}, and a start fails without it; make it, or let systemd do so ({made_by})",
            folder.display()
        )
    })
}
