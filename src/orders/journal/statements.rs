//! What is said to SQLite to write: rows at the end of the chain, all of a transaction or none.

use rusqlite::{Connection, Statement};

use super::answers::Written;
use super::chain::{BEGINNING, Columns, Digest};
use super::link::Link;
use super::moment::Clock;
use super::queue::Waiting;
use super::row::{Kind, Row};
use super::schema::CHAIN;

/// The newest row, and the digest of its link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tip {
    pub(super) id: i64,
    pub(super) digest: Digest,
}

/// Each sentence, prepared once.
pub(super) struct Statements<'j> {
    pub(super) journal: &'j Connection,
    begin: Statement<'j>,
    commit: Statement<'j>,
    tip: Statement<'j>,
    insert: Statement<'j>,
    known: Statement<'j>,
    /// Rows of this transaction that share a link.
    link: Link,
    /// A link as it is hashed.
    hashed: Columns,
    clock: Clock,
}

impl<'j> Statements<'j> {
    pub(super) fn prepare(journal: &'j Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            journal,
            begin: journal.prepare("BEGIN IMMEDIATE")?,
            commit: journal.prepare("COMMIT")?,
            tip: journal.prepare("SELECT id, digest FROM chain ORDER BY id DESC LIMIT 1")?,
            insert: journal.prepare(&format!("INSERT INTO chain (id, {CHAIN}, digest) VALUES (?, ?, ?, ?, ?, ?)"))?,
            // An attempt that somebody made unreadable is none, and keeps no notification from being written.
            known: journal.prepare(
                "SELECT n.id, EXISTS (SELECT 1 FROM chain a WHERE a.of = n.id AND CASE WHEN json_valid(a.rows) THEN \
                   json_extract(a.rows, '$[0][0]') = 'attempt' AND json_extract(a.rows, '$[0][8]') IS NULL END) \
                 FROM chain n WHERE n.fingerprint = ? LIMIT 1",
            )?,
            link: Link::default(),
            hashed: Columns::default(),
            clock: Clock::default(),
        })
    }

    /// The end of the chain. Read anew each time: a command may have added a row.
    pub(super) fn tip(&mut self) -> rusqlite::Result<Tip> {
        let mut rows = self.tip.query([])?;
        match rows.next()? {
            None => Ok(Tip { id: 0, digest: BEGINNING }),
            Some(row) => Ok(Tip { id: row.get(0)?, digest: row.get(1)? }),
        }
    }

    /// All of these rows in one transaction, or none; each then has what became of it.
    pub(super) fn write(&mut self, rows: &mut [Waiting]) -> rusqlite::Result<()> {
        self.transaction(|statements| {
            let mut tip = statements.tip()?;
            for waiting in rows {
                waiting.written = statements.put(&waiting.row, &mut tip)?;
            }
            statements.close(&mut tip)
        })
    }

    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.link.clear();
        self.begin.execute([])?;
        let done = work(self).and_then(|done| self.commit.execute([]).map(|_| done));
        if done.is_err() && !self.journal.is_autocommit() {
            self.journal.execute_batch("ROLLBACK")?;
        }
        done
    }

    /// One row, unless it is a notification that is there already. It may be in the file only once the link is closed.
    fn put(&mut self, row: &Row, tip: &mut Tip) -> rusqlite::Result<Written> {
        if row.kind.stands_alone() {
            self.close(tip)?;
        }
        if row.kind == Kind::Notification {
            let mut known = self.known.query([row.fingerprint])?;
            if let Some(known) = known.next()? {
                let id = known.get(0)?;
                row.ticket.iter().for_each(|ticket| ticket.set(id));
                return Ok(Written::Kept { acknowledged: known.get(1)? });
            }
        }
        let of = row.of.as_ref().and_then(super::Ticket::id);
        self.link.add(row.kind.as_str(), self.clock.text_of(row.at), of, &row.facts);
        let id = tip.id + self.link.rows();
        if row.kind.stands_alone() {
            let fingerprint = row.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
            self.add(tip, of, fingerprint, row.body.as_deref())?;
        }
        row.ticket.iter().for_each(|ticket| ticket.set(id));
        Ok(Written::Kept { acknowledged: false })
    }

    /// One row that stands alone.
    pub(super) fn put_alone(&mut self, row: &Row) -> rusqlite::Result<()> {
        let mut tip = self.tip()?;
        self.put(row, &mut tip)?;
        self.close(&mut tip)
    }

    /// Adds what shares a link, if there is any.
    fn close(&mut self, tip: &mut Tip) -> rusqlite::Result<()> {
        match self.link.rows() {
            0 => Ok(()),
            _ => self.add(tip, None, None, None),
        }
    }

    /// Adds the link to the end of the chain.
    fn add(
        &mut self,
        tip: &mut Tip,
        of: Option<i64>,
        fingerprint: Option<&[u8]>,
        body: Option<&[u8]>,
    ) -> rusqlite::Result<()> {
        let id = tip.id + self.link.rows();
        let rows = self.link.finish();
        let hashed = &mut self.hashed;
        hashed.begin(&tip.digest);
        hashed.number(Some(id));
        hashed.bytes(Some(rows.as_bytes()));
        hashed.number(of);
        hashed.bytes(fingerprint);
        hashed.bytes(body);
        let digest = hashed.digest();

        let insert = &mut self.insert;
        insert.raw_bind_parameter(1, id)?;
        insert.raw_bind_parameter(2, rows)?;
        insert.raw_bind_parameter(3, of)?;
        insert.raw_bind_parameter(4, fingerprint)?;
        insert.raw_bind_parameter(5, body)?;
        insert.raw_bind_parameter(6, digest.as_slice())?;
        insert.raw_execute()?;
        self.link.clear();
        *tip = Tip { id, digest };
        Ok(())
    }
}
