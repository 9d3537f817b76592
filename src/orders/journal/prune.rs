//! Taking out what is old: the oldest rows, some at a time between commits, so that no call waits for it. Their room in the file is used
//! again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Settings;
use super::aged::Aged;
use super::chain::Digest;
use super::facts::Facts;
use super::link;
use super::moment::text_of;
use super::row::{Kind, Row, Ticket};
use super::statements::Statements;
use super::trusted::TrustedClock;

/// How often it is looked whether something is old.
const EVERY: Duration = Duration::from_secs(10);
/// The rows of as many commits are taken out in one transaction, which takes some milliseconds.
const STEP: i64 = 250;

/// When something is taken out next.
pub(super) struct Pruning {
    keep: time::Duration,
    max_bytes: u64,
    due: Instant,
    clock: TrustedClock,
    aged: Aged,
}

impl Pruning {
    /// By the clock as far as it goes on from the newest row.
    pub(super) fn new(settings: &Settings, journal: &Connection) -> rusqlite::Result<Self> {
        let keep = time::Duration::days(settings.keep_days.into());
        let newest = "SELECT id, rows FROM chain ORDER BY id DESC LIMIT 1";
        let newest: Option<(i64, String)> =
            journal.query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let newest = newest.and_then(|(id, rows)| link::lines(id, &rows).ok()?.last());
        let newest = newest.and_then(|(_, line)| OffsetDateTime::parse(&line.at, &Rfc3339).ok());
        let clock = TrustedClock::from(newest.unwrap_or_else(OffsetDateTime::now_utc));
        let max_bytes = settings.max_bytes;
        Ok(Self { keep, max_bytes, due: Instant::now(), clock, aged: Aged::default() })
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
        let Some((last, digest)) = self.last_of_step(statements)? else {
            return self.aged.tell(statements.journal);
        };
        statements.transaction(|statements| {
            statements.journal.execute("DELETE FROM chain WHERE id <= ?", [last])?;
            let mut row = Row::about(&Ticket::of(last), Kind::Pruned, &Facts::default());
            row.body = Some(Bytes::copy_from_slice(&digest));
            statements.put_alone(&row)
        })?;
        self.due = Instant::now();
        Ok(())
    }

    /// The end of the last of the links to take out now.
    fn last_of_step(&mut self, statements: &Statements) -> rusqlite::Result<Option<(i64, Digest)>> {
        let used = size(statements, "page_count")? - size(statements, "freelist_count")?;
        let mut excess = used.saturating_sub(self.max_bytes);
        let too_old = self.clock.now().map(|now| text_of(now - self.keep)).unwrap_or_default();
        // The newest row stays in any case: the chain goes on from it.
        let oldest = "SELECT id, rows, digest, coalesce(length(body), 0) FROM chain \
                      WHERE id < (SELECT max(id) FROM chain) ORDER BY id LIMIT ?";
        let mut oldest = statements.journal.prepare(oldest)?;
        let mut links = oldest.query([STEP])?;
        let mut last = None;
        while let Some(link) = links.next()? {
            let (id, text) = (link.get(0)?, link.get_ref(1)?.as_str()?);
            // What cannot be read is as old as what comes behind it.
            let Ok(lines) = link::lines(id, text) else { continue };
            let rows: Vec<_> = lines.collect();
            let newest = rows.last().map(|(_, line)| line.at.as_str()).unwrap_or_default();
            if excess == 0 && newest >= too_old.as_str() {
                break;
            }
            excess = excess.saturating_sub(text.len() as u64 + link.get::<_, i64>(3)?.unsigned_abs());
            last = Some((id, link.get(2)?));
            rows.iter().for_each(|(id, row)| self.aged.row(*id, row));
        }
        Ok(last)
    }
}

/// Pages in bytes.
fn size(statements: &Statements, pages: &str) -> rusqlite::Result<u64> {
    let number = |name| statements.journal.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((number(pages)? * number("page_size")?).unsigned_abs())
}
