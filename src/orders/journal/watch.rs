//! Whether the files that are written are still those by whose names the journal is read: one that was moved or deleted is written on
//! without an error, and nobody will ever read it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file::beside;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// Which file a name means: its device and its number there.
type Id = (u64, u64);

/// The files of the journal as they were first seen.
#[derive(Debug)]
pub(super) struct Watch {
    files: [(PathBuf, Option<Id>); 3],
    due: Instant,
    is_whole: bool,
}

impl Watch {
    /// The journal is there; what SQLite keeps beside it comes with the first commit.
    pub(super) fn new(journal: &Path) -> Self {
        let files = [journal.to_owned(), beside(journal, "-wal"), beside(journal, "-shm")];
        Self {
            files: files.map(|path| (path.clone(), id(&path))),
            due: Instant::now() + EVERY,
            is_whole: true,
        }
    }

    /// Looks now and then, and says what was found last.
    pub(super) fn is_whole(&mut self, now: Instant) -> bool {
        if now < self.due {
            return self.is_whole;
        }
        self.due = now + EVERY;
        let mut gone = None;
        for (path, first) in &mut self.files {
            let found = id(path);
            if first.is_none() {
                *first = found;
            } else if *first != found {
                gone = gone.or(Some(&*path));
            }
        }
        match gone {
            Some(path) if self.is_whole => tracing::error!(
                file = %path.display(),
                "the journal's file was moved, deleted or replaced: what is written now will not be found; restart the sidecar"
            ),
            None if !self.is_whole => tracing::info!("the journal's files are where they were"),
            _ => {}
        }
        self.is_whole = gone.is_none();
        self.is_whole
    }
}

fn id(path: &Path) -> Option<Id> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
