//! The quota that several sidecars of one merchant share, in Redis. When it is away, a share of the quota applies here.
//!
//! No call waits for Redis longer than `quota.store_timeout_ms`: after one failure no call asks any more, and a task of its
//! own reconnects.

mod connection;
mod flights;
mod link;
mod shared;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::local::{Local, Ticket};
use super::pause::Lengths;
use super::{Decision, Pass, Rates, StoreSettings};
use crate::credentials::App;
use crate::metrics::Metrics;
use connection::{Question, Redis};
use link::Link;
use shared::{Shared, lock};

pub use flights::{HeldElsewhere, SharedFlights};

/// The version of `quota.lua` and of what it keeps. Sidecars of one version share a hash and understand each other's figures.
const VERSION: u32 = 2;

/// What every app's hash is called, with the version and its `app_code` behind it: that is what QFPay counts by, whatever
/// the app is named here.
const KEY_PREFIX: &str = "qfpay-sidecar:quota";

/// The shared quotas of the apps of one configuration.
#[derive(Debug)]
pub(super) struct Store {
    link: Arc<Link>,
    apps: HashMap<String, Arc<Shared>>,
    pauses: Lengths,
    local_percent: u32,
}

impl Store {
    pub fn new(
        settings: &StoreSettings,
        apps: &[Arc<App>],
        rates: Rates,
        pauses: Lengths,
        metrics: Arc<Metrics>,
    ) -> Self {
        let link = Link::new(Redis::new(settings), metrics);
        Self::of(Arc::new(link), settings.local_percent, &[], apps, rates, pauses)
    }

    /// The same Redis for another configuration. What an app used stays used.
    pub fn renewed(&self, apps: &[Arc<App>], rates: Rates, pauses: Lengths) -> Self {
        let before: Vec<_> = self.apps.values().cloned().collect();
        Self::of(self.link.clone(), self.local_percent, &before, apps, rates, pauses)
    }

    fn of(
        link: Arc<Link>,
        local_percent: u32,
        before: &[Arc<Shared>],
        apps: &[Arc<App>],
        rates: Rates,
        pauses: Lengths,
    ) -> Self {
        let forget =
            rates.all.refill().max(rates.lesser.refill()).max(pauses.longest) * 2 + Duration::from_secs(1);
        let alone = rates.share(local_percent);
        let before: HashMap<_, _> = before.iter().map(|shared| (shared.key.as_str(), shared)).collect();
        let shared = |app: &Arc<App>| {
            let key = format!("{KEY_PREFIX}:v{VERSION}:{}", app.app_code.as_str());
            let shared = match before.get(key.as_str()).copied() {
                Some(same) if (same.rates, same.forget) == (rates, forget) => same.clone(),
                other => {
                    let shared = Arc::new(Shared {
                        key,
                        rates,
                        forget,
                        alone,
                        fallback: Mutex::new(other.map_or_else(
                            || Local::new(alone),
                            |other| Local::after(&lock(&other.fallback), alone),
                        )),
                        used_until: Mutex::new(
                            other.map_or_else(Instant::now, |other| *lock(&other.used_until)),
                        ),
                    });
                    link.knows(&shared);
                    shared
                }
            };
            (app.name.clone(), shared)
        };
        Self { apps: apps.iter().map(shared).collect(), pauses, local_percent, link }
    }

    /// The connection, for the task that looks after it.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Decides for one call in Redis; nothing while Redis is away.
    pub async fn decide(&self, app: &str, ticket: Ticket) -> Option<Decision> {
        let shared = self.apps.get(app)?;
        let lesser = (!ticket.moves_money).then_some(shared.rates.lesser);
        let take = Question::Take { all: shared.rates.all, lesser, pauses: self.pauses };
        let decision = self.link.ask(shared, take).await?;
        if matches!(decision, Decision::Go { .. }) {
            shared.used_one();
        }
        Some(decision)
    }

    /// Takes a token of this sidecar's share, or says after how long it is worth asking again.
    pub fn take_of_share(&self, app: &str, ticket: &mut Ticket) -> Result<(), Duration> {
        let Some(shared) = self.apps.get(app) else { return Ok(()) };
        lock(&shared.fallback).take(ticket)?;
        shared.used_one();
        Ok(())
    }

    /// Tells the other sidecars of QFPay's 429 to a call.
    pub async fn refused(&self, app: &str, pass: Pass, retry_after: Option<Duration>) {
        if let Some(shared) = self.apps.get(app) {
            let (moves_money, age) = (pass.moves_money, pass.went.elapsed());
            self.link
                .ask(shared, Question::Refused { moves_money, age, retry_after, pauses: self.pauses })
                .await;
        }
    }

    /// Tells them that QFPay answers again.
    pub async fn answered(&self, app: &str, pass: Pass) {
        if let Some(shared) = self.apps.get(app) {
            let (moves_money, age) = (pass.moves_money, pass.went.elapsed());
            self.link.ask(shared, Question::Answered { moves_money, age, pauses: self.pauses }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_changes_the_script_looks_at_its_version() {
        // If what the hash holds, or what a figure means, is another now: a higher VERSION, so that sidecars of both
        // versions do not misread each other. In any case the new digest.
        let digest = redis::Script::new(connection::SCRIPT).get_hash().to_owned();
        assert_eq!((VERSION, &*digest), (2, "c1bcacf10c0dcd04d6d457aee667e3280a4e9511"));
        assert!(connection::SCRIPT.starts_with(&format!("-- Version {VERSION}.")));
    }
}
