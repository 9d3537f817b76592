//! `journal verify`: is it as it was written?

use crate::cli::Stop;
use crate::orders::journal::{Break, CannotOpen, Digest, Reader, hex_of};

/// As many places are printed.
const SHOWN: usize = 20;

/// Prints what was found; the inner error is a journal that is not as it was written.
pub(super) fn run(journal: &Reader, at: Option<&str>) -> Result<Result<(), Stop>, CannotOpen> {
    let wanted = match at.map(digest).transpose() {
        Ok(wanted) => wanted,
        Err(stop) => return Ok(Err(stop)),
    };
    let found = journal.verify(wanted.as_ref())?;
    outln!(
        "{} rows, from {} to {}, newest digest {}",
        found.rows,
        found.first,
        found.last,
        hex_of(&found.digest)
    );
    if found.pruned {
        outln!("older rows were taken out as journal.keep_days and journal.max_bytes say");
    }
    for Break { first, last, behind } in found.breaks.iter().take(SHOWN) {
        let (rows, do_not, are_not) = match last > first {
            true => (format!("rows {first} to {last}"), "do not", "are not"),
            false => (format!("row {first}"), "does not", "is not"),
        };
        match behind {
            0 => outln!(
                "{rows} {are_not} how the journal began: something was changed, or rows before were taken out"
            ),
            _ => outln!(
                "{rows} {do_not} follow from row {behind}: one of them was changed, or rows between them were taken out or put in"
            ),
        }
    }
    let breaks = found.breaks.len();
    if breaks > SHOWN {
        outln!("and {} more", breaks - SHOWN);
    }
    let cut = wanted.is_some() && !found.holds_digest;
    if cut {
        outln!("no row has the digest of --at: its row was changed, or the end from it on was taken out");
    }
    if wanted.is_none() {
        outln!("whether rows were taken from the end shows --at with a digest that the log has");
    }
    Ok(match breaks > 0 || cut {
        true => Err(Stop::Failed("this journal is not as it was written".to_owned())),
        false => Ok(()),
    })
}

fn digest(text: &str) -> Result<Digest, Stop> {
    let bytes = hex::decode(text.trim()).ok().and_then(|bytes| Digest::try_from(bytes).ok());
    bytes.ok_or_else(|| Stop::Usage("--at: write the digest as the log has it, 64 hex digits".to_owned()))
}
