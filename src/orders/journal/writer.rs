//! The thread that writes: all rows that have come are one transaction, and one commit answers all who wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::answers::{Told, Written};
use super::checkpoint::Checkpoints;
use super::prune::Pruning;
use super::queue::{Gathered, Next, Queue};
use super::statements::Statements;
use super::watch::Watch;
use super::{Settings, hex_of};
use crate::metrics::JournalMetrics;

/// How long after a commit the next one is made at the earliest, unless all calls wait for it that are to be expected: a fraction of
/// what a call takes, and with many callers many rows share one. The first row after a pause waits for nothing.
const GATHER: Duration = Duration::from_millis(1);
/// Rows of one transaction, so that none lasts long.
const TOGETHER: usize = 2_000;
/// How long after a failure the next try is made.
const AGAIN: Duration = Duration::from_millis(100);
/// How often the newest digest goes into the log.
const TOLD: Duration = Duration::from_secs(3600);

/// What the thread needs.
pub(super) struct Writer {
    pub(super) journal: Connection,
    pub(super) queue: Arc<Queue>,
    pub(super) settings: Settings,
    pub(super) metrics: JournalMetrics,
    pub(super) checkpoints: Checkpoints,
    pub(super) watch: Watch,
}

impl Writer {
    /// Writes rows until the queue is closed and empty, then says so.
    pub(super) fn run(self, ended: oneshot::Sender<()>) {
        let Self { journal, queue, settings, metrics, mut checkpoints, watch } = self;
        if let Err(error) =
            write_until_the_end(&journal, &queue, &settings, &metrics, &mut checkpoints, watch)
        {
            tracing::error!(%error, "the journal cannot be written");
        }
        // The last connection moves what is in the -wal file, and removes it.
        drop(journal);
        // The receiver may have stopped waiting.
        let _ = ended.send(());
    }
}

fn write_until_the_end(
    journal: &Connection,
    queue: &Queue,
    settings: &Settings,
    metrics: &JournalMetrics,
    checkpoints: &mut Checkpoints,
    mut watch: Watch,
) -> rusqlite::Result<()> {
    let mut statements = Statements::prepare(journal)?;
    let mut pruning = Pruning::new(settings, journal)?;
    let mut rows = Vec::new();
    let mut counts = Vec::new();
    let mut told = Instant::now();
    let mut began = told;
    let mut failing = false;
    loop {
        let now = Instant::now();
        let next = match failing {
            // Rows that come meanwhile wait for the next try, not each for one of its own.
            true => queue.take(&mut rows, Gathered::At(now + AGAIN), now),
            false => queue.take(&mut rows, Gathered::By(began + GATHER), pruning.due().min(told + TOLD)),
        };
        began = Instant::now();
        while !rows.is_empty() {
            let now = rows.len().min(TOGETHER);
            match statements.write(&mut rows[..now]) {
                Ok(()) => {
                    if failing {
                        tracing::info!("the journal can be written again");
                    }
                    failing = false;
                    let mut bytes = 0;
                    let mut told = Told::default();
                    for waiting in rows.drain(..now) {
                        bytes += waiting.size;
                        match counts.iter_mut().find(|(kind, _)| *kind == waiting.row.kind) {
                            Some((_, count)) => *count += 1,
                            None => counts.push((waiting.row.kind, 1)),
                        }
                        if let Some(asker) = waiting.asker {
                            told.tell(asker, waiting.written);
                        }
                    }
                    counts.drain(..).for_each(|(kind, count)| metrics.wrote(kind.as_str(), count));
                    queue.written(bytes);
                    checkpoints.wrote(now);
                    // Last: who is woken may want the same processor.
                    drop(told);
                }
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "the journal cannot be written; rows are kept in memory and tried again");
                    }
                    failing = true;
                    let mut told = Told::default();
                    for waiting in &mut rows {
                        if let Some(asker) = waiting.asker.take() {
                            told.tell(asker, Written::Not);
                        }
                    }
                    break;
                }
            }
        }
        metrics.is_up(!failing && watch.is_whole(began));
        if !failing && let Err(error) = pruning.step(&mut statements) {
            tracing::warn!(%error, "old rows of the journal cannot be taken out");
        }
        let is_over = matches!(next, Next::End);
        if is_over || told.elapsed() >= TOLD {
            told = Instant::now();
            tell(&mut statements, rows.len());
        }
        if is_over {
            return Ok(());
        }
    }
}

/// The newest digest, in a place that the file does not reach.
fn tell(statements: &mut Statements, lost: usize) {
    match statements.tip() {
        Ok(tip) => tracing::info!(rows = tip.id, digest = hex_of(&tip.digest), "the journal ends here"),
        Err(error) => tracing::error!(%error, "the journal cannot be read"),
    }
    if lost > 0 {
        tracing::error!(rows = lost, "rows could not be written to the journal");
    }
}
