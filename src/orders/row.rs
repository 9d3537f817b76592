//! QFPay's row of an order in its answer to a query, byte for byte, and the few fields that tell its state.
//!
//! Strict, unlike the check of answers: a row goes into an answer of the sidecar's own, which must stay JSON, and what cannot be
//! read tells nothing about the order.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use super::State;
use crate::respcd;

/// The rows of a page, unless a query says otherwise.
const PAGE: usize = 10;

/// The numbers by which an order is asked for. One row has all that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Number {
    /// The shop's.
    pub out_trade_no: Option<String>,
    /// QFPay's.
    pub syssn: Option<String>,
}

impl Number {
    /// The numbers that stand in a row.
    pub fn in_row(row: &str) -> Option<Self> {
        let fields: Fields<'_> = serde_json::from_str(row).ok()?;
        let owned = |number: Option<Cow<'_, str>>| number.map(Cow::into_owned);
        Some(Self { out_trade_no: owned(fields.out_trade_no), syssn: owned(fields.syssn) })
    }

    /// The shop's number alone.
    pub fn out_trade_no(number: impl Into<String>) -> Self {
        Self { out_trade_no: Some(number.into()), syssn: None }
    }
}

/// A row, as far as it is read.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// All of it, byte for byte.
    pub raw: &'a RawValue,
    /// QFPay's number of it.
    pub syssn: Option<Cow<'a, str>>,
    /// The state of the transaction.
    pub respcd: Option<Cow<'a, str>>,
    /// What became of it afterwards.
    pub cancel: Option<Cow<'a, str>>,
    /// It is a refund, not a payment.
    pub is_refund: bool,
    /// There may be more rows than QFPay showed.
    pub is_of_full_page: bool,
}

/// Why an answer has nothing to say about an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silent {
    /// It is not valid JSON, or no answer to a query.
    #[error("QFPay's answer cannot be read")]
    Unreadable,
    /// The query was not answered. The code is QFPay's.
    #[error("QFPay did not answer the query: respcd {0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default, deserialize_with = "word")]
    respcd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "word")]
    out_trade_no: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "word")]
    syssn: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "word")]
    respcd: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "any")]
    cancel: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "any")]
    order_type: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "word")]
    origssn: Option<Cow<'a, str>>,
}

impl Fields<'_> {
    /// Whether it is a refund's row, not a payment's. Its type says so; without one that is known, that it names the payment.
    fn is_refund(&self) -> bool {
        match self.order_type.as_deref() {
            Some("refund") => true,
            Some("payment") => false,
            _ => self.origssn.as_deref().is_some_and(|origin| !matches!(origin.trim(), "" | "0")),
        }
    }
}

/// The row of an order in the answer to a query; nothing when there is none. Of several, the one that tells most.
///
/// # Errors
/// [`Silent`] when the answer says nothing about any order.
pub fn find<'a>(body: &'a [u8], number: &Number) -> Result<Option<Row<'a>>, Silent> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let answer: Answer<'a> = serde_json::from_slice(body).map_err(|_| Silent::Unreadable)?;
    match answer.respcd.as_deref() {
        Some(respcd::SUCCESS) => {}
        Some(code) if code.len() <= 8 && code.bytes().all(|b| b.is_ascii_digit()) => {
            return Err(Silent::Refused(code.to_owned()));
        }
        _ => return Err(Silent::Unreadable),
    }
    let rows: Vec<&RawValue> = match answer.data.map(|data| (data, data.get().as_bytes().first())) {
        None => Vec::new(),
        Some((data, Some(b'['))) => serde_json::from_str(data.get()).map_err(|_| Silent::Unreadable)?,
        Some((data, Some(b'{'))) => vec![data],
        Some((_, _)) => return Err(Silent::Unreadable),
    };
    let is_of_full_page = rows.len() >= PAGE;
    let mut found: Option<Row<'a>> = None;
    for raw in rows {
        // One row that cannot be read may be the order's.
        let fields: Fields<'a> = serde_json::from_str(raw.get()).map_err(|_| Silent::Unreadable)?;
        let same = |asked: &Option<String>, seen: &Option<Cow<'_, str>>| {
            asked.as_ref().is_none_or(|asked| seen.as_deref().is_some_and(|seen| is_same(asked, seen)))
        };
        if !same(&number.out_trade_no, &fields.out_trade_no) || !same(&number.syssn, &fields.syssn) {
            continue;
        }
        let is_refund = fields.is_refund();
        let Fields { syssn, respcd, cancel, .. } = fields;
        let row = Row { raw, syssn, respcd, cancel, is_refund, is_of_full_page };
        let weight = |row: &Row<'_>| State::of(row).weight();
        if found.as_ref().is_none_or(|best| weight(&row) > weight(best)) {
            found = Some(row);
        }
    }
    Ok(found)
}

