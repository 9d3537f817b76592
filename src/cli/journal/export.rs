//! `journal export`: the rows for spreadsheets and programs.

use std::io::{self, Write};

use crate::cli::Stop;
use crate::cli::args::Format;
use crate::orders::journal::{CannotOpen, Reader, Stored};

/// Writes the rows to standard output. A reader that goes away ends it without a word; the inner error is any other.
pub(super) fn run(journal: &Reader, since: &str, format: Format) -> Result<Result<(), Stop>, CannotOpen> {
    let mut done = Ok(());
    let out = io::stdout().lock();
    match format {
        Format::Csv => {
            let mut out = csv::Writer::from_writer(out);
            done = out.write_record(NAMES).map_err(io::Error::from);
            journal.since(since, |row| {
                if done.is_ok() {
                    done = out.write_record(cells(&row)).map_err(io::Error::from);
                }
            })?;
            done = done.and_then(|()| out.flush());
        }
        Format::Jsonl => {
            let mut out = io::BufWriter::new(out);
            journal.since(since, |row| {
                if done.is_ok() {
                    done = serde_json::to_writer(&mut out, &row)
                        .map_err(io::Error::from)
                        .and_then(|()| writeln!(out));
                }
            })?;
            done = done.and_then(|()| out.flush());
        }
    }
    Ok(match done {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::Failed(format!("writing failed: {error}")))
        }
        _ => Ok(()),
    })
}

const NAMES: [&str; 19] = [
    "id",
    "at",
    "kind",
    "of",
    "request_id",
    "caller",
    "app",
    "mchid",
    "endpoint",
    "out_trade_no",
    "syssn",
    "amount",
    "currency",
    "delivery",
    "respcd",
    "failure",
    "state",
    "route",
    "digest",
];

fn cells(row: &Stored) -> [String; 19] {
    let text = |value: &Option<String>| value.as_deref().map(harmless).unwrap_or_default();
    [
        row.id.to_string(),
        row.at.clone(),
        row.kind.clone(),
        row.of.map(|of| of.to_string()).unwrap_or_default(),
        text(&row.request_id),
        text(&row.caller),
        text(&row.app),
        text(&row.mchid),
        text(&row.endpoint),
        text(&row.out_trade_no),
        text(&row.syssn),
        text(&row.amount),
        text(&row.currency),
        text(&row.delivery),
        text(&row.respcd),
        text(&row.failure),
        text(&row.state),
        text(&row.route),
        row.digest.clone(),
    ]
}

/// A cell that no spreadsheet takes for a formula: an order number is what a caller typed.
fn harmless(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}
