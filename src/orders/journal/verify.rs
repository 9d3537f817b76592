//! Whether the chain holds: was a row changed, taken out or put in since it was written?

use rusqlite::Row;
use rusqlite::types::{Type, Value, ValueRef};
use serde::de::IgnoredAny;

use super::chain::{BEGINNING, Columns, Digest};
use super::schema::CHAIN;
use super::{CannotOpen, Reader};

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// How many rows there are.
    pub rows: u64,
    /// The number of the oldest row; 0 without one.
    pub first: i64,
    /// The number of the newest row; 0 without one.
    pub last: i64,
    /// Whether older rows were taken out by the sidecar, as `journal.keep_days` and `journal.max_bytes` say.
    pub pruned: bool,
    /// The newest digest.
    pub digest: Digest,
    /// Where the chain breaks, in order.
    pub breaks: Vec<Break>,
    /// Whether the digest that was asked for is that of a link which is there, or was when it was pruned.
    pub holds_digest: bool,
}

/// A place at which the chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// The first of the rows that do not follow from the one before: those of a link.
    pub first: i64,
    /// The last of them.
    pub last: i64,
    /// The row before; 0 where they are the oldest.
    pub behind: i64,
}

impl Reader {
    /// Follows the chain from its oldest row to its newest, and looks for a digest in it.
    ///
    /// # Errors
    /// What SQLite says, such as of a damaged file.
    pub fn verify(&self, wanted: Option<&Digest>) -> Result<Verified, CannotOpen> {
        // Of one moment: a sidecar may be adding rows, and taking out old ones.
        let _moment = self.journal.unchecked_transaction()?;
        let pruned = self.pruned()?;
        let mut found = Verified {
            rows: 0,
            first: 0,
            last: 0,
            pruned: pruned.is_some(),
            digest: BEGINNING,
            breaks: Vec::new(),
            holds_digest: wanted == Some(&BEGINNING),
        };
        if let Some((_, digest)) = pruned {
            found.digest = digest;
            found.holds_digest |= wanted == Some(&digest);
        }
        // Not in the order of an index, and not only rows that have what a column needs.
        let mut all = self
            .journal
            .prepare(&format!("SELECT id, {CHAIN}, digest FROM chain NOT INDEXED ORDER BY id"))?;
        let columns = all.column_count();
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let rows = count(row.get_ref(1)?);
            let first = id.saturating_sub(rows - 1);
            let stored: Option<Digest> = row.get(columns - 1).ok();
            if found.rows == 0 {
                found.first = first;
                found.pruned &= first > 1;
            }
            if !is_sound(row)? || stored != Some(digest(row, columns - 1, &found.digest)?) {
                found.breaks.push(Break { first, last: id, behind: found.last });
            }
            found.holds_digest |= stored.as_ref() == wanted && wanted.is_some();
            // What stands behind a break may be sound again.
            found.digest = stored.unwrap_or(BEGINNING);
            found.rows += rows.unsigned_abs();
            found.last = id;
        }
        // Taken out at the old end, but not by the sidecar: its chain has another beginning.
        if let Some((through, _)) = pruned {
            let begins = found.first == through.saturating_add(1) || found.rows == 0;
            if !begins && found.breaks.first().is_none_or(|broken| broken.first != found.first) {
                found.breaks.insert(0, Break { first: found.first, last: found.first, behind: 0 });
            }
        }
        Ok(found)
    }

    /// The last row that the sidecar took out, and its digest.
    fn pruned(&self) -> Result<Option<(i64, Digest)>, CannotOpen> {
        let mut newest = self.journal.prepare(
            "SELECT of, body FROM chain WHERE of IS NOT NULL AND typeof(of) = 'integer' AND typeof(body) = 'blob' \
               AND length(body) = 32 ORDER BY of DESC LIMIT 1",
        )?;
        let mut rows = newest.query([])?;
        match rows.next()? {
            None => Ok(None),
            Some(row) => Ok(Some((row.get(0)?, row.get(1)?))),
        }
    }
}

/// How many rows a link has. One that cannot be read was changed, and counts as one.
fn count(rows: ValueRef) -> i64 {
    let text = rows.as_str().unwrap_or_default();
    serde_json::from_str::<Vec<IgnoredAny>>(text).map_or(1, |rows| rows.len().max(1) as i64)
}

/// Whether each column has what the sidecar writes there: a digest does not tell a text from the same bytes or digits, but an index
/// and a comparison do.
fn is_sound(row: &Row) -> rusqlite::Result<bool> {
    let [rows, of, fingerprint, body] =
        [1, 2, 3, 4].map(|column| row.get_ref(column).map(|value| value.data_type()));
    let [rows, of, fingerprint, body] = [rows?, of?, fingerprint?, body?];
    Ok(rows == Type::Text
        && matches!(of, Type::Integer | Type::Null)
        && [fingerprint, body].into_iter().all(|found| matches!(found, Type::Blob | Type::Null)))
}

/// The digest of a link of which the first `columns` are hashed, behind another.
fn digest(row: &Row, columns: usize, before: &Digest) -> rusqlite::Result<Digest> {
    let mut hashed = Columns::default();
    hashed.begin(before);
    for column in 0..columns {
        match row.get_ref(column)? {
            ValueRef::Null => hashed.bytes(None),
            ValueRef::Integer(number) => hashed.number(Some(number)),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => hashed.bytes(Some(bytes)),
            // There is no column of such numbers.
            ValueRef::Real(number) => hashed.bytes(Some(format!("{:?}", Value::Real(number)).as_bytes())),
        }
    }
    Ok(hashed.digest())
}
