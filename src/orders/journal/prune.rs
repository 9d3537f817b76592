//! Taking out what is old: the oldest rows, some at a time between commits, so that no call waits for it. Their room in the file is used
//! again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use time::OffsetDateTime;

use super::chain::Digest;
use super::facts::Facts;
use super::moment::text_of;
use super::row::{Kind, Row, Ticket};
use super::statements::Statements;
use super::{Settings, link};

/// How often it is looked whether something is old.
const EVERY: Duration = Duration::from_secs(10);
/// The rows of as many commits are taken out in one transaction, which takes some milliseconds.
const STEP: i64 = 250;

/// When something is taken out next.
pub(super) struct Pruning {
    keep: time::Duration,
    max_bytes: u64,
    due: Instant,
}

impl Pruning {
    pub(super) fn new(settings: &Settings) -> Self {
        let keep = time::Duration::days(settings.keep_days.into());
        Self { keep, max_bytes: settings.max_bytes, due: Instant::now() }
    }

    /// When it wants to be called.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Takes out one step's worth of rows, if any are old or too many. Comes again soon while there are more.
    pub(super) fn step(&mut self, statements: &mut Statements) -> rusqlite::Result<()> {
        if Instant::now() < self.due {
            return Ok(());
        }
        self.due = Instant::now() + EVERY;
        let Some((last, digest)) = self.last_of_step(statements)? else { return Ok(()) };
        statements.transaction(|statements| {
            statements.journal.execute("DELETE FROM chain WHERE id <= ?", [last])?;
            let mut row = Row::about(&Ticket::of(last), Kind::Pruned, &Facts::default());
            row.body = Some(Bytes::copy_from_slice(&digest));
            statements.put_alone(&row)
        })?;
        tracing::debug!(through = last, "old rows were taken out of the journal");
        self.due = Instant::now();
        Ok(())
    }

    /// The last of the rows to take out now.
    fn last_of_step(&self, statements: &Statements) -> rusqlite::Result<Option<(i64, Digest)>> {
        let used = size(statements, "page_count")? - size(statements, "freelist_count")?;
        let too_old = text_of(OffsetDateTime::now_utc() - self.keep);
        // The newest row stays in any case: the chain goes on from it.
        let oldest =
            "SELECT id, rows, digest FROM chain WHERE id < (SELECT max(id) FROM chain) ORDER BY id LIMIT ?";
        let mut oldest = statements.journal.prepare(oldest)?;
        let mut rows = oldest.query([STEP])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            // What cannot be read is as old as what comes behind it.
            let Some(newest) = newest(id, row.get_ref(1)?.as_str()?) else { continue };
            if used <= self.max_bytes && newest >= too_old {
                break;
            }
            last = Some((id, row.get(2)?));
        }
        Ok(last)
    }
}

/// The moment of the last row of a link.
fn newest(id: i64, rows: &str) -> Option<String> {
    Some(link::lines(id, rows).ok()?.last()?.1.at)
}

/// Pages in bytes.
fn size(statements: &Statements, pages: &str) -> rusqlite::Result<u64> {
    let number = |name| statements.journal.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((number(pages)? * number("page_size")?).unsigned_abs())
}
