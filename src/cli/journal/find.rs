//! `journal find`: one order's way.

use crate::orders::journal::{CannotOpen, Reader, Stored};

/// Prints the rows about an order. Says whether there are any.
pub(super) fn run(journal: &Reader, order: &str) -> Result<bool, CannotOpen> {
    let mut found = false;
    journal.find(order, |row| {
        found = true;
        outln!("{}", line(&row));
    })?;
    Ok(found)
}

/// A row in one line. What a caller typed is printed without characters that steer a terminal.
fn line(row: &Stored) -> String {
    let mut line = format!("{} {:<12}", row.at, row.kind);
    let amount = match (&row.amount, &row.currency) {
        (Some(amount), Some(currency)) => Some(format!("{amount} {currency}")),
        (amount, currency) => amount.clone().or_else(|| currency.clone()),
    };
    let parts = [
        ("", &row.endpoint),
        ("", &row.route),
        ("order ", &row.out_trade_no),
        ("syssn ", &row.syssn),
        ("amount ", &amount),
        ("app ", &row.app),
        ("mchid ", &row.mchid),
        ("by ", &row.caller),
        ("", &row.delivery),
        ("respcd ", &row.respcd),
        ("failure ", &row.failure),
        ("state ", &row.state),
        ("request ", &row.request_id),
    ];
    for (name, value) in parts {
        if let Some(value) = value {
            let shown = value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
            line.extend([" ", name].into_iter().flat_map(str::chars).chain(shown));
        }
    }
    line
}
