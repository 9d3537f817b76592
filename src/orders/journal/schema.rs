//! The file as SQLite has it: its tables, and whether a file that is there is a journal.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::CannotOpen;
use super::file::beside;

/// Marks a journal among SQLite files: "QFPJ".
const APPLICATION_ID: i64 = 0x5146_504A;
/// The version of what follows.
const VERSION: i64 = 4;

/// How long a start looks for damage. What takes longer than this is looked at as far as it goes: payments wait.
const LOOK: Duration = Duration::from_millis(250);
/// How long another process may hold the file: a command that adds a row, a tool that copies.
const BUSY: Duration = Duration::from_secs(5);

/// No index holds rows of calls. One of order numbers, which come in no order, would make each row change a page of its own, and
/// cost a payment more than its rows do; a search by number reads the file instead.
///
/// A link holds the rows of a commit ([`super::link`]), and its `id` is the number of the last of them. `of` has only what stands by
/// itself. The views show each row, and each of its columns by name; without its LIMIT, SQLite would look for the end of each call in
/// all rows. Not STRICT, which SQLite knows since 3.37 only.
const TABLES: &str = "
CREATE TABLE chain (
  id INTEGER PRIMARY KEY,
  rows TEXT NOT NULL,
  of INTEGER,
  fingerprint BLOB,
  body BLOB,
  digest BLOB NOT NULL
);
CREATE INDEX chain_fingerprint ON chain (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX chain_of ON chain (of) WHERE of IS NOT NULL;
CREATE VIEW journal AS
  SELECT c.id - json_array_length(c.rows) + 1 + r.key AS id,
    json_extract(r.value, '$[1]') AS at, json_extract(r.value, '$[0]') AS kind, json_extract(r.value, '$[2]') AS of,
    json_extract(r.value, '$[3]') AS request_id, json_extract(r.value, '$[14]') AS caller, json_extract(r.value, '$[9]') AS app,
    json_extract(r.value, '$[13]') AS mchid, json_extract(r.value, '$[10]') AS endpoint,
    json_extract(r.value, '$[4]') AS out_trade_no, json_extract(r.value, '$[5]') AS syssn,
    json_extract(r.value, '$[11]') AS amount, json_extract(r.value, '$[12]') AS currency,
    json_extract(r.value, '$[6]') AS delivery, json_extract(r.value, '$[7]') AS respcd,
    json_extract(r.value, '$[8]') AS failure, json_extract(r.value, '$[15]') AS state, json_extract(r.value, '$[16]') AS route,
    c.fingerprint, c.body, c.digest
  FROM chain c, json_each(c.rows) r;
CREATE VIEW calls AS
  SELECT b.id, b.at AS began, e.at AS ended, b.request_id, b.caller, b.app, b.mchid, b.endpoint, b.out_trade_no,
    coalesce(e.syssn, b.syssn) AS syssn, b.amount, b.currency, coalesce(e.delivery, 'unknown') AS delivery, e.respcd,
    e.failure, (SELECT json_extract(r.rows, '$[0][15]') FROM chain r
      WHERE r.of = b.id AND json_extract(r.rows, '$[0][0]') = 'resolution' ORDER BY r.id DESC LIMIT 1) AS state
  FROM (SELECT id, at, request_id, caller, app, mchid, endpoint, out_trade_no, syssn, amount, currency FROM journal
      WHERE kind = 'begin' LIMIT -1) b
    LEFT JOIN (SELECT of, at, syssn, delivery, respcd, failure FROM journal WHERE kind = 'end' LIMIT -1) e ON e.of = b.id;
";

/// The columns of the table behind `id`, in the order of the file and of the digest.
pub(super) const CHAIN: &str = "rows, of, fingerprint, body";

/// Opens the file for writing. One that is new becomes a journal.
pub(super) fn open(path: &Path, sync: bool) -> Result<Connection, CannotOpen> {
    let mut journal = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let is_new = is_empty(&journal)?;
    if !is_new {
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
    let mut journal = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut empty = is_empty(&journal);
    let refused = |error: &CannotOpen| {
        let CannotOpen::Sqlite(error) = error else { return false };
        matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
    };
    if empty.as_ref().is_err_and(refused) && !beside(path, "-wal").exists() {
        // In a folder that cannot be written SQLite does not read a journal whose other files are not there. Nobody writes it then.
        journal = connect(&unchanging(path), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
        // What is wrong with the file is told as it was found first.
        empty = is_empty(&journal).or(empty);
    }
    match empty? {
        true => Err(CannotOpen::Empty),
        false => judge(&journal).map(|()| journal),
    }
}

/// The address by which SQLite takes a file for one that nobody changes.
fn unchanging(path: &Path) -> PathBuf {
    let mut address = "file:".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(byte.into()),
            // Writing to a text does not fail.
            _ => _ = write!(address, "%{byte:02X}"),
        }
    }
    (address + "?immutable=1").into()
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
    journal.prepare("SELECT id, at, kind, of, out_trade_no, digest FROM journal").map_err(damaged)?;
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
