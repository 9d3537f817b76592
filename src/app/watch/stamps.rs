//! What files looked like: enough to see that one is another now, without reading it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::config::Files;

/// The clock of files is coarser than the system's.
const COARSE: Duration = Duration::from_millis(20);

/// What each file looked like; nothing where there was none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamps {
    files: BTreeMap<PathBuf, Option<Stamp>>,
    listed: BTreeMap<PathBuf, Listed>,
}

/// A folder of which the names were read.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    names: BTreeSet<OsString>,
    folder: Option<Stamp>,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Which content, owner and mode all set.
    changed: (i64, i64),
}

impl Stamps {
    pub fn of(files: &Files) -> Self {
        let names = |folder: &Path| {
            let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
            names.filter(|name| !name.as_encoded_bytes().starts_with(b".")).collect()
        };
        let listed = |folder: &Path| Listed { names: names(folder), folder: Stamp::of(folder) };
        Self {
            files: files.read.iter().map(|path| (path.clone(), Stamp::of(path))).collect(),
            listed: files.listed.iter().map(|folder| (folder.clone(), listed(folder))).collect(),
        }
    }

    /// Whether something is another than what was read then, as far as its time tells.
    pub fn changed_since(&self, read_at: SystemTime) -> bool {
        let listed = self.listed.values().map(|listed| &listed.folder);
        self.files.values().chain(listed).flatten().any(|stamp| stamp.is_after(read_at))
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }

    fn is_after(&self, moment: SystemTime) -> bool {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let since = since.saturating_sub(COARSE);
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        self.changed >= (seconds, i64::from(since.subsec_nanos()))
    }
}
