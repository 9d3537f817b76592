//! Reading a journal: beside the sidecar that writes it, or what an earlier process left.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use serde::Serialize;

use super::row::Ticket;
use super::schema::{self, COLUMNS};
use super::{CannotOpen, file};

/// So many rows are looked at for doubts at a start, the newest first: what a crash met is among them.
const LATEST: i64 = 200_000;

/// A call whose end is not known: it began and nothing more is on record, or its delivery is unknown.
#[derive(Clone, Debug, Serialize)]
pub struct Doubt {
    /// The row of its beginning.
    #[serde(serialize_with = "number")]
    pub row: Ticket,
    /// When it began.
    pub at: String,
    /// By which it is found in the log.
    pub request_id: Option<String>,
    /// The app that signed it.
    pub app: Option<String>,
    /// The merchant.
    pub mchid: Option<String>,
    /// What was called.
    pub endpoint: Option<String>,
    /// The shop's number.
    pub out_trade_no: Option<String>,
    /// QFPay's number.
    pub syssn: Option<String>,
    /// `txamt` as it was sent.
    pub amount: Option<String>,
    /// `txcurrcd` as it was sent.
    pub currency: Option<String>,
    /// The code of the failure that its caller was told; none where it has no end.
    pub failure: Option<String>,
    /// Whether its end is on record.
    pub ended: bool,
}

/// A row as it stands in the file, without its body.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stored {
    /// Its number.
    pub id: i64,
    /// When it was made.
    pub at: String,
    /// What it tells of.
    pub kind: String,
    /// The row that it belongs to.
    pub of: Option<i64>,
    /// By which it is found in the log.
    pub request_id: Option<String>,
    /// Who called.
    pub caller: Option<String>,
    /// The app.
    pub app: Option<String>,
    /// The merchant.
    pub mchid: Option<String>,
    /// The path that was called.
    pub endpoint: Option<String>,
    /// The shop's number.
    pub out_trade_no: Option<String>,
    /// QFPay's number.
    pub syssn: Option<String>,
    /// `txamt` as it was sent.
    pub amount: Option<String>,
    /// `txcurrcd` as it was sent.
    pub currency: Option<String>,
    /// Whether it arrived.
    pub delivery: Option<String>,
    /// QFPay's code.
    pub respcd: Option<String>,
    /// The code of the sidecar's own failure.
    pub failure: Option<String>,
    /// What the order has become.
    pub state: Option<String>,
    /// The path or the route of a notification.
    pub route: Option<String>,
    /// The digest of the row, in hex.
    pub digest: String,
}

/// A journal that is only read.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    pub(super) journal: Connection,
}

impl Reader {
    /// Opens it. A sidecar may be writing it meanwhile.
    ///
    /// # Errors
    /// [`CannotOpen`] says what is wrong with the file.
    pub fn open(path: &Path) -> Result<Self, CannotOpen> {
        // SQLite would make one.
        std::fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), journal: schema::open_to_read(path)? })
    }

    /// Whether a sidecar is serving with it, so that calls without an end may be in flight.
    pub fn is_in_use(&self) -> bool {
        file::is_locked(&self.path)
    }

    /// All rows about an order, by the shop's number or QFPay's; those of its refunds, which name QFPay's, are among them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn find(&self, order: &str, each: impl FnMut(Stored)) -> Result<(), CannotOpen> {
        let both = "
            WITH numbers (number) AS (
              SELECT ?1 UNION SELECT syssn FROM journal WHERE out_trade_no = ?1 AND syssn IS NOT NULL),
            named (id) AS (
              SELECT id FROM journal WHERE out_trade_no = ?1
              UNION SELECT j.id FROM numbers n JOIN journal j ON j.syssn = n.number),
            begun (id) AS (SELECT coalesce(j.of, j.id) FROM named n JOIN journal j ON j.id = n.id)
            SELECT id FROM begun UNION SELECT j.id FROM begun b JOIN journal j ON j.of = b.id";
        self.rows(&format!("WHERE id IN ({both}) ORDER BY id"), &[&order], each)
    }

    /// All rows from a moment on, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn since(&self, at: &str, each: impl FnMut(Stored)) -> Result<(), CannotOpen> {
        self.rows("WHERE at >= ?1 ORDER BY id", &[&at], each)
    }

    /// Calls whose end is not known and that QFPay has not named since, the oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn doubts(&self) -> Result<Vec<Doubt>, CannotOpen> {
        Ok(doubts_from(&self.journal, 0)?)
    }

    fn rows(
        &self,
        which: &str,
        values: &[&dyn ToSql],
        mut each: impl FnMut(Stored),
    ) -> Result<(), CannotOpen> {
        let mut found =
            self.journal.prepare(&format!("SELECT id, {COLUMNS}, digest FROM journal {which}"))?;
        let mut rows = found.query(values)?;
        while let Some(row) = rows.next()? {
            each(stored(row)?);
        }
        Ok(())
    }
}

fn stored(row: &Row) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        of: row.get(3)?,
        request_id: row.get(4)?,
        caller: row.get(5)?,
        app: row.get(6)?,
        mchid: row.get(7)?,
        endpoint: row.get(8)?,
        out_trade_no: row.get(9)?,
        syssn: row.get(10)?,
        amount: row.get(11)?,
        currency: row.get(12)?,
        delivery: row.get(13)?,
        respcd: row.get(14)?,
        failure: row.get(15)?,
        state: row.get(16)?,
        route: row.get(17)?,
        digest: hex::encode(row.get_ref(20)?.as_blob()?),
    })
}

/// The doubts among the newest rows.
pub(super) fn latest_doubts(journal: &Connection) -> rusqlite::Result<Vec<Doubt>> {
    let newest = journal.query_row("SELECT max(id) FROM journal", [], |row| row.get::<_, Option<i64>>(0));
    doubts_from(journal, newest.optional()?.flatten().unwrap_or(0) - LATEST)
}

fn doubts_from(journal: &Connection, first: i64) -> rusqlite::Result<Vec<Doubt>> {
    let mut doubts = journal.prepare(
        "SELECT b.id, b.at, b.request_id, b.app, b.mchid, b.endpoint, b.out_trade_no, coalesce(e.syssn, b.syssn), b.amount,
           b.currency, e.failure, e.id IS NOT NULL
         FROM journal b LEFT JOIN journal e ON e.of = b.id AND e.kind = 'end'
         WHERE b.kind = 'begin' AND b.id >= ?
           AND (e.id IS NULL OR e.delivery = 'unknown' OR e.failure = 'response_signature_wrong')
           AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.of = b.id AND r.kind = 'resolution')
         ORDER BY b.id",
    )?;
    let found = doubts.query_map([first], |row| {
        Ok(Doubt {
            row: Ticket::of(row.get(0)?),
            at: row.get(1)?,
            request_id: row.get(2)?,
            app: row.get(3)?,
            mchid: row.get(4)?,
            endpoint: row.get(5)?,
            out_trade_no: row.get(6)?,
            syssn: row.get(7)?,
            amount: row.get(8)?,
            currency: row.get(9)?,
            failure: row.get(10)?,
            ended: row.get(11)?,
        })
    })?;
    found.collect()
}

fn number<S: serde::Serializer>(row: &Ticket, to: S) -> Result<S::Ok, S::Error> {
    row.id().serialize(to)
}
