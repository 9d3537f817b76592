//! A call that moves money in the journal: before its first byte leaves, and once it is over.

use super::answer_checks::Judged;
use super::{Api, Record};
use crate::credentials::App;
use crate::endpoint::Endpoint;
use crate::error::{Code, Failure};
use crate::orders::journal::{Begun, Facts, Ticket, kept};
use crate::sign::Params;

/// What is known of a call for its last row.
#[derive(Debug)]
pub(super) struct OnRecord {
    begun: Begun,
    out_trade_no: Option<Box<str>>,
    syssn: Option<Box<str>>,
    respcd: Option<Box<str>>,
}

impl OnRecord {
    /// QFPay's answer, which passed.
    pub(super) fn answered(&mut self, judged: &Judged) {
        self.respcd = judged.respcd.as_deref().map(Into::into);
        self.syssn = judged.syssn.as_deref().map(kept).or(self.syssn.take());
    }
}

impl Record {
    /// The row of the call in the journal, if it stands there.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.on_record.as_ref().map(|call| call.begun.ticket().clone())
    }
}

impl Api {
    /// Puts on record that a call was refused for want of a right.
    pub(super) fn refusal_on_record(&self, caller: &str, code: Code, record: &Record) {
        let Some(journal) = &self.lasting.journal else { return };
        journal.refusal(Facts {
            request_id: Some(record.request_id().as_str().into()),
            caller: Some(caller.into()),
            app: record.app.as_ref().map(|app| app.name.as_str().into()),
            endpoint: record.endpoint.map(|endpoint| endpoint.label().into()),
            delivery: Some("not_sent"),
            failure: Some(code.row().name),
            ..Facts::default()
        });
    }

    /// Puts a call on record, if it moves money and there is a journal.
    ///
    /// # Errors
    /// [`Code::JournalUnavailable`](crate::error::Code::JournalUnavailable): its row was not written in time. Nothing was
    /// sent.
    pub(super) async fn put_on_record(
        &self,
        app: &App,
        endpoint: &Endpoint,
        path: &str,
        params: &Params,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let Some(journal) = self.lasting.journal.as_ref().filter(|_| endpoint.effect.moves_money()) else {
            return Ok(());
        };
        let named = |name| params.get(name).map(str::trim).filter(|value| !value.is_empty()).map(kept);
        let facts = Facts {
            request_id: Some(record.request_id().as_str().into()),
            caller: record.caller().map(Into::into),
            app: Some(app.name.as_str().into()),
            mchid: named("mchid"),
            endpoint: Some(kept(path)),
            out_trade_no: named("out_trade_no"),
            syssn: named("syssn").or_else(|| named("orig_syssn")),
            amount: named("txamt"),
            currency: named("txcurrcd"),
            ..Facts::default()
        };
        let (out_trade_no, syssn) = (facts.out_trade_no.clone(), facts.syssn.clone());
        let begun = journal.begin(facts).await?;
        record.on_record = Some(OnRecord { begun, out_trade_no, syssn, respcd: None });
        Ok(())
    }

    /// Puts on record how a call ended.
    pub(super) fn end_on_record(&self, record: &mut Record) {
        let (Some(journal), Some(call)) = (&self.lasting.journal, record.on_record.take()) else { return };
        let facts = Facts {
            request_id: Some(record.request_id().as_str().into()),
            out_trade_no: call.out_trade_no,
            syssn: call.syssn,
            delivery: Some(record.delivery.as_str()),
            respcd: call.respcd,
            failure: record.failure_code(),
            ..Facts::default()
        };
        journal.end(&call.begun, facts);
    }
}
