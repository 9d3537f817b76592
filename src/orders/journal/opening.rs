//! Opening the journal at the start, and why it cannot be opened.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use rusqlite::ErrorCode;
use tokio::sync::oneshot;

use super::answers::Desks;
use super::checkpoint::Checkpoints;
use super::file::{self, Lock};
use super::queue::Queue;
use super::watch::Watch;
use super::writer::Writer;
use super::{Journal, Settings, Shared, doubts, schema};
use crate::metrics::Metrics;

/// Why there is no journal although one is wanted. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// A folder that is missing, a right that is missing.
    #[error("{0}; its folder must be there, and the sidecar's user must be able to write in it")]
    System(#[from] io::Error),
    /// Another sidecar serves with it.
    #[error(
        "process {holder} holds {lock}: a journal belongs to one running sidecar; stop that one, or name another file"
    )]
    Locked {
        /// The lock's file.
        lock: String,
        /// The number of the process.
        holder: String,
    },
    /// Bytes that are no SQLite file.
    #[error("this is no SQLite file; name one that does not exist yet, and it is made")]
    NotSqlite,
    /// Somebody else's SQLite file.
    #[error("this SQLite file belongs to another program; name one that does not exist yet, and it is made")]
    Foreign,
    /// There is nothing in it.
    #[error("there is no journal in this file yet: a sidecar that runs with journal.file set makes it")]
    Empty,
    /// A journal of another version of the sidecar.
    #[error(
        "this journal has schema {found}, and this version of the sidecar writes {own}; move it away, and a new one is begun. \
         Any SQLite tool reads the old one"
    )]
    Version {
        /// What the file says.
        found: i64,
        /// What this version writes.
        own: i64,
    },
    /// SQLite found it damaged.
    #[error(
        "the file is damaged: {0}; move it and its -wal and -shm files away, and a new one is begun. `sqlite3 FILE .recover` \
         reads what is left of the old one"
    )]
    Damaged(String),
    /// Anything else that SQLite says.
    #[error("{0}")]
    Sqlite(rusqlite::Error),
}

impl CannotOpen {
    /// The same for a command that only reads, where no new file is wanted.
    pub fn to_reader(&self) -> String {
        match self {
            Self::System(error) if error.kind() == io::ErrorKind::NotFound => {
                "there is no such file; a sidecar that runs with journal.file set makes it".to_owned()
            }
            Self::System(error) => error.to_string(),
            Self::NotSqlite => "this is no SQLite file, and so no journal; name the file of journal.file".to_owned(),
            Self::Foreign => {
                "this SQLite file belongs to another program, and is no journal; name the file of journal.file".to_owned()
            }
            Self::Version { found, own } => format!(
                "this journal has schema {found}, and this version of the sidecar reads {own}; read it with the version that \
                 wrote it, or with any SQLite tool"
            ),
            Self::Damaged(why) => format!("the file is damaged: {why}; `sqlite3 FILE .recover` reads what is left of it"),
            Self::Locked { .. } | Self::Empty | Self::Sqlite(_) => self.to_string(),
        }
    }
}

impl From<rusqlite::Error> for CannotOpen {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
        // A column has something else than the sidecar writes there: somebody has changed the file.
        if let InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) = error {
            return Self::Damaged(error.to_string());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotSqlite,
            // `Unknown` is what SQLite says of a row whose `facts` are no JSON.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

impl Journal {
    /// Opens or makes the file, looks at what it leaves in doubt, and starts the thread that writes. Blocks: for the start.
    ///
    /// # Errors
    /// [`CannotOpen`] says what is wrong with the file.
    pub fn open(
        path: &Path,
        settings: &Settings,
        workers: usize,
        metrics: &Metrics,
    ) -> Result<Self, CannotOpen> {
        let path = &*file::prepare(path)?;
        let lock = Lock::take(path)?;
        let journal = schema::open(path, settings.sync)?;
        let doubts = doubts::latest_doubts(&journal)?;
        let checkpoints = Checkpoints::start(path)?;
        let queue = Arc::new(Queue::default());
        let (over, ended) = oneshot::channel();
        let writer = Writer {
            journal,
            queue: queue.clone(),
            settings: settings.clone(),
            metrics: metrics.journal.clone(),
            checkpoints,
            watch: Watch::new(path),
        };
        thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(over))?;
        Ok(Self(Arc::new(Shared {
            queue,
            desks: Desks::new(workers, settings.wait),
            on_failure: settings.on_failure,
            keeps_bodies: settings.notification_bodies,
            metrics: metrics.journal.clone(),
            doubts: Mutex::new(doubts),
            ended: Mutex::new(Some(ended)),
            _lock: lock,
        })))
    }
}
