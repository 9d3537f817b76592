//! What an earlier process left in doubt: its numbers are held before any call is taken, and its orders are asked for.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Duration, Instant};

use super::super::Api;
use crate::caller::RequestId;
use crate::endpoint::{self, Endpoint};
use crate::orders::journal::{Doubt, Journal, Ticket, is_kept_whole};
use crate::orders::{self, Order, Purpose};

/// What is older is left to people: QFPay has long known it, and each start would ask anew.
const OLDEST: Duration = Duration::from_secs(7 * 86_400);

/// A doubt of an earlier process as this one knows it.
struct Left {
    order: Order,
    doubt: orders::Doubt,
    hold: Duration,
    is_old: bool,
}

/// Why a doubt is not taken up.
enum Untaken<'a> {
    /// Its app is configured no longer, or has another name.
    NoApp(&'a str),
    /// No order tells what became of it: a refund without a number of its own, a number that was cut, an endpoint of another kind.
    NoOrder,
}

impl Api {
    /// Takes up what an earlier process left in doubt. Called before any listener takes a call: whoever sends a number again has
    /// waited for the port, and comes first.
    pub fn take_up_doubts(&self) {
        let doubts = self.lasting.journal.as_ref().map(Journal::take_doubts).unwrap_or_default();
        let (mut apps, mut of_no_app, mut of_no_order) = (BTreeSet::new(), 0, 0);
        let mut left = Vec::with_capacity(doubts.len());
        for doubt in &doubts {
            match self.left(doubt) {
                Ok(known) => left.push(known),
                Err(Untaken::NoApp(name)) => {
                    of_no_app += 1;
                    apps.insert(name);
                }
                Err(Untaken::NoOrder) => of_no_order += 1,
            }
        }
        // The oldest first: the newest stay where there are too many.
        for Left { order, hold, .. } in &left {
            self.lasting.orders.hold(order, *hold);
        }
        let (mut old, mut too_many) = (0, 0);
        // The newest first: what the crash met is among them.
        for (rank, known) in (0..).zip(left.into_iter().rev()) {
            let Left { order, mut doubt, is_old, .. } = known;
            // One behind the other, so that those whose queries the quota lets wait are the oldest.
            doubt.since += Duration::from_millis(rank);
            doubt.until += Duration::from_millis(rank);
            match is_old {
                true => old += 1,
                false => too_many += usize::from(!self.lasting.orders.take_up(&order, doubt)),
            }
        }
        let untaken = of_no_app + of_no_order + old + too_many;
        if untaken > 0 {
            let apps = Vec::from_iter(apps).join(", ");
            tracing::warn!(
                doubts = untaken,
                of_no_app,
                apps,
                of_no_order,
                old,
                too_many,
                "what an earlier process left in doubt is not all followed: `qfpay-sidecar journal doubt` shows it, to be settled by hand"
            );
        }
    }

    fn left<'a>(&self, doubt: &'a Doubt) -> Result<Left, Untaken<'a>> {
        let begin = &doubt.begin;
        let name = begin.app.as_deref().unwrap_or_default();
        let app = self.keyring.by_name(name).ok_or(Untaken::NoApp(name))?;
        let known = begin.endpoint.as_deref().and_then(|path| endpoint::find(path).ok());
        let known = known.and_then(|endpoint| Some((endpoint, purpose(endpoint)?)));
        let (endpoint, purpose) = known.ok_or(Untaken::NoOrder)?;
        let syssn = begin.syssn.as_deref();
        let numbers = [begin.mchid.as_deref(), begin.out_trade_no.as_deref(), syssn];
        // Cut, it would be another order's. And the syssn of a refund is that of its payment, which says nothing about it.
        let is_told = numbers.into_iter().flatten().all(is_kept_whole)
            && (purpose == Purpose::End || begin.out_trade_no.is_some());
        let order = Order::named(app, begin.mchid.as_deref(), begin.out_trade_no.as_deref(), syssn);
        let called = OffsetDateTime::parse(&begin.at, &Rfc3339).ok();
        let told = order.zip(called).filter(|_| is_told);
        let (order, called) = told.ok_or(Untaken::NoOrder)?;
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
        Ok(Left { order, doubt, hold, is_old: age > OLDEST })
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