/// Blanks at the ends do not count, as when answers are checked.
fn is_same(asked: &str, seen: &str) -> bool {
    asked.trim() == seen.trim()
}

/// A text, or a whole number as it is written: QFPay prints either.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    let raw = <&RawValue>::deserialize(from)?;
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') if !text.contains('\\') => Ok(Some(Cow::Borrowed(&text[1..text.len() - 1]))),
        Some(b'"') => serde_json::from_str(text).map(|text| Some(Cow::Owned(text))).map_err(D::Error::custom),
        Some(b'0'..=b'9') if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(Cow::Borrowed(text))),
        _ => Ok(None),
    }
}

/// The same, where something else than a text or a whole number is told as well, as it is written: it is not nothing.
fn any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    let raw = <&RawValue>::deserialize(from)?;
    match raw.get() {
        "null" => Ok(None),
        text if text.starts_with('"') => word(raw).map_err(D::Error::custom),
        other => Ok(Some(Cow::Borrowed(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(body: &str, number: &Number) -> Result<Option<String>, Silent> {
        find(body.as_bytes(), number).map(|row| row.map(|row| row.raw.get().to_owned()))
    }

    #[test]
    fn the_row_of_the_number_is_found_byte_for_byte() {
        let own = r#"{ "out_trade_no" : "A\u002d1","txamt":  1.10, "goods": "\u6d4b", "x":[1 , 2] }"#;
        let number = Number::out_trade_no("A-1");
        for body in [
            format!(r#"{{"respcd":"0000","data":[{{"out_trade_no":"A-10"}},{own}]}}"#),
            format!("\u{feff}{{\"data\" : [ {own} ] , \"respcd\" : \"0000\"}}"),
            format!(r#"{{"respcd":"0000","data":{own}}}"#),
        ] {
            assert_eq!(raw(&body, &number), Ok(Some(own.to_owned())), "{body}");
        }
        let number = Number { out_trade_no: Some("A".to_owned()), syssn: Some("7".to_owned()) };
        let rows =
            r#"{"respcd":"0000","data":[{"out_trade_no":"A","syssn":"8"},{"out_trade_no":"A","syssn":7}]}"#;
        assert_eq!(raw(rows, &number), Ok(Some(r#"{"out_trade_no":"A","syssn":7}"#.to_owned())));
    }

    #[test]
    fn no_row_is_no_row_and_nothing_more() {
        let number = Number::out_trade_no("A");
        for body in [
            r#"{"respcd":"0000"}"#,
            r#"{"respcd":"0000","data":null}"#,
            r#"{"respcd":"0000","data":[]}"#,
            r#"{"respcd":"0000","data":[{"out_trade_no":"a"},{"out_trade_no":null},{}]}"#,
        ] {
            assert_eq!(raw(body, &number), Ok(None), "{body}");
        }
        for body in [
            "",
            "[]",
            "<html>",
            r#"{"data":[]}"#,
            r#"{"respcd":"0000","data":"none"}"#,
            r#"{"respcd":"0000","data":[7]}"#,
            r#"{"respcd":"0000","data":[{"out_trade_no":"A"}"#,
            r#"{"respcd":"0000","data":[{"out_trade_no":"A","respcd":"1201","respcd":"0000"}]}"#,
            r#"{"respcd":"none","data":[]}"#,
        ] {
            assert_eq!(raw(body, &number), Err(Silent::Unreadable), "{body}");
        }
        let refused = r#"{"respcd":"1104","resperr":"time window","data":[]}"#;
        assert_eq!(raw(refused, &number), Err(Silent::Refused("1104".to_owned())));
    }

    #[test]
    fn of_a_full_page_nothing_negative_is_told() {
        let number = Number::out_trade_no("A");
        let failed = r#"{"out_trade_no":"A","respcd":"1205"}"#;
        for (rows, state) in [(9, State::Failed), (10, State::Pending), (100, State::Pending)] {
            let body = format!(r#"{{"respcd":"0000","data":[{}]}}"#, vec![failed; rows].join(","));
            assert_eq!(State::of(&find(body.as_bytes(), &number).unwrap().unwrap()), state);
        }
    }

    #[test]
    fn of_several_rows_the_paid_one_counts() {
        let number = Number::out_trade_no("A");
        let failed = r#"{"out_trade_no":"A","respcd":"1205"}"#;
        let paid = r#"{"out_trade_no":"A","respcd":"0000","cancel":"0"}"#;
        for rows in [[failed, paid], [paid, failed]] {
            let body = format!(r#"{{"respcd":"0000","data":[{}]}}"#, rows.join(","));
            assert_eq!(raw(&body, &number), Ok(Some(paid.to_owned())));
        }
    }
}
