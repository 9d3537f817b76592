//! The notifications that are kept, and which of them no receiver has.

use bytes::Bytes;
use rusqlite::{OptionalExtension, Rows};

use super::link::{self, Line};
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
        // Of one moment: a sidecar may be adding rows.
        let _moment = self.journal.unchecked_transaction()?;
        let mut notifications =
            self.journal.prepare("SELECT id, rows FROM chain WHERE fingerprint IS NOT NULL ORDER BY id")?;
        let mut attempts = self.journal.prepare("SELECT id, rows FROM chain WHERE of = ? ORDER BY id")?;
        let mut found = Vec::new();
        let mut notifications = notifications.query([])?;
        while let Some((id, notification)) = next(&mut notifications)? {
            let numbers = [&notification.out_trade_no, &notification.syssn];
            let about = |order: &String| numbers.into_iter().flatten().any(|number| number == order);
            let is_wanted = notification.at >= which.since
                && which.order.as_ref().is_none_or(about)
                && which.path.as_ref().is_none_or(|path| notification.route.as_ref() == Some(path));
            if !is_wanted {
                continue;
            }
            let mut attempts = attempts.query([id])?;
            let (mut acknowledged, mut failure) = (false, None);
            while let Some((_, row)) = next(&mut attempts)? {
                if row.kind == "attempt" {
                    acknowledged |= row.failure.is_none();
                    failure = row.failure;
                }
            }
            if acknowledged && !which.acknowledged {
                continue;
            }
            found.push(Kept {
                id,
                at: notification.at,
                app: notification.app.unwrap_or_default(),
                path: notification.route.unwrap_or_default(),
                out_trade_no: notification.out_trade_no,
                acknowledged,
                failure,
            });
        }
        Ok(found)
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

/// The next row that stands alone, of which these are the numbers and the texts.
fn next(found: &mut Rows) -> Result<Option<(i64, Line)>, CannotOpen> {
    let Some(row) = found.next()? else { return Ok(None) };
    let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(link::lines(row.get(0)?, text)?.next())
}
