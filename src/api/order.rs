//! `/sidecar/v1/order`: what one order went through, as far as the calls of late are remembered.

use hyper::Response;
use hyper::http::request;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::outcome::Told;
use super::own::own_json;
use super::parameters::refuse_others;
use super::{Api, Record};
use crate::access::Presented;
use crate::error::Failure;
use crate::orders::{Passed, Standing};
use crate::respcd;
use crate::server::RequestBody;
use crate::upstream::AnswerBody;

/// What may be asked with.
const NAMES: [&str; 5] = ["app_code", "appcode", "mchid", "out_trade_no", "syssn"];

/// What is told.
#[derive(Serialize)]
struct Way<'a> {
    respcd: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    syssn: Option<&'a str>,
    /// `in_flight`, `in_doubt`, or nothing.
    standing: Option<&'static str>,
    calls: Vec<Call<'a>>,
    /// What is known, where the order is being asked for.
    outcome: Option<Told<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    at: String,
    endpoint: &'static str,
    by_sidecar: bool,
    status: u16,
    delivery: &'static str,
    respcd: Option<String>,
    error: Option<&'static str>,
    took_ms: u64,
    request_id: &'a str,
}

impl<'a> Call<'a> {
    fn of(passed: &'a Passed) -> Self {
        Self {
            at: OffsetDateTime::from(passed.at).format(&Rfc3339).unwrap_or_default(),
            endpoint: passed.endpoint,
            by_sidecar: passed.by_sidecar,
            status: passed.status,
            delivery: passed.delivery,
            respcd: passed.respcd.map(|code| format!("{code:04}")),
            error: Some(passed.error).filter(|error| !error.is_empty()),
            took_ms: u64::try_from(passed.took.as_millis()).unwrap_or(u64::MAX),
            request_id: passed.request_id.as_str(),
        }
    }
}

impl Api {
    /// Shows one order's way, to whoever may query it.
    pub(super) async fn order(
        &self,
        head: &request::Parts,
        body: RequestBody,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let (decoded, _memory) = self.parameters(head, body, record).await?;
        refuse_others(&decoded, &NAMES)?;
        let question = self.question(head, decoded, presented, record)?;
        let (orders, order) = (&self.lasting.orders, &question.order);
        let passed = orders.way_of(order);
        let known = orders.asked_for(&question).map(|inquiry| inquiry.known().borrow().clone());
        let way = Way {
            respcd: respcd::SUCCESS,
            out_trade_no: order.out_trade_no(),
            syssn: order.syssn(),
            standing: orders.standing(order).map(|standing| match standing {
                Standing::InFlight(_) => "in_flight",
                Standing::InDoubt(_) => "in_doubt",
            }),
            calls: passed.iter().map(Call::of).collect(),
            outcome: known.as_ref().map(|known| self.told(&question, known)),
        };
        Ok(own_json(&way))
    }
}
