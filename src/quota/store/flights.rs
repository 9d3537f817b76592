//! Numbers that are on their way, told to the other sidecars: an entry for each in Redis, which forgets it by itself.
//!
//! Nothing here refuses a payment because of the store: one that is away or full says nothing, and an entry that is none of
//! `flights.lua`'s is written over.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::connection::Ask;
use super::link::Link;

/// What every entry is called, with a digest of the order behind it.
const KEY_PREFIX: &str = "qfpay-sidecar:flight:v1";

/// The numbers on their way that sidecars with one store tell each other. Clones share the store.
#[derive(Clone, Debug)]
pub struct SharedFlights(pub(in super::super) Arc<Link>);

/// Another sidecar has the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldElsewhere {
    /// It is not on its way any more, and nobody knows what became of it.
    pub in_doubt: bool,
    /// How long it is held at most.
    pub left: Duration,
}

impl SharedFlights {
    /// Takes a number for a call that is about to go, kept so long at most. Says who else has it; nothing while the store is
    /// away.
    pub async fn take(&self, name: &str, mark: &str, kept: Duration) -> Option<HeldElsewhere> {
        match self.0.ask_of_flight(Ask::Take, &key(name), mark, kept).await? {
            (0, _) => None,
            (held, left) => Some(HeldElsewhere { in_doubt: held == 2, left }),
        }
    }

    /// Gives a number back that [`SharedFlights::take`] took with this mark.
    pub fn free(self, name: &str, mark: String) {
        self.tell(Ask::Free, name, mark, Duration::ZERO);
    }

    /// It is in doubt from now on, so long.
    pub fn doubt(self, name: &str, mark: String, hold: Duration) {
        self.tell(Ask::Doubt, name, mark, hold);
    }

    /// QFPay names the order: its number is in doubt no longer.
    pub fn named(self, name: &str) {
        self.tell(Ask::Named, name, String::new(), Duration::ZERO);
    }

    /// Apart, since no caller's answer waits for it.
    fn tell(self, ask: Ask, name: &str, mark: String, time: Duration) {
        let key = key(name);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { self.0.ask_of_flight(ask, &key, &mark, time).await });
        }
    }
}

fn key(name: &str) -> String {
    format!("{KEY_PREFIX}:{name}")
}
