//! Reading a journal: beside the sidecar that writes it, or what an earlier process left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::Serialize;

use super::link::{self, Line};
use super::{CannotOpen, file, schema};

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
    /// The digest of its link, in hex.
    pub digest: String,
}

impl Stored {
    /// The row `id` of a link with this digest.
    pub(super) fn of(id: i64, line: Line, digest: &[u8]) -> Self {
        Self {
            id,
            at: line.at,
            kind: line.kind,
            of: line.of,
            request_id: line.request_id,
            caller: line.caller,
            app: line.app,
            mchid: line.mchid,
            endpoint: line.endpoint,
            out_trade_no: line.out_trade_no,
            syssn: line.syssn,
            amount: line.amount,
            currency: line.currency,
            delivery: line.delivery,
            respcd: line.respcd,
            failure: line.failure,
            state: line.state,
            route: line.route,
            digest: hex::encode(digest),
        }
    }
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
    pub fn find(&self, order: &str, mut each: impl FnMut(Stored)) -> Result<(), CannotOpen> {
        // Of one moment: a sidecar may be adding rows.
        let _moment = self.journal.unchecked_transaction()?;
        let is_order = |line: &Line| line.out_trade_no.as_deref() == Some(order);
        let mut numbers = BTreeSet::new();
        self.lines(0, &[order], |_, line, _| {
            if is_order(&line) {
                numbers.extend(line.syssn);
            }
        })?;
        numbers.insert(order.to_owned());
        let named: Vec<_> = numbers.iter().map(String::as_str).collect();
        let mut begun = BTreeSet::new();
        self.lines(0, &named, |id, line, _| {
            if is_order(&line) || line.syssn.as_ref().is_some_and(|syssn| numbers.contains(syssn)) {
                begun.insert(line.of.unwrap_or(id));
            }
        })?;
        // What belongs to a row comes behind it, and need not name the order.
        let Some(first) = begun.first() else { return Ok(()) };
        self.lines(*first, &[""], |id, line, digest| {
            let belongs = begun.contains(&id) || line.of.is_some_and(|of| begun.contains(&of));
            if belongs && line.kind != "pruned" {
                each(Stored::of(id, line, digest));
            }
        })
    }

    /// All rows from a moment on, in order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn since(&self, at: &str, mut each: impl FnMut(Stored)) -> Result<(), CannotOpen> {
        self.lines(0, &[""], |id, line, digest| {
            if line.at.as_str() >= at {
                each(Stored::of(id, line, digest));
            }
        })
    }

    /// Each row of the links with row `first` or a later one that have one of these texts in them, and the link's digest.
    fn lines(
        &self,
        first: i64,
        texts: &[&str],
        mut each: impl FnMut(i64, Line, &[u8]),
    ) -> Result<(), CannotOpen> {
        // As JSON writes them, without its quotes.
        let written = texts.iter().map(|text| serde_json::Value::from(*text).to_string());
        let written: Vec<_> = written.map(|text| text.trim_matches('"').to_owned()).collect();
        links(&self.journal, first, |last, rows, digest| {
            if written.iter().any(|text| rows.contains(text)) {
                link::lines(last, rows)?.for_each(|(id, line)| each(id, line, digest));
            }
            Ok(())
        })
    }
}

/// The links with row `first` or a later one: the number of the last row, the text, and the digest of each.
pub(super) fn links(
    journal: &Connection,
    first: i64,
    mut each: impl FnMut(i64, &str, &[u8]) -> Result<(), CannotOpen>,
) -> Result<(), CannotOpen> {
    let mut links = journal.prepare("SELECT id, rows, digest FROM chain WHERE id >= ? ORDER BY id")?;
    let mut links = links.query([first])?;
    while let Some(link) = links.next()? {
        let text = link.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let digest = link.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        each(link.get(0)?, text, digest)?;
    }
    Ok(())
}
