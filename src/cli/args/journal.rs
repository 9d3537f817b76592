//! The arguments of the `journal` commands and of `replay`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

pub(in crate::cli) const JOURNAL_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar journal find 20260131-1001 --env production
  qfpay-sidecar journal doubt --env production
  qfpay-sidecar journal export --since 2026-01-01 --format csv --env production >january.csv";

/// What to do with the journal.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct JournalOptions {
    #[command(subcommand)]
    pub(in crate::cli) command: JournalCommand,

    /// A journal to read instead of that of journal.file, such as a copy.
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

/// The `journal` commands. Each reads beside a running sidecar.
#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum JournalCommand {
    /// Show everything about one order, by out_trade_no or syssn; exits with 1 if there is nothing.
    Find {
        /// The shop's number or QFPay's.
        #[arg(value_name = "ORDER")]
        order: String,
    },
    /// List the calls that were sent and of which it is not known what became of them.
    Doubt,
    /// Check that no row was changed, taken out or put in; exits with 1 if one was.
    Verify {
        /// A digest of an earlier day, from the log: the row that has it must still be there. Shows also whether rows were
        /// taken from the end.
        #[arg(long, value_name = "DIGEST")]
        at: Option<String>,
    },
    /// Write the rows for a spreadsheet or a program, without the bodies of notifications.
    Export {
        /// From when on: 2026-01-31, 2026-01-31T12:00:00Z, or how long ago, such as 36h or 7d. Without it, all.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// How rows are written.
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
    },
}

pub(in crate::cli) const REPLAY_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar replay --env production                  after the receiver was away
  qfpay-sidecar replay --since 3d --route /qfpay/notify --env production
  qfpay-sidecar replay --order 20260131-1001 --all --env production
  qfpay-sidecar replay --unrouted --env production       after a route was added";

/// What to post again.
#[derive(Clone, Debug, ClapArgs)]
pub(in crate::cli) struct ReplayOptions {
    /// What came from then on: 2026-01-31, 2026-01-31T12:00:00Z, or how long ago, such as 36h or 3d.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<String>,

    /// Only what is about this order, by out_trade_no or syssn.
    #[arg(long, value_name = "ORDER")]
    pub(in crate::cli) order: Option<String>,

    /// Only what came to this path.
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) route: Option<String>,

    /// Also what a receiver has acknowledged already.
    #[arg(long)]
    pub(in crate::cli) all: bool,

    /// Also what no route took when it came, where a route takes it now.
    #[arg(long)]
    pub(in crate::cli) unrouted: bool,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Comma-separated, with a line of names; what a spreadsheet would take for a formula has a ' before it.
    Csv,
    /// One JSON object per line.
    Jsonl,
}
