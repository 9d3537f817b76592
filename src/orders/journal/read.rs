//! Reading a journal: beside the sidecar that writes it, or what an earlier process left.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, ToSql};
use serde::Serialize;

use super::schema::{self, COLUMNS};
use super::{CannotOpen, file};

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
    /// Reads the whole file: no index holds the numbers.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn find(&self, order: &str, each: impl FnMut(Stored)) -> Result<(), CannotOpen> {
        let with = "
            WITH numbers (number) AS MATERIALIZED (
              SELECT ?1 UNION SELECT syssn FROM journal WHERE out_trade_no = ?1 AND syssn IS NOT NULL),
            begun (id) AS MATERIALIZED (
              SELECT coalesce(of, id) FROM journal WHERE out_trade_no = ?1 OR syssn IN numbers)";
        // What belongs to a row comes behind it.
        let which = "WHERE id >= (SELECT min(id) FROM begun) AND (id IN begun OR of IN begun) AND kind <> 'pruned' ORDER BY id";
        self.rows(with, which, &[&order], each)
    }

    /// All rows from a moment on, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn since(&self, at: &str, each: impl FnMut(Stored)) -> Result<(), CannotOpen> {
        self.rows("", "WHERE at >= ?1 ORDER BY id", &[&at], each)
    }

    fn rows(
        &self,
        with: &str,
        which: &str,
        values: &[&dyn ToSql],
        mut each: impl FnMut(Stored),
    ) -> Result<(), CannotOpen> {
        let mut found =
            self.journal.prepare(&format!("{with} SELECT id, {COLUMNS}, digest FROM journal {which}"))?;
        let mut rows = found.query(values)?;
        while let Some(row) = rows.next()? {
            each(stored(row)?);
        }
        Ok(())
    }
}

pub(super) fn stored(row: &Row) -> rusqlite::Result<Stored> {
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
        digest: hex::encode(row.get_ref(18)?.as_blob()?),
    })
}
