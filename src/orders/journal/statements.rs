//! What is said to SQLite to write: rows at the end of the chain, all of a transaction or none.

use rusqlite::{Connection, Statement};

use super::answers::Written;
use super::chain::{BEGINNING, Columns, Digest};
use super::moment::Clock;
use super::queue::Waiting;
use super::row::{Kind, Row};
use super::schema::CHAIN;

/// The newest row, and its digest.
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
    /// A row as it is hashed.
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
            // Without `id`: SQLite takes the next one, and goes to the end of the table without a search.
            insert: journal.prepare(&format!("INSERT INTO chain ({CHAIN}, digest) VALUES (?, ?, ?, ?, ?, ?, ?)"))?,
            known: journal.prepare(
                "SELECT n.id, EXISTS (SELECT 1 FROM journal a WHERE a.of = n.id AND a.kind = 'attempt' AND a.failure IS NULL) \
                 FROM chain n WHERE n.fingerprint = ? AND n.kind = 'notification' LIMIT 1",
            )?,
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
            rows.iter_mut().try_for_each(|waiting| {
                waiting.written = statements.put(&waiting.row, &mut tip)?;
                Ok(())
            })
        })
    }

    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.begin.execute([])?;
        let done = work(self).and_then(|done| self.commit.execute([]).map(|_| done));
        if done.is_err() && !self.journal.is_autocommit() {
            self.journal.execute_batch("ROLLBACK")?;
        }
        done
    }

    /// One row, unless it is a notification that is there already.
    fn put(&mut self, row: &Row, tip: &mut Tip) -> rusqlite::Result<Written> {
        if row.kind == Kind::Notification {
            let mut known = self.known.query([row.fingerprint])?;
            if let Some(known) = known.next()? {
                let id = known.get(0)?;
                row.ticket.iter().for_each(|ticket| ticket.set(id));
                return Ok(Written::Kept { acknowledged: known.get(1)? });
            }
        }
        self.insert(row, tip)?;
        Ok(Written::Kept { acknowledged: false })
    }

    /// Adds a row to the end of the chain.
    pub(super) fn insert(&mut self, row: &Row, tip: &mut Tip) -> rusqlite::Result<()> {
        let (id, of) = (tip.id + 1, row.of.as_ref().and_then(super::Ticket::id));
        let (at, kind, facts) = (self.clock.text_of(row.at), row.kind.as_str(), row.facts.as_str());
        let fingerprint = row.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
        let body = row.body.as_deref();
        let hashed = &mut self.hashed;
        hashed.begin(&tip.digest);
        hashed.number(Some(id));
        hashed.bytes(Some(at.as_bytes()));
        hashed.bytes(Some(kind.as_bytes()));
        hashed.number(of);
        hashed.bytes(Some(facts.as_bytes()));
        hashed.bytes(fingerprint);
        hashed.bytes(body);
        let digest = hashed.digest();

        let insert = &mut self.insert;
        insert.raw_bind_parameter(1, at)?;
        insert.raw_bind_parameter(2, kind)?;
        insert.raw_bind_parameter(3, of)?;
        insert.raw_bind_parameter(4, facts)?;
        insert.raw_bind_parameter(5, fingerprint)?;
        insert.raw_bind_parameter(6, body)?;
        insert.raw_bind_parameter(7, digest.as_slice())?;
        insert.raw_execute()?;
        row.ticket.iter().for_each(|ticket| ticket.set(id));
        *tip = Tip { id, digest };
        Ok(())
    }
}
