//! Adding single rows beside the sidecar that writes the journal: the end of the chain is read in each transaction.

use std::path::Path;

use rusqlite::Connection;

use super::facts::Facts;
use super::row::{Kind, Row, Ticket};
use super::statements::Statements;
use super::{CannotOpen, schema};

/// A journal to which a command adds.
#[derive(Debug)]
pub struct Appender(Connection);

impl Appender {
    /// Opens it. It must be there.
    ///
    /// # Errors
    /// [`CannotOpen`] says what is wrong with the file.
    pub fn open(path: &Path) -> Result<Self, CannotOpen> {
        Ok(Self(schema::open_to_append(path)?))
    }

    /// Puts on record what became of handing over the notification of this row.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn attempt(&self, of: i64, facts: &Facts) -> Result<(), CannotOpen> {
        let row = Row::about(&Ticket::of(of), Kind::Attempt, facts);
        let mut statements = Statements::prepare(&self.0)?;
        statements.transaction(|statements| statements.put_alone(&row))?;
        Ok(())
    }
}
