//! The settings of the journal.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::section;

section! {
    /// Where the journal is, and what it may cost.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// The SQLite file; `None` keeps no journal.
        pub file: Option<PathBuf> =
            optional("journal.file", |path| Ok::<_, std::convert::Infallible>(PathBuf::from(path))),
        /// Whether each row is on the disk before its call goes on, so that it also survives a power failure.
        pub sync: bool = flag("journal.sync"),
        /// How long a call waits for its row at most.
        pub wait: Duration = milliseconds("journal.wait_ms", 1..=10_000),
        /// What becomes of a call whose row is not on record by then.
        pub on_failure: OnFailure = choice("journal.on_failure", &OnFailure::WORDS),
        /// Whether notifications are kept whole, for `replay`.
        pub notification_bodies: bool = flag("journal.notification_bodies"),
        /// Older rows are taken out.
        pub keep_days: u32 = number("journal.keep_days", "days", 1..=36_500),
        /// Of a larger file the oldest rows are taken out.
        pub max_bytes: u64 = number("journal.max_bytes", "bytes", 1 << 20..=1 << 40),
    }
}

/// What becomes of a call that cannot be put on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It is counted and warned of, and goes on.
    Pass,
    /// It is refused before anything of it is sent.
    Refuse,
}

impl OnFailure {
    /// How configurations write them.
    pub const WORDS: [(&str, Self); 2] = [("pass", Self::Pass), ("refuse", Self::Refuse)];
}
