//! The file as SQLite has it: its tables, and whether a file that is there is a journal.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::CannotOpen;

/// Marks a journal among SQLite files: "QFPJ".
const APPLICATION_ID: i64 = 0x5146_504A;
/// The version of what follows.
const VERSION: i64 = 3;

/// How long a start looks for damage. What takes longer than this is looked at as far as it goes: payments wait.
const LOOK: Duration = Duration::from_millis(250);
/// How long another process may hold the file: a command that adds a row, a tool that copies.
const BUSY: Duration = Duration::from_secs(5);

/// No index holds rows of calls. One of order numbers, which come in no order, would make each row change a page of its own, and
/// cost a payment more than its rows do; a search by number reads the file instead.
///
/// What is known of a row is one text: SQLite takes as long for a column of a row, most of which are NULL, as for all of the text. The
/// view shows each by its name. Not STRICT, which SQLite knows since 3.37 only.
const TABLES: &str = "
CREATE TABLE chain (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  of INTEGER,
  facts TEXT NOT NULL,
  fingerprint BLOB,
  body BLOB,
  digest BLOB NOT NULL
);
CREATE INDEX chain_fingerprint ON chain (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX chain_rare ON chain (kind, of)
  WHERE of IS NOT NULL AND (kind = 'attempt' OR kind = 'resolution' OR kind = 'pruned');
CREATE VIEW journal AS
  SELECT id, at, kind, of, json_extract(facts, '$[0]') AS request_id, json_extract(facts, '$[11]') AS caller,
    json_extract(facts, '$[6]') AS app, json_extract(facts, '$[10]') AS mchid, json_extract(facts, '$[7]') AS endpoint,
    json_extract(facts, '$[1]') AS out_trade_no, json_extract(facts, '$[2]') AS syssn, json_extract(facts, '$[8]') AS amount,
    json_extract(facts, '$[9]') AS currency, json_extract(facts, '$[3]') AS delivery, json_extract(facts, '$[4]') AS respcd,
    json_extract(facts, '$[5]') AS failure, json_extract(facts, '$[12]') AS state, json_extract(facts, '$[13]') AS route,
    fingerprint, body, digest
  FROM chain;
CREATE VIEW calls AS
  SELECT b.id, b.at AS began, e.at AS ended, b.request_id, b.caller, b.app, b.mchid, b.endpoint, b.out_trade_no,
    coalesce(e.syssn, b.syssn) AS syssn, b.amount, b.currency, coalesce(e.delivery, 'unknown') AS delivery, e.respcd,
    e.failure, (SELECT r.state FROM journal r WHERE r.of = b.id AND r.kind = 'resolution' ORDER BY r.id DESC LIMIT 1) AS state
  FROM journal b LEFT JOIN journal e ON e.of = b.id AND e.kind = 'end'
  WHERE b.kind = 'begin';
";

/// The columns of the table behind `id`, in the order of the file and of the digest.
pub(super) const CHAIN: &str = "at, kind, of, facts, fingerprint, body";

/// The columns of the view behind `id` that say what a row tells.
pub(super) const COLUMNS: &str = "at, kind, of, request_id, caller, app, mchid, endpoint, out_trade_no, syssn, amount, currency, \
     delivery, respcd, failure, state, route";

/// Opens the file for writing. One that is new becomes a journal.
pub(super) fn open(path: &Path, sync: bool) -> Result<Connection, CannotOpen> {
    let mut journal = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let is_new = is_empty(&journal)?;
    if is_new {
        // Before there are tables: later it would take a rewriting of the file.
        journal.pragma_update(None, "auto_vacuum", "incremental")?;
    } else {
        judge(&journal)?;
    }
    journal.pragma_update(None, "journal_mode", "wal")?;
    // Not synchronous = off: after a power failure the file would be damaged, not only short of its newest rows.
    journal.pragma_update(None, "synchronous", if sync { "full" } else { "normal" })?;
    // In KiB. Pages are filled and hardly read again: keeping 2 MB of them, as SQLite does by itself, takes each new one from memory
    // that the processor's caches hold no longer.
    journal.pragma_update(None, "cache_size", -256)?;
    // Checkpoints wait for the disk, and have a thread of their own.
    journal.pragma_update(None, "wal_autocheckpoint", 0)?;
    if is_new {
        let making = journal.transaction()?;
        making.pragma_update(None, "application_id", APPLICATION_ID)?;
        making.pragma_update(None, "user_version", VERSION)?;
        making.execute_batch(TABLES)?;
        making.commit()?;
    }
    look_for_damage(&mut journal)?;
    Ok(journal)
}

/// Opens the file for a command, beside whoever writes it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, CannotOpen> {
    let journal = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match is_empty(&journal)? {
        true => Err(CannotOpen::Empty),
        false => judge(&journal).map(|()| journal),
    }
}

/// Opens the file for a command that adds to it, beside whoever writes it.
pub(super) fn open_to_append(path: &Path) -> Result<Connection, CannotOpen> {
    let journal = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    judge(&journal).map(|()| journal)
}

/// Another connection of the writing process, for what is no row.
pub(super) fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, CannotOpen> {
    let journal = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    journal.busy_timeout(BUSY)?;
    Ok(journal)
}

fn is_empty(journal: &Connection) -> Result<bool, CannotOpen> {
    let objects: i64 = journal.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(objects == 0)
}

/// Whether this is a journal, and of this version.
fn judge(journal: &Connection) -> Result<(), CannotOpen> {
    let number = |name: &str| journal.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if number("application_id")? != APPLICATION_ID {
        return Err(CannotOpen::Foreign);
    }
    match number("user_version")? {
        VERSION => {}
        found => return Err(CannotOpen::Version { found, own: VERSION }),
    }
    // A column that is not there.
    let damaged = |error: rusqlite::Error| CannotOpen::Damaged(error.to_string());
    journal.prepare(&format!("SELECT id, {CHAIN}, digest FROM chain")).map_err(damaged)?;
    journal.prepare(&format!("SELECT id, {COLUMNS}, digest FROM journal")).map_err(damaged)?;
    Ok(())
}

/// Asks SQLite whether the file is sound, within [`LOOK`].
fn look_for_damage(journal: &mut Connection) -> Result<(), CannotOpen> {
    let since = Instant::now();
    journal.progress_handler(10_000, Some(move || since.elapsed() > LOOK))?;
    let found = journal.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    journal.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(CannotOpen::Damaged(found)),
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::OperationInterrupted => {
            Ok(())
        }
        Err(other) => Err(other.into()),
    }
}
