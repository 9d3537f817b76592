//! A verified notification in the journal: before it is delivered, and once its receiver has answered or not.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::access_log::Record;
use super::lasting::Lasting;
use super::memory::Fingerprint;
use crate::error::Failure;
use crate::orders::journal::{Facts, Ticket, kept};
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
        let facts = Facts {
            request_id: Some(record.request_id.as_str().into()),
            app: Some(notification.app().into()),
            route: Some(kept(path)),
            ..said(notification.body())
        };
        let received = journal.notification(facts, fingerprint, notification.body()).await?;
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
            request_id: Some(record.request_id.as_str().into()),
            route: Some(kept(&record.route)),
            delivery: Some(delivered.map_or_else(|failure| failure.delivery.as_str(), |()| "answered")),
            failure: delivered.err().map(|failure| failure.code.row().name),
            ..Facts::default()
        };
        journal.attempt(ticket, facts).await;
    }
}

/// What a notification says of the order that it is about. What is no JSON says nothing.
fn said(body: &[u8]) -> Facts {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let members: HashMap<String, &RawValue> = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| {
        let raw = members.get(name)?.get();
        let value = match raw.starts_with('"') {
            true => serde_json::from_str(raw).ok()?,
            false => raw.to_owned(),
        };
        Some(kept(value.trim())).filter(|value| !value.is_empty() && !raw.starts_with(['{', '[', 'n']))
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_taken_as_they_are_written() {
        let facts = said(
            br#"{"out_trade_no": "A\u002d1", "txamt": 100, "syssn": null, "mchid": ["x"], "respcd": "0000"}"#,
        );
        assert_eq!(facts.out_trade_no.as_deref(), Some("A-1"));
        assert_eq!(facts.amount.as_deref(), Some("100"));
        assert_eq!(facts.respcd.as_deref(), Some("0000"));
        assert_eq!((facts.syssn, facts.mchid), (None, None));
        assert!(said(b"{").out_trade_no.is_none());
    }
}
