//! Moving what was committed from the `-wal` file to the journal: it waits for the disk, so it has a thread of its own.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use rusqlite::{Connection, OpenFlags};

use super::{CannotOpen, schema};

/// With so many pages in the `-wal` file the thread is woken at a quiet moment.
const PAGES: usize = 1_000;
/// With so many it is woken in any case, 48 MiB. Commits wait some milliseconds for the disk then, however few pages there are, and
/// calls with them: it should be rare.
const MANY: usize = 12_000;
/// A `-wal` file of more pages than this, 64 MiB, is begun anew although somebody writes, who waits for the disk meanwhile. A
/// smaller one is begun anew by itself at the first commit that finds it moved to its end.
const MOST: i64 = 16_000;
/// No commit for so long makes a quiet moment.
const QUIET: Duration = Duration::from_millis(20);
/// How long it waits for readers; meanwhile writers wait too.
const BUSY: Duration = Duration::from_millis(10);

/// Wakes the thread; dropped, it ends it.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    /// About how many were written since it was woken.
    pages: usize,
    last: Instant,
}

impl Checkpoints {
    /// Starts the thread.
    pub(super) fn start(path: &Path) -> Result<Self, CannotOpen> {
        let journal = schema::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        journal.busy_timeout(BUSY)?;
        let (wake, woken) = sync_channel(1);
        let thread = thread::Builder::new().name("journal-disk".to_owned());
        thread.spawn(move || run(&journal, &woken)).map_err(|error: io::Error| CannotOpen::System(error))?;
        Ok(Self { wake, pages: 0, last: Instant::now() })
    }

    /// So many rows more were committed at once. They take the page that was begun, new ones, and those that list these.
    pub(super) fn wrote(&mut self, rows: usize) {
        self.pages += 2 + rows / 12;
        let now = Instant::now();
        let is_quiet = now.duration_since(self.last) > QUIET;
        self.last = now;
        if self.pages >= if is_quiet { PAGES } else { MANY } {
            self.pages = 0;
            // One that is at work comes to these as well.
            let _ = self.wake.try_send(());
        }
    }
}

fn run(journal: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        let done = checkpoint(journal, "passive").and_then(|pages| match pages > MOST {
            true => checkpoint(journal, "restart"),
            false => Ok(pages),
        });
        if let Err(error) = done {
            tracing::warn!(%error, "the -wal file of the journal cannot be moved into it; it grows meanwhile");
        }
    }
}

/// The pages in the `-wal` file. A reader in the way is no error: the next one comes to it.
fn checkpoint(journal: &Connection, how: &str) -> rusqlite::Result<i64> {
    journal.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get(1))
}
