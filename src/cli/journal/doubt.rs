//! `journal doubt`: what was sent, and is not known.

use crate::orders::journal::{CannotOpen, Doubt, Reader};

/// Prints the calls in doubt.
pub(super) fn run(journal: &Reader) -> Result<bool, CannotOpen> {
    let doubts = journal.doubts()?;
    let in_use = journal.is_in_use();
    for Doubt { begin, ended } in &doubts {
        let text = |value: &Option<String>| value.as_deref().unwrap_or("-").escape_debug().to_string();
        let why = match (ended, in_use) {
            (true, _) => text(&begin.failure),
            (false, true) => "no end on record: in flight, or the sidecar was killed".to_owned(),
            (false, false) => "no end on record: the sidecar was killed".to_owned(),
        };
        outln!(
            "{} {} order {} syssn {} amount {} {} app {} mchid {}: {why}",
            begin.at,
            text(&begin.endpoint),
            text(&begin.out_trade_no),
            text(&begin.syssn),
            text(&begin.amount),
            text(&begin.currency),
            text(&begin.app),
            text(&begin.mchid)
        );
    }
    match doubts.len() {
        0 => outln!("no call is in doubt"),
        1 => outln!("1 call is in doubt: query its order at QFPay before anybody pays again"),
        count => outln!("{count} calls are in doubt: query their orders at QFPay before anybody pays again"),
    }
    Ok(true)
}
