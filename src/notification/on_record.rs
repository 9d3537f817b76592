//! A verified notification in the journal: before it is delivered, and once its receiver has answered or not.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::access_log::Record;
use super::lasting::Lasting;
use super::memory::Fingerprint;
use crate::error::Failure;
use crate::orders::journal::{Facts, Ticket};
use crate::sign::VerifiedNotification;

impl Lasting {
    /// Puts a notification on record, if there is a journal, and remembers it if an earlier process or a replay had it
    /// acknowledged.
    ///
    /// # Errors
    /// [`Code::JournalUnavailable`](crate::error::Code::JournalUnavailable): its row was not written in time. Nothing was
    /// delivered, and QFPay sends it again.
    pub(super) async fn put_on_record(
        &self,
        notification: &VerifiedNotification,
        path: &str,
        fingerprint: Fingerprint,
        record: &Record,
    ) -> Result<Option<Ticket>, Failure> {
        let Some(journal) = &self.journal else { return Ok(None) };
        let said = said(notification.body());
        let facts = Facts {
            request_id: Some(record.request_id.as_str()),
            app: Some(notification.app()),
            route: Some(path),
            ..said.facts()
        };
        let received = journal.notification(&facts, fingerprint, notification.body()).await?;
        if received.acknowledged {
            self.memory.remember(fingerprint);
        }
        Ok(Some(received.ticket))
    }

    /// Puts on record what became of handing it over.
    pub(super) async fn attempted(
        &self,
        ticket: Option<&Ticket>,
        record: &Record,
        delivered: Result<(), &Failure>,
    ) {
        let (Some(journal), Some(ticket)) = (&self.journal, ticket) else { return };
        let facts = Facts {
            request_id: Some(record.request_id.as_str()),
            route: Some(&record.route),
            delivery: Some(delivered.map_or_else(|failure| failure.delivery.as_str(), |()| "answered")),
            failure: delivered.err().map(|failure| failure.code.row().name),
            ..Facts::default()
        };
        journal.attempt(ticket, &facts).await;
    }
}

/// What of a notification stands in columns of its own.
const NAMED: [&str; 6] = ["mchid", "out_trade_no", "syssn", "txamt", "txcurrcd", "respcd"];

/// What a notification says of the order that it is about.
struct Said<'n>(HashMap<String, Cow<'n, str>>);

impl Said<'_> {
    fn facts(&self) -> Facts<'_> {
        let text = |name: &str| self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        Facts {
            mchid: text("mchid"),
            out_trade_no: text("out_trade_no"),
            syssn: text("syssn"),
            amount: text("txamt"),
            currency: text("txcurrcd"),
            respcd: text("respcd"),
            ..Facts::default()
        }
    }
}

/// Reads texts, and numbers as they are written. What is no JSON says nothing.
fn said(body: &[u8]) -> Said<'_> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let members: HashMap<String, &RawValue> = serde_json::from_slice(body).unwrap_or_default();
    let named = members.into_iter().filter(|(name, _)| NAMED.contains(&name.as_str()));
    let texts = named.filter_map(|(name, value)| {
        let raw = value.get();
        let text = match raw.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(raw).ok()?.into(),
            b'{' | b'[' | b'n' => return None,
            _ => raw.into(),
        };
        Some((name, text))
    });
    Said(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_taken_as_they_are_written() {
        let said = said(
            br#"{"out_trade_no": "A\u002d1", "txamt": 100, "syssn": null, "mchid": ["x"], "respcd": "0000"}"#,
        );
        let facts = said.facts();
        assert_eq!(
            (facts.out_trade_no, facts.amount, facts.respcd),
            (Some("A-1"), Some("100"), Some("0000"))
        );
        assert_eq!((facts.syssn, facts.mchid), (None, None));
        assert!(super::said(b"{").facts().out_trade_no.is_none());
    }
}
