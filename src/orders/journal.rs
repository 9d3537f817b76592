//! The journal: what was sent, what came of it, and what QFPay told, in a file that survives a crash.
//!
//! An SQLite file that is only ever added to, and taken from at its old end. The rows of a commit are a link of a chain, which
//! carries the digest of the one before. One thread writes: what comes while it commits is the next commit. A call waits for its
//! row, but not for a disk that hangs.

mod aged;
mod answers;
mod append;
mod chain;
mod checkpoint;
mod doubts;
mod facts;
mod file;
mod link;
mod moment;
mod notifications;
mod opening;
mod prune;
mod queue;
mod read;
mod row;
mod schema;
mod settings;
mod statements;
mod trusted;
mod verify;
mod watch;
mod writer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::metrics::JournalMetrics;
use answers::{Desks, Written};
use file::Lock;
use queue::{Full, Queue, Waiting};
use row::Row;

pub use append::Appender;
pub use chain::Digest;
pub use doubts::Doubt;
pub use facts::{Facts, is_kept_whole};
pub use file::look;
pub use moment::text_of;
pub use notifications::{Kept, Which};
pub use opening::CannotOpen;
pub use read::{Reader, Stored};
pub use row::{Kind, Ticket};
pub use settings::{OnFailure, Settings};
pub use verify::{Break, Verified};

/// How long the end of the process waits for rows that are not written yet.
const LAST_CHANCE: Duration = Duration::from_secs(2);

/// A row could not be written in time, and `journal.on_failure` does not let the call pass.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the journal has not taken the call's row: {0}")]
pub struct Unavailable(Missed);

/// Why a row is not on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missed {
    Late,
    Failed,
    Full,
}

impl Missed {
    /// The label of a metric.
    fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "it was not written within journal.wait_ms",
            Self::Failed => "it cannot be written; the log says why",
            Self::Full => "too many rows wait to be written",
        })
    }
}

/// A call that was put on record, or whose row waits to be written.
#[derive(Clone, Debug)]
pub struct Begun(Ticket);

impl Begun {
    /// The row of its beginning, which a resolution refers to.
    pub fn ticket(&self) -> &Ticket {
        &self.0
    }
}

/// A notification that was put on record.
#[derive(Debug)]
pub struct Received {
    /// Its row, which attempts refer to.
    pub ticket: Ticket,
    /// Whether a receiver has acknowledged it, in this process or in an earlier one.
    pub acknowledged: bool,
}

/// The journal of this process. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    desks: Desks,
    on_failure: OnFailure,
    keeps_bodies: bool,
    metrics: JournalMetrics,
    doubts: Mutex<Vec<Doubt>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    /// Let go of at the end of the process.
    _lock: Lock,
}

impl Journal {
    /// The calls that an earlier process left in doubt, the oldest first; once, for whoever follows them.
    pub fn take_doubts(&self) -> Vec<Doubt> {
        std::mem::take(&mut *self.0.doubts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a call on record that moves money, before its first byte is sent.
    ///
    /// # Errors
    /// [`Unavailable`] when its row was not written in time and `journal.on_failure` is `refuse`. It must not be sent then,
    /// and [`Journal::end`] is not called for it.
    pub fn begin<'j>(&'j self, facts: &Facts) -> impl Future<Output = Result<Begun, Unavailable>> + use<'j> {
        let mut row = Row::new(Kind::Begin, facts);
        let begun = Begun(row.ticket());
        let written = self.write(row);
        async {
            let Err(missed) = written.await else { return Ok(begun) };
            self.judge(missed).map(|()| begun.clone()).inspect_err(|_| {
                // Its row may come to the file yet, which names it, and must not look like a call that was sent.
                if missed != Missed::Full {
                    let (delivery, failure) = (Some("not_sent"), Some("journal_unavailable"));
                    self.end(&begun, &Facts { delivery, failure, ..Facts::default() });
                }
            })
        }
    }

    /// Puts on record what became of a call, which is named again. Nothing waits for it.
    pub fn end(&self, begun: &Begun, facts: &Facts) {
        self.add(Row::about(&begun.0, Kind::End, facts));
    }

    /// Puts on record that a call was refused for want of a right. Nothing waits for it.
    pub fn refusal(&self, facts: &Facts) {
        self.add(Row::new(Kind::Refusal, facts));
    }

    /// Puts on record what QFPay has said of an order in doubt. Nothing waits for it.
    pub fn resolution(&self, of: &Ticket, facts: &Facts) {
        self.add(Row::about(of, Kind::Resolution, facts));
    }

    /// Puts a verified notification on record, unless the same one is there already, and says whether it was acknowledged.
    ///
    /// # Errors
    /// [`Unavailable`], as for [`Journal::begin`].
    pub async fn notification(
        &self,
        facts: &Facts<'_>,
        fingerprint: [u8; 32],
        body: &Bytes,
    ) -> Result<Received, Unavailable> {
        let mut row = Row::new(Kind::Notification, facts);
        row.fingerprint = Some(fingerprint);
        row.body = self.0.keeps_bodies.then(|| body.clone());
        let ticket = row.ticket();
        match self.write(row).await {
            Ok(acknowledged) => Ok(Received { ticket, acknowledged }),
            Err(missed) => self.judge(missed).map(|()| Received { ticket, acknowledged: false }),
        }
    }

    /// Puts on record what became of handing a notification over: acknowledged where there is no failure, and then it is
    /// waited for, so that what QFPay is told is on record.
    pub async fn attempt(&self, of: &Ticket, facts: &Facts<'_>) {
        let row = Row::about(of, Kind::Attempt, facts);
        match facts.failure {
            Some(_) => self.add(row),
            None => {
                if let Err(missed) = self.write(row).await {
                    self.missed(missed);
                }
            }
        }
    }

    /// Writes what still waits, and logs the newest digest. Nothing is taken afterwards.
    pub async fn finish(&self) {
        self.0.queue.close();
        let ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended
            && timeout(LAST_CHANCE, ended).await.is_err()
        {
            tracing::error!("the journal was not written to its end: the disk does not answer");
        }
    }

    /// Adds a row, at once, and waits until it is on record. Says whether it is a notification that was acknowledged.
    fn write(&self, row: Row) -> impl Future<Output = Result<bool, Missed>> + use<> {
        let (asker, hears) = self.0.desks.asker();
        let added = self.0.queue.push(Waiting::new(row, Some(asker)));
        async {
            added.map_err(|Full| Missed::Full)?;
            match hears.await {
                Ok(Written::Kept { acknowledged }) => Ok(acknowledged),
                Ok(Written::Late) => Err(Missed::Late),
                Ok(Written::Not) | Err(_) => Err(Missed::Failed),
            }
        }
    }

    /// Adds a row that nobody waits for.
    fn add(&self, row: Row) {
        if self.0.queue.push(Waiting::new(row, None)).is_err() {
            self.missed(Missed::Full);
        }
    }

    fn missed(&self, missed: Missed) {
        self.0.metrics.missed(missed.as_str());
    }

    /// Lets a call pass whose row is not on record, or not.
    fn judge(&self, missed: Missed) -> Result<(), Unavailable> {
        self.missed(missed);
        match self.0.on_failure {
            OnFailure::Pass => {
                tracing::warn!(detail = %missed, "not on record in time; it goes on (journal.on_failure = \"pass\")");
                Ok(())
            }
            OnFailure::Refuse => Err(Unavailable(missed)),
        }
    }
}

/// A digest as people and logs have it.
pub fn hex_of(digest: &Digest) -> String {
    hex::encode(digest)
}
