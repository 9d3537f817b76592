//! `journal`: what is on record, read beside the sidecar that writes it.

mod doubt;
mod export;
mod find;
mod verify;

use std::path::PathBuf;

use super::args::{Args, JournalCommand, JournalOptions};
use super::{Stop, since};
use crate::config;
use crate::orders::journal::{CannotOpen, Reader};

pub(super) fn run(args: &Args, options: &JournalOptions) -> Result<(), Stop> {
    let file = file(args, options.file.clone())?;
    let failed = |cause: CannotOpen| Stop::Failed(format!("{}: {}", file.display(), cause.to_reader()));
    let journal = Reader::open(&file).map_err(failed)?;
    match &options.command {
        JournalCommand::Find { order } => find::run(&journal, order).map_err(failed)?,
        JournalCommand::Doubt => doubt::run(&journal).map_err(failed)?,
        JournalCommand::Verify { at } => return verify::run(&journal, at.as_deref()).map_err(failed)?,
        JournalCommand::Export { since, format } => {
            let since = since.as_deref().map(since::parse).transpose()?.unwrap_or_default();
            return export::run(&journal, &since, *format).map_err(failed)?;
        }
    }
    .then_some(())
    .ok_or_else(|| Stop::Failed("there is nothing about this order in the journal".to_owned()))
}

/// The file that the configuration names, read without keys, or the one that is given.
pub(super) fn file(args: &Args, given: Option<PathBuf>) -> Result<PathBuf, Stop> {
    if let Some(file) = given {
        return Ok(file);
    }
    let settings = config::load_journal(&args.config_request()?)?;
    settings
        .file
        .ok_or_else(|| Stop::Usage("journal.file is empty: this configuration keeps no journal".to_owned()))
}
