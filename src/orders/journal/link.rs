//! A link of the chain: the rows of one commit, as one text. SQLite takes as long for a row of its own as for all of them together.
//!
//! What has a body, or is looked for by the row that it belongs to, stands in a link by itself, where an index finds it.

use std::fmt::Write;

use serde::Deserialize;

use super::CannotOpen;

/// No journal comes to this row by itself: others must be countable behind it.
const HIGHEST: i64 = i64::MAX >> 1;

/// Rows as they are gathered: a JSON array of arrays, each the word of its kind, its moment, the row that it belongs to, and facts.
#[derive(Debug, Default)]
pub(super) struct Link {
    text: String,
    rows: i64,
}

impl Link {
    /// How many rows it has.
    pub(super) fn rows(&self) -> i64 {
        self.rows
    }

    /// Adds a row. `facts` are [`super::Facts::text`].
    pub(super) fn add(&mut self, kind: &str, at: &str, of: Option<i64>, facts: &str) {
        self.text.push_str(if self.rows == 0 { "[[\"" } else { ",[\"" });
        self.text.push_str(kind);
        self.text.push_str("\",\"");
        self.text.push_str(at);
        match of {
            // Writing to a text does not fail.
            Some(of) => _ = write!(self.text, "\",{of}"),
            None => self.text.push_str("\",null"),
        }
        self.text.push_str(facts);
        self.text.push(']');
        self.rows += 1;
    }

    /// All of it, which is complete thereby: once, and cleared afterwards.
    pub(super) fn finish(&mut self) -> &str {
        self.text.push(']');
        &self.text
    }

    /// Begins another.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.rows = 0;
    }
}

/// A row in the text of a link. What is missing at its end is not known.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) kind: String,
    pub(super) at: String,
    pub(super) of: Option<i64>,
    pub(super) request_id: Option<String>,
    pub(super) out_trade_no: Option<String>,
    pub(super) syssn: Option<String>,
    pub(super) delivery: Option<String>,
    pub(super) respcd: Option<String>,
    pub(super) failure: Option<String>,
    pub(super) app: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) mchid: Option<String>,
    pub(super) caller: Option<String>,
    pub(super) state: Option<String>,
    pub(super) route: Option<String>,
}

impl Line {
    /// Of an end: it does not say what became of the call.
    pub(super) fn is_open(&self) -> bool {
        self.delivery.as_deref() == Some("unknown")
            || self.failure.as_deref() == Some("response_signature_wrong")
    }
}

/// The rows of a link that ends with row `last`, each with its number.
///
/// # Errors
/// The text is no rows: somebody has changed the file.
pub(super) fn lines(last: i64, text: &str) -> Result<impl Iterator<Item = (i64, Line)>, CannotOpen> {
    // Not what serde says, which may show a value.
    let damaged = || CannotOpen::Damaged(format!("the rows that end with row {last} cannot be read"));
    let lines: Vec<Line> = serde_json::from_str(text).map_err(|_| damaged())?;
    let before = last.checked_sub(lines.len() as i64).filter(|before| (0..=HIGHEST).contains(before));
    let before = before.ok_or_else(damaged)?;
    Ok((before + 1..=last).zip(lines))
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_gathered() {
        let facts = Facts { out_trade_no: Some("\"]"), route: Some("/notify"), ..Facts::default() };
        let mut link = Link::default();
        for _ in 0..2 {
            link.add("begin", "2026-01-31T12:00:00.000Z", None, &facts.text());
            link.add("end", "2026-01-31T12:00:00.001Z", Some(11), &Facts::default().text());
            assert_eq!(link.rows(), 2);
            let lines: Vec<_> = lines(12, link.finish()).unwrap().collect();
            let [(11, begin), (12, end)] = &lines[..] else { panic!("{lines:?}") };
            assert_eq!((begin.kind.as_str(), begin.of, end.of), ("begin", None, Some(11)));
            assert_eq!(
                (begin.out_trade_no.as_deref(), begin.route.as_deref()),
                (Some("\"]"), Some("/notify"))
            );
            assert_eq!((end.at.as_str(), &end.request_id), ("2026-01-31T12:00:00.001Z", &None));
            link.clear();
        }
        for text in ["", "{}", "[[1]]", "[[\"end\",\"2026\",\"11\"]]", "[[\"end\"]"] {
            assert!(lines(1, text).is_err(), "{text}");
        }
        for last in [i64::MIN, -1, 0, i64::MAX] {
            assert!(lines(last, "[[\"end\"]]").is_err(), "{last}");
        }
    }
}
