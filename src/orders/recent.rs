//! The calls of late that name an order, in memory: what one order went through.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::Order;
use crate::caller::RequestId;

/// How many are kept; some 400 bytes each.
const KEPT: usize = 1000;

/// A call that was answered.
#[derive(Clone, Debug)]
pub struct Passed {
    /// When it was answered.
    pub at: SystemTime,
    /// Its id in the log.
    pub request_id: RequestId,
    /// Whether the sidecar made it by itself.
    pub by_sidecar: bool,
    /// What was called, as in logs.
    pub endpoint: &'static str,
    /// The order that it named.
    pub order: Order,
    /// The status of the answer.
    pub status: u16,
    /// Whether it reached QFPay.
    pub delivery: &'static str,
    /// QFPay's `respcd`, if its answer had one of four digits.
    pub respcd: Option<u16>,
    /// The code of the sidecar's own failure; empty where there was none.
    pub error: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// The last of them.
#[derive(Debug)]
pub(super) struct Recent(Mutex<VecDeque<Passed>>);

impl Recent {
    /// All the room that it will ever need: no call waits for it to grow.
    pub fn new() -> Self {
        Self(Mutex::new(VecDeque::with_capacity(KEPT)))
    }

    pub fn remember(&self, passed: Passed) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() >= KEPT {
            calls.pop_front();
        }
        calls.push_back(passed);
    }

    /// The calls that named this order, the oldest first. Of an order that is named by both numbers, those with either.
    pub fn of(&self, order: &Order) -> Vec<Passed> {
        let named = |asked: Option<&str>, seen: Option<&str>| asked.is_some() && asked == seen;
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own =
            calls.iter().filter(|passed| passed.order.is_of(order.app(), order.mchid())).filter(|passed| {
                named(order.out_trade_no(), passed.order.out_trade_no())
                    || named(order.syssn(), passed.order.syssn())
            });
        own.cloned().collect()
    }
}
