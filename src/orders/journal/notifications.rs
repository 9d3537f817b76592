//! The notifications that are kept, and which of them no receiver has.

use bytes::Bytes;
use rusqlite::OptionalExtension;

use super::{CannotOpen, Reader};

/// Which notifications are wanted.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// From this moment on.
    pub since: String,
    /// About this order, by either number.
    pub order: Option<String>,
    /// That came to this path.
    pub path: Option<String>,
    /// Acknowledged ones too.
    pub acknowledged: bool,
}

/// A notification that is on record.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its row.
    pub id: i64,
    /// When it came first.
    pub at: String,
    /// The app whose key verified it.
    pub app: String,
    /// The path that it came to.
    pub path: String,
    /// The shop's number of the order.
    pub out_trade_no: Option<String>,
    /// Whether a receiver has acknowledged it.
    pub acknowledged: bool,
    /// The code of the last failure to hand it over, if it was the last attempt.
    pub failure: Option<String>,
}

impl Reader {
    /// The notifications that are wanted, the oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn notifications(&self, which: &Which) -> Result<Vec<Kept>, CannotOpen> {
        let mut found = self.journal.prepare(
            "SELECT * FROM (
               SELECT n.id, n.at, n.app, n.route, n.out_trade_no,
                 EXISTS (SELECT 1 FROM journal a WHERE a.of = n.id AND a.kind = 'attempt' AND a.failure IS NULL) AS has,
                 (SELECT a.failure FROM journal a WHERE a.of = n.id AND a.kind = 'attempt' ORDER BY a.id DESC LIMIT 1)
               FROM journal n
               WHERE n.fingerprint IS NOT NULL AND n.kind = 'notification' AND n.at >= ?1
                 AND (?2 IS NULL OR n.out_trade_no = ?2 OR n.syssn = ?2) AND (?3 IS NULL OR n.route = ?3))
             WHERE ?4 OR NOT has ORDER BY id",
        )?;
        let values = (&which.since, &which.order, &which.path, which.acknowledged);
        let rows = found.query_map(values, |row| {
            Ok(Kept {
                id: row.get(0)?,
                at: row.get(1)?,
                app: row.get(2)?,
                path: row.get(3)?,
                out_trade_no: row.get(4)?,
                acknowledged: row.get(5)?,
                failure: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The raw bytes of a notification; nothing where they were not kept, or where the row is gone by now.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn body(&self, id: i64) -> Result<Option<Bytes>, CannotOpen> {
        let mut body = self.journal.prepare("SELECT body FROM chain WHERE id = ?")?;
        let body: Option<Option<Vec<u8>>> = body.query_row([id], |row| row.get(0)).optional()?;
        Ok(body.flatten().map(Bytes::from))
    }
}
