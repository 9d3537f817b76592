//! The attempts of a notification: QFPay repeats it until it is answered with HTTP 200 and SUCCESS, for about a day.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::{Inner, clock};
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

/// How many notifications may be on their way or wait for their next attempt.
const MOST_PENDING: usize = 256;

/// How many notifications are remembered, pending ones included.
const REMEMBERED: usize = 512;

/// What became of a notification so far.
#[derive(Clone, Debug)]
pub(in super::super) struct Notice {
    pub out_trade_no: String,
    pub kind: &'static str,
    pub url: String,
    /// When, and what was answered; at most eight.
    pub attempts: Vec<(String, String)>,
    pub next: Next,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Next {
    /// An attempt is under way.
    UnderWay,
    /// The next attempt is made then.
    At(String),
    /// The receiver took it.
    Accepted,
    /// QFPay's schedule is over.
    GivenUp,
}

impl Next {
    /// For people.
    pub(in super::super) fn words(&self) -> String {
        match self {
            Self::UnderWay => "an attempt is under way".to_owned(),
            Self::At(at) => format!("next attempt at {at}"),
            Self::Accepted => "done".to_owned(),
            Self::GivenUp => "given up: no attempt was accepted".to_owned(),
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self, Self::UnderWay | Self::At(_))
    }
}

/// The notifications of late.
#[derive(Debug, Default)]
pub(in super::super) struct Notices {
    by_number: BTreeMap<u64, Notice>,
    count: u64,
}

impl Notices {
    /// Numbers a notification; none if too many are pending.
    fn begin(&mut self, notification: &Notification) -> Option<u64> {
        if self.by_number.values().filter(|notice| notice.next.is_pending()).count() >= MOST_PENDING {
            return None;
        }
        if self.by_number.len() >= REMEMBERED {
            // There is one: fewer are pending than are remembered.
            let oldest = self.by_number.iter().find(|(_, notice)| !notice.next.is_pending());
            let oldest = oldest.map(|(number, _)| *number);
            oldest.and_then(|number| self.by_number.remove(&number));
        }
        self.count += 1;
        let notice = Notice {
            out_trade_no: notification.out_trade_no.clone(),
            kind: notification.kind,
            url: notification.uri.to_string(),
            attempts: Vec::new(),
            next: Next::UnderWay,
        };
        self.by_number.insert(self.count, notice);
        Some(self.count)
    }

    /// The newest first.
    pub(in super::super) fn newest_first(&self) -> impl Iterator<Item = &Notice> {
        self.by_number.values().rev()
    }
}

/// Sends a notification in the background, again and again on QFPay's schedule. Ends with the sandbox.
pub(in super::super) fn send(inner: &Arc<Inner>, notification: Notification) {
    let Some(number) = begin(inner, &notification) else { return };
    let mut alive = inner.alive.subscribe();
    let (inner, scale) = (Arc::downgrade(inner), inner.options.time_scale.max(1));
    tokio::spawn(async move {
        tokio::select! {
            // An error means that the sandbox is gone.
            _ = alive.changed() => {}
            () = series(inner, number, notification, scale) => {}
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
async fn series(inner: Weak<Inner>, number: u64, notification: Notification, scale: u32) {
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
        let next = match wait {
            _ if accepted => Next::Accepted,
            Some(wait) => Next::At(clock::after(wait)),
            None => Next::GivenUp,
        };
        let Some(alive) = inner.upgrade() else { return };
        record(&alive, number, notification.order, said, next);
        drop(alive);
        let Some(wait) = wait else { return };
        tokio::time::sleep(wait).await;
        let Some(alive) = inner.upgrade() else { return };
        if let Some(notice) = alive.state().notices.by_number.get_mut(&number) {
            notice.next = Next::UnderWay;
        }
    }
}

fn record(inner: &Inner, number: u64, order: u64, said: String, next: Next) {
    let mut state = inner.state();
    if let Some(order) = state.orders.by_number(order) {
        order.notified = Some(format!("{said}; {}", next.words()));
    }
    if let Some(notice) = state.notices.by_number.get_mut(&number) {
        notice.attempts.push((clock::now(), said));
        notice.next = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification() -> Notification {
        Notification {
            order: 1,
            out_trade_no: "A".into(),
            kind: "payment",
            address: ([127, 0, 0, 1], 9).into(),
            uri: "http://127.0.0.1:9/".parse().unwrap(),
            body: String::new(),
            signature: String::new(),
        }
    }

    #[test]
    fn pending_ones_are_bounded_and_old_ones_forgotten() {
        let mut notices = Notices::default();
        for number in 1..=MOST_PENDING as u64 {
            assert_eq!(notices.begin(&notification()), Some(number));
        }
        assert_eq!(notices.begin(&notification()), None);
        for _ in 0..1000 {
            notices.by_number.values_mut().last().unwrap().next = Next::GivenUp;
            assert!(notices.begin(&notification()).is_some());
        }
        assert_eq!(notices.by_number.len(), REMEMBERED);
        assert!(notices.by_number.contains_key(&1), "a pending one is not forgotten");
    }
}
