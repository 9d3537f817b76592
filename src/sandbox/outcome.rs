//! What the sandbox remembers, and what a request leads to.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::HeaderValue;

use super::received::{self, Verdict};
use super::{magic, notify, orders, quota, verify, weixin};

/// Everything that changes.
#[derive(Debug, Default)]
pub(super) struct State {
    pub orders: orders::Orders,
    pub weixin: weixin::Weixin,
    pub quota: quota::Quota,
    pub received: received::Log,
    pub notices: notify::Notices,
}

impl State {
    /// As at the beginning, but for the numbers that were given.
    pub(super) fn forget(&mut self) {
        *self = Self {
            orders: self.orders.emptied(),
            received: self.received.emptied(),
            notices: self.notices.emptied(),
            ..Self::default()
        };
    }
}

/// What a request led to, before a magic amount spoils the answer.
pub(super) struct Outcome {
    pub response: Response<Full<Bytes>>,
    pub magic: Option<magic::Answer>,
    pub notifications: Vec<notify::Notification>,
    /// The number of an order that changes by itself, and after which time.
    pub later: Option<(u64, Duration)>,
    pub app: Option<String>,
    pub canonical: Option<String>,
    pub verdict: Verdict,
    pub respcd: Option<String>,
    pub named: received::Named,
    /// QFPay's JSON that the caller gets to read.
    pub said: Option<String>,
}

impl Outcome {
    /// An unsigned answer: a page, a file, a refusal.
    pub(super) fn page(response: Response<Full<Bytes>>) -> Self {
        Self {
            response,
            magic: None,
            notifications: Vec::new(),
            later: None,
            app: None,
            canonical: None,
            verdict: Verdict::Unsigned,
            respcd: None,
            named: received::Named::default(),
            said: None,
        }
    }

    /// An answer to a call whose signature was looked at.
    pub(super) fn checked(response: Response<Full<Bytes>>, check: verify::Check) -> Self {
        let mut outcome = Self::page(response);
        let word = HeaderValue::from_static(check.verdict.word());
        outcome.response.headers_mut().insert("x-sandbox-signature", word);
        outcome.app = check.app.map(|app| app.name.clone());
        outcome.canonical = check.canonical;
        outcome.verdict = check.verdict;
        outcome.named = received::Named::of(&check.pairs);
        outcome
    }
}
