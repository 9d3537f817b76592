//! Calls whose end is not known, read from one end of the file to the other: no index holds rows of calls.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::read::{Stored, stored};
use super::schema::COLUMNS;
use super::{CannotOpen, Reader};

/// So many rows are looked at for doubts at a start, the newest first: what a crash met is among them. A tenth of a second.
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
        Ok(doubts_from(&self.journal, 0)?)
    }
}

/// The doubts among the newest rows.
pub(super) fn latest_doubts(journal: &Connection) -> rusqlite::Result<Vec<Doubt>> {
    let newest = journal.query_row("SELECT max(id) FROM chain", [], |row| row.get::<_, Option<i64>>(0))?;
    doubts_from(journal, newest.unwrap_or(0) - LATEST)
}

fn doubts_from(journal: &Connection, first: i64) -> rusqlite::Result<Vec<Doubt>> {
    // Of one moment: a sidecar may be adding rows.
    let _moment = journal.unchecked_transaction()?;
    let mut row_of = journal.prepare(&format!("SELECT id, {COLUMNS}, digest FROM journal WHERE id = ?"))?;
    let mut of_row = |id: i64| row_of.query_row([id], stored);
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
fn open_from(journal: &Connection, first: i64) -> rusqlite::Result<BTreeMap<i64, Option<i64>>> {
    let mut open = BTreeMap::new();
    let mut all = journal.prepare(
        "SELECT id, kind, of, kind = 'end' AND (delivery IS 'unknown' OR failure IS 'response_signature_wrong')
         FROM journal WHERE id >= ? ORDER BY id",
    )?;
    let mut rows = all.query([first])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        match (row.get_ref(1)?.as_str()?, row.get::<_, Option<i64>>(2)?) {
            ("begin", _) => _ = open.insert(id, None),
            ("end", Some(of)) if row.get(3)? => {
                open.entry(of).and_modify(|end| *end = Some(id));
            }
            ("end" | "resolution", Some(of)) => _ = open.remove(&of),
            _ => {}
        }
    }
    Ok(open)
}
