//! Orders and refunds in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::html::amount;
use crate::credentials::App;

mod order;

pub(super) use order::{Order, OrderStatus, Ordered, STATES};

/// How many orders are kept; the oldest are forgotten first.
const KEPT: usize = 10_000;

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
            events: Vec::new(),
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
        let back = amount(txamt, &order.request.txcurrcd);
        order.happened(now, format!("{back} given back by the sandbox"));
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
        refund.settle(now, "given back");
        Some(refund.number)
    }

    /// All orders, the newest first, to look at.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Order> {
        self.by_number.values().rev()
    }

    /// All orders, the newest first.
    pub(super) fn newest_first(&mut self) -> impl Iterator<Item = &mut Order> {
        self.by_number.values_mut().rev()
    }
}
