//! A payment or a refund, and what may happen to it.

use std::sync::Arc;
use std::time::Instant;

use super::super::clock::Event;
use crate::credentials::App;

/// Every state of an order, for the console's filter.
pub(in super::super) const STATES: [&str; 9] =
    ["pending", "paid", "partly_refunded", "refunded", "held", "released", "closed", "reversed", "failed"];

/// A payment or a refund.
#[derive(Clone, Debug)]
pub(in super::super) struct Order {
    /// Counts up; also the last ten digits of `syssn`.
    pub number: u64,
    pub syssn: String,
    pub app: Arc<App>,
    /// The `syssn` of the payment, if this is a refund.
    pub origssn: Option<String>,
    pub status: OrderStatus,
    pub request: Ordered,
    pub sysdtm: String,
    pub paydtm: Option<String>,
    /// Stands in `prepay_id` and in the URLs of the payment page; cannot be guessed.
    pub ticket: String,
    /// Minor units given back so far.
    pub refunded: u64,
    pub note: Option<String>,
    /// What became of the last notification, for people.
    pub notified: Option<String>,
    /// No call finds it before this moment.
    pub appears: Option<Instant>,
    /// How many queries that name it get no answer.
    pub queries_to_drop: u8,
    /// What became of it: the first [`EVENTS`] times.
    pub events: Vec<Event>,
}

/// How many events of an order are kept.
const EVENTS: usize = 64;

/// What the request said about the order.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Ordered {
    pub pay_type: String,
    pub out_trade_no: String,
    pub txamt: u64,
    pub txcurrcd: String,
    pub txdtm: String,
    pub mchid: Option<String>,
    pub goods_name: Option<String>,
    pub notify_url: Option<String>,
    pub return_url: Option<String>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum OrderStatus {
    /// Waits for the payer.
    Pending,
    /// Waits, with this `respcd`, until a query finds it done: the first one, or the first one from that moment on.
    DoneWhenQueried(&'static str, Option<Instant>),
    /// Paid (a refund: given back).
    Done,
    /// A pre-authorisation that holds the money.
    Frozen,
    /// A pre-authorisation whose money was released.
    Released,
    /// Closed before it was paid.
    Closed,
    /// Reversed: cancelled, and given back if it was paid.
    Reversed,
    /// Refused by the channel with this `respcd`.
    Failed(&'static str),
}

impl Order {
    /// The state of the transaction as a query prints it.
    pub(in super::super) fn respcd(&self) -> &'static str {
        match self.status {
            OrderStatus::Pending => "1143",
            OrderStatus::DoneWhenQueried(respcd, _) | OrderStatus::Failed(respcd) => respcd,
            OrderStatus::Closed => "1142",
            OrderStatus::Reversed if self.paydtm.is_none() => "1263",
            OrderStatus::Done | OrderStatus::Frozen | OrderStatus::Released | OrderStatus::Reversed => "0000",
        }
    }

    /// QFPay's `cancel`: 0 no, 1 reversed, 2 closed, 3 refunded, 4 pre-authorisation done, 5 partly refunded.
    pub(in super::super) fn cancel(&self) -> &'static str {
        match self.status {
            OrderStatus::Reversed => "1",
            OrderStatus::Closed => "2",
            OrderStatus::Released => "4",
            _ if self.refunded == 0 => "0",
            _ if self.refunded < self.request.txamt => "5",
            _ => "3",
        }
    }

    /// The state in words, for pages.
    pub(in super::super) fn words(&self) -> &'static str {
        match self.status {
            OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) => "not paid yet 未支付",
            OrderStatus::Done if self.origssn.is_some() => "refunded 已退款",
            OrderStatus::Done if self.refunded >= self.request.txamt => "paid, refunded 已退款",
            OrderStatus::Done if self.refunded > 0 => "paid, partly refunded 部分退款",
            OrderStatus::Done => "paid 已支付",
            OrderStatus::Frozen => "money held 已預授權",
            OrderStatus::Released => "money released 已解凍",
            OrderStatus::Closed => "closed 已關閉",
            OrderStatus::Reversed => "reversed 已撤銷",
            OrderStatus::Failed(_) => "failed 失敗",
        }
    }

    /// Whether it waits to be found done, and the moment for that has come.
    pub(in super::super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.status, OrderStatus::DoneWhenQueried(_, from) if from.is_none_or(|from| from <= now))
    }

    /// Whether the payer can still pay it.
    pub(in super::super) fn is_open(&self) -> bool {
        self.origssn.is_none()
            && matches!(self.status, OrderStatus::Pending | OrderStatus::DoneWhenQueried(..))
    }

    /// Whether something of it can be given back.
    pub(in super::super) fn is_refundable(&self) -> bool {
        self.origssn.is_none() && self.status == OrderStatus::Done && self.refunded < self.request.txamt
    }

    /// The payer paid, or the channel settled: money is held for a pre-authorisation, else taken. `how` is for people.
    pub(in super::super) fn settle(&mut self, now: &str, how: &str) {
        let holds = self.origssn.is_none() && self.request.pay_type.starts_with("8018");
        self.status = if holds { OrderStatus::Frozen } else { OrderStatus::Done };
        self.paydtm = Some(now.to_owned());
        self.happened(now, how);
    }

    /// The state in a word, for programs and filters.
    pub(in super::super) fn state(&self) -> &'static str {
        match self.status {
            OrderStatus::Pending | OrderStatus::DoneWhenQueried(..) => "pending",
            OrderStatus::Done if self.origssn.is_some() || self.refunded >= self.request.txamt => "refunded",
            OrderStatus::Done if self.refunded > 0 => "partly_refunded",
            OrderStatus::Done => "paid",
            OrderStatus::Frozen => "held",
            OrderStatus::Released => "released",
            OrderStatus::Closed => "closed",
            OrderStatus::Reversed => "reversed",
            OrderStatus::Failed(_) => "failed",
        }
    }

    /// Remembers what became of it, for people.
    pub(in super::super) fn happened(&mut self, now: &str, what: impl Into<String>) {
        if self.events.len() < EVENTS {
            self.events.push(Event::new(now, what));
        }
    }
}
