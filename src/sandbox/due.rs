//! Orders that change by themselves after a while: a magic amount asked for it.

use std::sync::Arc;
use std::time::Duration;

use super::{Inner, notify};

/// Waits in the background, by the sandbox's clock, then lets the order come due. Ends with the sandbox.
pub(super) fn wait(inner: &Arc<Inner>, number: u64, wait: Duration) {
    let (mut alive, mut clock) = (inner.alive.subscribe(), inner.clock.waiting());
    let inner = Arc::downgrade(inner);
    tokio::spawn(async move {
        tokio::select! {
            _ = alive.changed() => return,
            () = clock.sleep(wait) => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        for notification in come_due(&inner, number) {
            notify::send(&inner, notification);
        }
    });
}

/// The order is paid, or can be found, from now on; the shop is told, unless a query was first to find it paid.
fn come_due(inner: &Inner, number: u64) -> Vec<notify::Notification> {
    let mut state = inner.state();
    let Some(order) = state.orders.by_number(number) else { return Vec::new() };
    let waits = order.is_due(inner.clock.instant());
    if waits {
        order.settle(&inner.clock.now(), "paid after its time had come");
    }
    if order.appears.take().is_none() && !waits {
        return Vec::new();
    }
    inner.changed();
    inner.notifications(&mut state, &[number])
}
