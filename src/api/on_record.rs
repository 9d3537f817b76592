//! A call that moves money in the journal: before its first byte leaves, and once it is over.

use super::answer_checks::Judged;
use super::{Api, Record};
use crate::credentials::App;
use crate::endpoint::Endpoint;
use crate::error::Code;
use crate::orders::Order;
use crate::orders::journal::{Begun, Facts, Ticket, Unavailable};
use crate::sign::Params;

/// What is known of a call for its last row.
#[derive(Debug)]
pub(super) struct OnRecord {
    begun: Begun,
    respcd: Option<Box<str>>,
    /// QFPay's number of the order: as its answer names it, or else as the call does.
    syssn: Option<Box<str>>,
}

impl OnRecord {
    /// QFPay's answer, which passed.
    pub(super) fn answered(&mut self, judged: &Judged) {
        self.respcd = judged.respcd.as_deref().map(Into::into);
        if let Some(syssn) = &judged.syssn {
            self.syssn = Some(syssn.as_ref().into());
        }
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
        journal.refusal(&Facts {
            request_id: Some(record.request_id().as_str()),
            caller: Some(caller),
            app: record.app.as_ref().map(|app| app.name.as_str()),
            endpoint: record.endpoint.map(Endpoint::label),
            delivery: Some("not_sent"),
            failure: Some(code.row().name),
            ..Facts::default()
        });
    }

    /// Puts a call on record, if it moves money and there is a journal, and is ready once it stands there: before its first byte
    /// is sent.
    ///
    /// # Errors
    /// [`Unavailable`]: its row was not written in time. It must not be sent.
    pub(super) fn put_on_record<'a>(
        &'a self,
        app: &App,
        endpoint: &Endpoint,
        path: &str,
        params: &Params,
        record: &Record,
    ) -> Option<impl Future<Output = Result<OnRecord, Unavailable>> + use<'a>> {
        let journal = self.lasting.journal.as_ref().filter(|_| endpoint.effect.moves_money())?;
        // Byte for byte, blanks too: after a crash the number is held, and asked for, as it stands there.
        let named = |name| params.get(name).filter(|value| !value.is_empty());
        let syssn = named("syssn").or_else(|| named("orig_syssn"));
        let begins = journal.begin(&Facts {
            request_id: Some(record.request_id().as_str()),
            caller: record.caller(),
            app: Some(app.name.as_str()),
            mchid: named("mchid"),
            endpoint: Some(path),
            out_trade_no: named("out_trade_no"),
            syssn,
            amount: named("txamt").map(str::trim),
            currency: named("txcurrcd").map(str::trim),
            ..Facts::default()
        });
        let syssn = syssn.map(Into::into);
        Some(async { Ok(OnRecord { begun: begins.await?, respcd: None, syssn }) })
    }

    /// Puts on record how a call ended.
    pub(super) fn end_on_record(&self, record: &mut Record) {
        let (Some(journal), Some(call)) = (&self.lasting.journal, record.on_record.take()) else { return };
        let facts = Facts {
            request_id: Some(record.request_id().as_str()),
            out_trade_no: record.order.as_ref().and_then(Order::out_trade_no),
            syssn: call.syssn.as_deref(),
            delivery: Some(record.delivery.as_str()),
            respcd: call.respcd.as_deref(),
            failure: record.failure_code(),
            ..Facts::default()
        };
        journal.end(&call.begun, &facts);
    }
}
