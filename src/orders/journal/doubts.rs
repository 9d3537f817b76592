//! Calls whose end is not known, read from one end of the file to the other: no index holds rows of calls.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::read::{Stored, links};
use super::{CannotOpen, Reader, link};

/// So many rows are looked at for doubts at a start, the newest first: what a crash met is among them. A fifth of a second.
const LATEST: i64 = 200_000;

/// A call whose end is not known: it began and nothing more is on record, or its delivery is unknown.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The row of its beginning, with the number that QFPay gave it, and the failure that its caller was told.
    pub begin: Stored,
    /// Whether its end is on record.
    pub ended: bool,
}

impl Reader {
    /// Calls whose end is not known and that QFPay has not named since, the oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn doubts(&self) -> Result<Vec<Doubt>, CannotOpen> {
        doubts_from(&self.journal, 0)
    }
}

/// The doubts among the newest rows.
pub(super) fn latest_doubts(journal: &Connection) -> Result<Vec<Doubt>, CannotOpen> {
    let newest = journal.query_row("SELECT max(id) FROM chain", [], |row| row.get::<_, Option<i64>>(0))?;
    doubts_from(journal, newest.unwrap_or(0) - LATEST)
}

fn doubts_from(journal: &Connection, first: i64) -> Result<Vec<Doubt>, CannotOpen> {
    // Of one moment: a sidecar may be adding rows.
    let _moment = journal.unchecked_transaction()?;
    let mut link_of =
        journal.prepare("SELECT id, rows, digest FROM chain WHERE id >= ? ORDER BY id LIMIT 1")?;
    let mut of_row = |id: i64| -> Result<Stored, CannotOpen> {
        let (last, text, digest): (i64, String, Vec<u8>) =
            link_of.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let line = link::lines(last, &text)?.find(|(number, _)| *number == id).unwrap_or_default().1;
        Ok(Stored::of(id, line, &digest))
    };
    let doubts = open_from(journal, first)?.into_iter().map(|(begin, end)| {
        let (mut begin, end) = (of_row(begin)?, end.map(&mut of_row).transpose()?);
        let ended = end.is_some();
        if let Some(end) = end {
            begin.syssn = end.syssn.or(begin.syssn);
            begin.failure = end.failure;
        }
        Ok(Doubt { begin, ended })
    });
    doubts.collect()
}

/// The calls in doubt from a row on: their beginnings, each with its end if it has one. What belongs to a row comes behind it.
fn open_from(journal: &Connection, first: i64) -> Result<BTreeMap<i64, Option<i64>>, CannotOpen> {
    let mut open = BTreeMap::new();
    links(journal, first, |last, text, _| {
        for (id, line) in link::lines(last, text)? {
            match (line.kind.as_str(), line.of) {
                ("begin", _) => _ = open.insert(id, None),
                ("end", Some(of)) if line.is_open() => _ = open.entry(of).and_modify(|end| *end = Some(id)),
                ("end" | "resolution", Some(of)) => _ = open.remove(&of),
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(open)
}
