//! What is counted of the journal.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Store {
    store: &'static str,
}

/// Counts of the journal. Clones share them.
#[derive(Clone, Debug)]
pub struct JournalMetrics {
    rows: Family<Kind, Counter>,
    missed: Family<Why, Counter>,
    up: Family<Store, Gauge>,
}

impl JournalMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (rows, missed, up) = (Family::default(), Family::default(), Family::default());
        registry.register("journal_rows", "Rows written to the journal", rows.clone());
        let help = "Rows that were not on record in time (late), or could not be written (failed, full)";
        registry.register("journal_missed", help, missed.clone());
        registry.register("journal_up", "Whether the journal can be written; none without one", up.clone());
        Self { rows, missed, up }
    }

    /// Counts rows that were written, by what they tell of.
    pub fn wrote(&self, kind: &'static str, count: u64) {
        self.rows.get_or_create(&Kind { kind }).inc_by(count);
    }

    /// Counts a row that was not written in time, or at all.
    pub fn missed(&self, why: &'static str) {
        self.missed.get_or_create(&Why { why }).inc();
    }

    /// Whether rows can be written.
    pub fn is_up(&self, up: bool) {
        self.up.get_or_create(&Store { store: "sqlite" }).set(i64::from(up));
    }
}
