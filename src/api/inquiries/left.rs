//! What an earlier process left in doubt: its numbers are held before any call is taken, and its orders are asked for.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Duration, Instant};

use super::super::Api;
use crate::caller::RequestId;
use crate::endpoint::{self, Endpoint};
use crate::orders::journal::{Doubt, Journal, Ticket, is_kept_whole};
use crate::orders::{self, Order, Purpose};

/// A doubt of an earlier process as this one knows it.
struct Left {
    order: Order,
    doubt: orders::Doubt,
    hold: Duration,
}

impl Api {
    /// Takes up what an earlier process left in doubt. Called before any listener takes a call: whoever sends a number again has
    /// waited for the port, and comes first.
    pub fn take_up_doubts(&self) {
        let doubts = self.lasting.journal.as_ref().map(Journal::take_doubts).unwrap_or_default();
        let left: Vec<_> = doubts.iter().filter_map(|doubt| self.left(doubt)).collect();
        // The oldest first: the newest stay where there are too many.
        for Left { order, hold, .. } in &left {
            self.lasting.orders.hold(order, *hold);
        }
        // The newest first: what the crash met is among them.
        for Left { order, doubt, .. } in left.into_iter().rev() {
            self.lasting.orders.take_up(&order, doubt);
        }
    }

    fn left(&self, doubt: &Doubt) -> Option<Left> {
        let begin = &doubt.begin;
        let app = self.keyring.by_name(begin.app.as_deref()?)?;
        let endpoint = endpoint::find(begin.endpoint.as_deref()?).ok()?;
        let purpose = purpose(endpoint)?;
        let syssn = begin.syssn.as_deref();
        // Cut, it would be another order's.
        let numbers = [begin.mchid.as_deref(), begin.out_trade_no.as_deref(), syssn];
        if !numbers.into_iter().flatten().all(is_kept_whole) {
            return None;
        }
        let order = Order::named(app, begin.mchid.as_deref(), begin.out_trade_no.as_deref(), syssn)?;
        let called = OffsetDateTime::parse(&begin.at, &Rfc3339).ok()?;
        let age = (OffsetDateTime::now_utc() - called).max(time::Duration::ZERO).unsigned_abs();
        // Its hold is counted anew, and once: what starts again and again holds nothing for ever.
        let whole =
            self.quota.longest_wait() + self.upstream.longest_call() + self.orders.hold + self.orders.hold;
        let is_held = self.orders.one_flight && purpose == Purpose::Make;
        let hold = if is_held { self.orders.hold } else { Duration::ZERO };
        let hold = hold.min(whole.saturating_sub(age));
        let follow = if self.routes.allows(endpoint::QUERY) { self.orders.follow } else { Duration::ZERO };
        let since = Instant::now();
        let request_id = RequestId::kept(begin.request_id.as_deref().unwrap_or_default());
        let ticket = Some(Ticket::of(begin.id));
        let endpoint = endpoint.label();
        let doubt =
            orders::Doubt { request_id, endpoint, purpose, called, since, until: since + follow, ticket };
        Some(Left { order, doubt, hold })
    }
}

/// What a call to that endpoint is to do with an order; nothing where the order does not tell what became of the call.
fn purpose(endpoint: &Endpoint) -> Option<Purpose> {
    match (endpoint.makes_order(), endpoint.ends_order()) {
        (true, _) => Some(Purpose::Make),
        (_, true) => Some(Purpose::End),
        _ => None,
    }
}
