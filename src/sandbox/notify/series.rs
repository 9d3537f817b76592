//! The attempts of a notification: QFPay repeats it until it is answered with HTTP 200 and SUCCESS, for about a day.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::Inner;
use super::super::clock::{Event, Waiting};
use super::notices::{MOST_PENDING, Next};
use super::{Notification, post};

/// How long QFPay waits after each attempt (protocol sheet, section 5): 2 m, 10 m, 10 m, 60 m, 2 h, 6 h, 15 h.
const WAITS: [Duration; 7] = [
    Duration::from_secs(120),
    Duration::from_secs(600),
    Duration::from_secs(600),
    Duration::from_secs(3600),
    Duration::from_secs(7200),
    Duration::from_secs(21_600),
    Duration::from_secs(54_000),
];

/// Sends a notification in the background, again and again on QFPay's schedule. Ends with the sandbox.
pub(in super::super) fn send(inner: &Arc<Inner>, notification: Notification) {
    let Some(number) = begin(inner, &notification) else { return };
    let mut alive = inner.alive.subscribe();
    let (clock, scale) = (inner.clock.waiting(), inner.options.time_scale.max(1));
    let inner = Arc::downgrade(inner);
    tokio::spawn(async move {
        tokio::select! {
            // All was forgotten, or (an error) the sandbox is gone.
            _ = alive.changed() => {}
            () = series(inner, number, notification, scale, clock) => {}
        }
    });
}

fn begin(inner: &Inner, notification: &Notification) -> Option<u64> {
    let mut state = inner.state();
    let number = state.notices.begin(notification);
    if let (None, Some(order)) = (number, state.orders.by_number(notification.order)) {
        order.notified = Some(format!("not sent: {MOST_PENDING} notifications are pending already"));
    }
    number
}

/// Holds the sandbox weakly, so that waiting keeps nothing alive.
async fn series(inner: Weak<Inner>, number: u64, notification: Notification, scale: u32, mut clock: Waiting) {
    let mut waits = WAITS.iter();
    loop {
        let Notification { address, uri, body, signature, .. } = &notification;
        let (said, accepted) = match post(*address, uri, body, signature).await {
            Ok(answer) => {
                let word =
                    if answer.accepted() { "accepted" } else { "not accepted (QFPay wants 200 and SUCCESS)" };
                (format!("{word}: HTTP {}, {} bytes", answer.status, answer.body.len()), answer.accepted())
            }
            Err(error) => (format!("failed: {error}"), false),
        };
        let wait = waits.next().filter(|_| !accepted).map(|wait| *wait / scale);
        let Some(alive) = inner.upgrade() else { return };
        // Before the time is told: who reads it may turn the clock at once.
        clock.mark();
        let next = match wait {
            _ if accepted => Next::Accepted,
            Some(wait) => Next::At(alive.clock.after(wait)),
            None => Next::GivenUp,
        };
        record(&alive, number, notification.order, said, next);
        drop(alive);
        let Some(wait) = wait else { return };
        clock.sleep(wait).await;
        let Some(alive) = inner.upgrade() else { return };
        if let Some(notice) = alive.state().notices.by_number(number) {
            notice.next = Next::UnderWay;
        }
        alive.changed();
    }
}

fn record(inner: &Inner, number: u64, order: u64, said: String, next: Next) {
    let mut state = inner.state();
    if let Some(order) = state.orders.by_number(order) {
        order.notified = Some(format!("{said}; {}", next.words()));
    }
    if let Some(notice) = state.notices.by_number(number) {
        notice.attempts.push(Event::new(&inner.clock.now(), said));
        notice.next = next;
    }
    inner.changed();
}
