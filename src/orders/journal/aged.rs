//! What is still open when it becomes too old to be kept: told, since nothing will show it any more.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::link::{self, Line};

/// So many links behind the last that was taken out may have the ends of its calls.
const NEAR: i64 = 5_000;
/// So many rows are named.
const NAMED: usize = 20;

/// Rows that were taken out since it was last told, and those among them that something was expected of.
#[derive(Debug, Default)]
pub(super) struct Aged {
    first: Option<i64>,
    last: i64,
    calls: BTreeSet<i64>,
    notifications: BTreeSet<i64>,
}

impl Aged {
    /// This row was taken out.
    pub(super) fn row(&mut self, id: i64, line: &Line) {
        self.first.get_or_insert(id);
        self.last = self.last.max(id);
        match line.kind.as_str() {
            "begin" => _ = self.calls.insert(id),
            "notification" => _ = self.notifications.insert(id),
            _ => self.settles(line),
        }
    }

    /// What became of a call or a notification.
    fn settles(&mut self, line: &Line) {
        let Some(of) = line.of else { return };
        match line.kind.as_str() {
            "end" if line.is_open() => {}
            "end" | "resolution" => _ = self.calls.remove(&of),
            "attempt" if line.failure.is_none() => _ = self.notifications.remove(&of),
            _ => {}
        }
    }

    /// Tells what was taken out, once all of it is.
    pub(super) fn tell(&mut self, journal: &Connection) -> rusqlite::Result<()> {
        let Some(first) = self.first else { return Ok(()) };
        // What belongs to a row comes behind it, and may be there still.
        let near = "SELECT id, rows FROM chain WHERE id > ? ORDER BY id LIMIT ?";
        if !self.calls.is_empty() {
            self.look(journal, near, [self.last, NEAR])?;
        }
        let about = "SELECT id, rows FROM chain WHERE of BETWEEN ? AND ?";
        if !self.calls.is_empty() || !self.notifications.is_empty() {
            self.look(journal, about, [first, self.last])?;
        }
        let Self { last, calls, notifications, .. } = std::mem::take(self);
        tracing::info!(first, last, "old rows were taken out of the journal");
        if !calls.is_empty() || !notifications.is_empty() {
            let rows: Vec<_> =
                calls.iter().chain(&notifications).take(NAMED).map(ToString::to_string).collect();
            tracing::warn!(
                calls_in_doubt = calls.len(),
                notifications_not_acknowledged = notifications.len(),
                rows = rows.join(", "),
                "rows of the journal that were still open became too old, and were taken out"
            );
        }
        Ok(())
    }

    fn look(&mut self, journal: &Connection, what: &str, of: [i64; 2]) -> rusqlite::Result<()> {
        let mut links = journal.prepare(what)?;
        let mut links = links.query(of)?;
        while let Some(link) = links.next()? {
            let text = link.get_ref(1)?.as_str().unwrap_or_default();
            if let Ok(lines) = link::lines(link.get(0)?, text) {
                lines.for_each(|(_, line)| self.settles(&line));
            }
        }
        Ok(())
    }
}
