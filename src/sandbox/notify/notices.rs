//! The notifications of late: bounded, with every attempt, for the console.

use std::collections::BTreeMap;

use super::super::clock::Event;
use super::Notification;

/// How many notifications may be on their way or wait for their next attempt.
pub(super) const MOST_PENDING: usize = 256;

/// How many notifications are remembered, pending ones included.
const REMEMBERED: usize = 512;

/// What became of a notification so far.
#[derive(Clone, Debug)]
pub(in super::super) struct Notice {
    /// The number of its order.
    pub order: u64,
    pub out_trade_no: String,
    pub kind: &'static str,
    pub url: String,
    /// When, and what was answered; at most eight.
    pub attempts: Vec<Event>,
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
    /// None, with numbers that go on.
    pub(in super::super) fn emptied(&self) -> Self {
        Self { count: self.count, ..Self::default() }
    }

    /// Numbers a notification; none if too many are pending.
    pub(super) fn begin(&mut self, notification: &Notification) -> Option<u64> {
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
            order: notification.order,
            out_trade_no: notification.out_trade_no.clone(),
            kind: notification.kind,
            url: notification.uri.to_string(),
            attempts: Vec::new(),
            next: Next::UnderWay,
        };
        self.by_number.insert(self.count, notice);
        Some(self.count)
    }

    /// The notification with this number, unless it is forgotten.
    pub(super) fn by_number(&mut self, number: u64) -> Option<&mut Notice> {
        self.by_number.get_mut(&number)
    }

    /// The newest first.
    pub(in super::super) fn newest_first(&self) -> impl Iterator<Item = &Notice> {
        self.by_number.values().rev()
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
