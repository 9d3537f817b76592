//! Orders and refunds in memory, and what may happen to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use crate::credentials::App;

/// How many orders are kept; the oldest are forgotten first.
const KEPT: usize = 10_000;

/// A payment or a refund.
#[derive(Clone, Debug)]
pub(super) struct Order {
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
}

/// What the request said about the order.
#[derive(Clone, Debug, Default)]
pub(super) struct Ordered {
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
pub(super) enum OrderStatus {
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
    pub(super) fn respcd(&self) -> &'static str {
        match self.status {
            OrderStatus::Pending => "1143",
            OrderStatus::DoneWhenQueried(respcd, _) | OrderStatus::Failed(respcd) => respcd,
            OrderStatus::Closed => "1142",
            OrderStatus::Reversed if self.paydtm.is_none() => "1263",
            OrderStatus::Done | OrderStatus::Frozen | OrderStatus::Released | OrderStatus::Reversed => "0000",
        }
    }

    /// QFPay's `cancel`: 0 no, 1 reversed, 2 closed, 3 refunded, 4 pre-authorisation done, 5 partly refunded.
    pub(super) fn cancel(&self) -> &'static str {
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
    pub(super) fn words(&self) -> &'static str {
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
    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.status, OrderStatus::DoneWhenQueried(_, from) if from.is_none_or(|from| from <= now))
    }

    /// Whether the payer can still pay it.
    pub(super) fn is_open(&self) -> bool {
        self.origssn.is_none()
            && matches!(self.status, OrderStatus::Pending | OrderStatus::DoneWhenQueried(..))
    }

    /// Whether something of it can be given back.
    pub(super) fn is_refundable(&self) -> bool {
        self.origssn.is_none() && self.status == OrderStatus::Done && self.refunded < self.request.txamt
    }

    /// The payer paid, or the channel settled: money is held for a pre-authorisation, else taken.
    pub(super) fn settle(&mut self, now: &str) {
        let holds = self.origssn.is_none() && self.request.pay_type.starts_with("8018");
        self.status = if holds { OrderStatus::Frozen } else { OrderStatus::Done };
        self.paydtm = Some(now.to_owned());
    }
}

/// All orders of all apps.
#[derive(Debug, Default)]
pub(super) struct Orders {
    by_number: BTreeMap<u64, Order>,
    by_trade_no: HashMap<(String, String), u64>,
    count: u64,
}

impl Orders {
    /// None, with numbers that go on.
    pub(super) fn emptied(&self) -> Self {
        Self { count: self.count, ..Self::default() }
    }

    /// A fresh `syssn`: the day, QFPay's look, and a counter.
    pub(super) fn next_syssn(&mut self, now: &str) -> String {
        self.count += 1;
        let day: String = now.chars().take(10).filter(char::is_ascii_digit).collect();
        format!("{day}00020002{:010}", self.count)
    }

    /// Records an order that stands as given.
    pub(super) fn add(
        &mut self,
        app: &Arc<App>,
        request: Ordered,
        origssn: Option<String>,
        status: OrderStatus,
        now: &str,
    ) -> &mut Order {
        if self.by_number.len() >= KEPT
            && let Some((number, old)) = self.by_number.pop_first()
        {
            let key = (old.app.name.clone(), old.request.out_trade_no);
            if self.by_trade_no.get(&key) == Some(&number) {
                self.by_trade_no.remove(&key);
            }
        }
        let syssn = self.next_syssn(now);
        let number = self.count;
        self.by_trade_no.insert((app.name.clone(), request.out_trade_no.clone()), number);
        let ticket = Uuid::new_v4().simple().to_string();
        let sysdtm = now.to_owned();
        let order = Order {
            number,
            syssn,
            app: app.clone(),
            origssn,
            status,
            request,
            sysdtm,
            paydtm: None,
            ticket,
            refunded: 0,
            note: None,
            notified: None,
            appears: None,
            queries_to_drop: 0,
        };
        self.by_number.entry(number).or_insert(order)
    }

    /// The app's order with this `syssn`.
    pub(super) fn by_syssn(&mut self, app: &App, syssn: &str) -> Option<&mut Order> {
        let counter = syssn.get(syssn.len().checked_sub(10)?..)?;
        let order = self.by_number.get_mut(&counter.parse().ok()?)?;
        (order.syssn == syssn && order.app.name == app.name).then_some(order)
    }

    /// The app's order with this `out_trade_no`, payment or refund.
    pub(super) fn by_out_trade_no(&mut self, app: &App, out_trade_no: &str) -> Option<&mut Order> {
        let number = self.by_trade_no.get(&(app.name.clone(), out_trade_no.to_owned()))?;
        self.by_number.get_mut(number)
    }

    /// The order behind a payment page.
    pub(super) fn by_ticket(&mut self, ticket: &str) -> Option<&mut Order> {
        self.by_number.values_mut().rev().find(|order| order.origssn.is_none() && order.ticket == ticket)
    }

    /// The order with this number, for the console.
    pub(super) fn by_number(&mut self, number: u64) -> Option<&mut Order> {
        self.by_number.get_mut(&number)
    }

    /// Gives back what is left of a paid order, at most this much, without a call of the shop's. Answers the refund's number.
    pub(super) fn give_back(&mut self, number: u64, at_most: u64, now: &str) -> Option<u64> {
        let order = self.by_number.get_mut(&number).filter(|order| order.is_refundable())?;
        let txamt = (order.request.txamt - order.refunded).min(at_most);
        order.refunded += txamt;
        let (app, origssn) = (order.app.clone(), order.syssn.clone());
        let request = Ordered {
            out_trade_no: format!("sandbox-refund-{origssn}-{}", order.refunded),
            txamt,
            txdtm: now.to_owned(),
            return_url: None,
            goods_name: None,
            ..order.request.clone()
        };
        let refund = self.add(&app, request, Some(origssn), OrderStatus::Done, now);
        refund.settle(now);
        Some(refund.number)
    }

    /// All orders, the newest first.
    pub(super) fn newest_first(&mut self) -> impl Iterator<Item = &mut Order> {
        self.by_number.values_mut().rev()
    }
}
