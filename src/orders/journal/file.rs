//! The files: private from their first moment on, and one serving process at a time.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::CannotOpen;

/// For the own user alone: what a shop earns stands in it.
const MODE: u32 = 0o600;

/// How every SQLite file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Held by the process that serves, for as long as it lives; the system lets go of it after a crash.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    /// The journal itself, in case the lock's file was deleted or the journal has another name. Never closed: with any handle of
    /// a file that a process closes, the system lets go of all of SQLite's locks on it.
    _journal: ManuallyDrop<File>,
}

impl Lock {
    /// Takes it, or says who has it.
    pub(super) fn take(journal: &Path) -> Result<Self, CannotOpen> {
        let path = beside(journal, ".lock");
        let mut file = private(&path)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            file.take(20).read_to_string(&mut holder)?;
            return Err(CannotOpen::Locked {
                lock: path.display().to_string(),
                holder: holder.trim().to_owned(),
            });
        }
        // Another kind of lock than SQLite's own, which it does not touch.
        let itself = ManuallyDrop::new(File::open(journal)?);
        if flock(&*itself, FlockOperation::NonBlockingLockExclusive).is_err() {
            let (lock, holder) = (journal.display().to_string(), "(unknown)".to_owned());
            return Err(CannotOpen::Locked { lock, holder });
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file, _journal: itself })
    }
}

/// Whether a process serves with this journal. The answer may be old when it is read.
pub(super) fn is_locked(journal: &Path) -> bool {
    let journal = fs::canonicalize(journal).unwrap_or_else(|_| journal.to_owned());
    let lock = File::open(beside(&journal, ".lock"));
    lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_err())
}

/// Makes the file if there is none, before SQLite would with more rights, and takes rights from one that has more. What
/// SQLite keeps beside it gets the same ones.
///
/// Gives its own path back: whatever leads to it, SQLite keeps the others beside the file itself.
pub(super) fn prepare(journal: &Path) -> io::Result<PathBuf> {
    private(journal)?;
    let journal = fs::canonicalize(journal)?;
    for name in ["-wal", "-shm"] {
        let path = beside(&journal, name);
        match fs::symlink_metadata(&path) {
            Ok(file) if file.is_file() => restrict(&File::open(&path)?, &file)?,
            Ok(_) => return Err(io::Error::other(format!("{} is no file", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(journal)
}

/// Looks at the file without opening it with SQLite, making or changing it: whether a start would find no place for a journal
/// there. Not for the process that serves with it: when it closes the file, the system takes SQLite's locks from it.
///
/// # Errors
/// What a start would say. That the file is missing, or cannot be looked at, is none.
pub fn look(journal: &Path) -> Result<(), CannotOpen> {
    is_file(journal)?;
    let mut begin = Vec::new();
    let read = File::open(journal).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    match read.is_ok() && !begin.is_empty() && begin != MAGIC {
        true => Err(CannotOpen::NotSqlite),
        false => Ok(()),
    }
}

/// Asked before opening: opening a pipe would wait.
fn is_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        true => Err(io::Error::other("it is a folder, a pipe or a device, not a file")),
        false => Ok(()),
    }
}

/// Opens or makes a file that nobody else may read.
fn private(path: &Path) -> io::Result<File> {
    is_file(path)?;
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(path)?;
    restrict(&file, &file.metadata()?)?;
    Ok(file)
}

fn restrict(file: &File, found: &Metadata) -> io::Result<()> {
    let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != user && user != 0 {
        return Err(io::Error::other(format!(
            "it belongs to user {owner}; give it to the sidecar's user with chown"
        )));
    }
    match found.mode() & 0o777 == MODE {
        true => Ok(()),
        false => file.set_permissions(Permissions::from_mode(MODE)),
    }
}

/// What stands beside the journal by this name.
pub(super) fn beside(journal: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(journal);
    name.push(what);
    name.into()
}
