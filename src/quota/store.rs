//! The quota that several sidecars of one merchant share, in Redis. When it is away, a share of the quota applies here.
//!
//! No call waits for Redis longer than `quota.store_timeout_ms`: after one failure no call asks any more, and a task of its
//! own reconnects.

mod connection;
mod flights;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::local::{Local, Ticket};
use super::pause::Lengths;
use super::{Decision, Pass, Rates, StoreSettings};
use crate::credentials::App;
use crate::metrics::Metrics;
use connection::{Question, Redis, StoreError};
use flights::Ask;
pub use flights::{HeldElsewhere, SharedFlights};

/// How often Redis is looked for while it is away, and looked after while it is not.
const LOOK: Duration = Duration::from_millis(500);

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

/// The connection to Redis, which outlives every configuration.
#[derive(Debug)]
pub(super) struct Link {
    redis: Redis,
    /// The quotas of every configuration in force, and of calls in flight that began with an earlier one.
    shared: Mutex<Vec<Weak<Shared>>>,
    connection: Mutex<Connected>,
    lost: Notify,
    metrics: Arc<Metrics>,
}

/// The connection, while there is one. Its number tells a late failure of an old connection from one of the present one.
#[derive(Debug, Default)]
struct Connected {
    connection: Option<MultiplexedConnection>,
    number: u64,
    loss_reported: bool,
}

/// One app's quota, and what applies here while Redis is away.
#[derive(Debug)]
struct Shared {
    key: String,
    rates: Rates,
    /// After how long without a call its hash says nothing any more.
    forget: Duration,
    /// The rates of this sidecar alone.
    alone: Rates,
    fallback: Mutex<Local>,
    /// When everything that this sidecar let go will have come back at its own share's pace. Several sidecars that forget
    /// at the pace of the whole would forget too fast.
    used_until: Mutex<Instant>,
}

impl Store {
    pub fn new(
        settings: &StoreSettings,
        apps: &[Arc<App>],
        rates: Rates,
        pauses: Lengths,
        metrics: Arc<Metrics>,
    ) -> Self {
        let link = Link {
            redis: Redis::new(settings),
            shared: Mutex::default(),
            connection: Mutex::default(),
            lost: Notify::new(),
            metrics,
        };
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

impl Link {
    fn knows(&self, shared: &Arc<Shared>) {
        let mut all = lock(&self.shared);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(shared));
    }

    fn shared(&self) -> Vec<Arc<Shared>> {
        lock(&self.shared).iter().filter_map(Weak::upgrade).collect()
    }

    /// Nothing while Redis is away.
    async fn ask(&self, shared: &Shared, question: Question) -> Option<Decision> {
        let (connection, number) = {
            let connected = lock(&self.connection);
            (connected.connection.clone()?, connected.number)
        };
        match self.redis.ask(connection, &shared.key, shared.forget, question).await {
            Ok(decision) => Some(decision),
            Err(error) => {
                self.lose(number, &error);
                None
            }
        }
    }

    /// Asks about a number on its way: who has it, and how long it is kept. Nothing while Redis is away.
    async fn ask_of_flight(
        &self,
        ask: Ask,
        key: &str,
        mark: &str,
        kept: Duration,
    ) -> Option<(u64, Duration)> {
        let (connection, number) = {
            let connected = lock(&self.connection);
            (connected.connection.clone()?, connected.number)
        };
        let answer = self.redis.ask_of_flight(connection, ask, key, mark, kept).await;
        answer.inspect_err(|error| self.lose(number, error)).ok()
    }

    /// Gives up a connection, once.
    ///
    /// The share begins used up: what other sidecars sent in this very second is not known any more.
    fn lose(&self, number: u64, error: &StoreError) {
        let mut connected = lock(&self.connection);
        if connected.number != number || connected.connection.is_none() {
            return;
        }
        for shared in self.shared() {
            *lock(&shared.fallback) = Local::empty(shared.alone);
        }
        connected.connection = None;
        self.report_loss(&mut connected, error);
        self.lost.notify_one();
    }

    /// One line for each time that Redis goes away, not for each attempt.
    fn report_loss(&self, connected: &mut Connected, error: &StoreError) {
        self.metrics.quota_store_is_up(false);
        if !std::mem::replace(&mut connected.loss_reported, true) {
            let store = self.redis.name();
            tracing::warn!(store, reason = %error, "the quota's store is away; quota.local_percent of the quota applies here");
        }
    }

    /// Looks for Redis once.
    pub async fn look(&self) {
        match self.connect().await {
            Ok(connection) => {
                let mut connected = lock(&self.connection);
                connected.connection = Some(connection);
                connected.number += 1;
                connected.loss_reported = false;
                self.metrics.quota_store_is_up(true);
                tracing::info!(store = self.redis.name(), "the quota is shared through its store");
            }
            Err(error) => self.report_loss(&mut lock(&self.connection), &error),
        }
    }

    /// Connects, and charges what was let go here meanwhile, or lately, in case Redis came back without its memory.
    ///
    /// Asks for all that will be asked for, so that a user who may not do it is away from the beginning.
    async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let connection = self.redis.connect().await?;
        self.redis.ping(connection.clone()).await?;
        for shared in self.shared() {
            let charge = Question::Charge { all: shared.rates.all, owed: shared.owed() };
            self.redis.ask(connection.clone(), &shared.key, shared.forget, charge).await?;
        }
        Ok(connection)
    }

    /// Looks after the connection, and for a new one while there is none. Never ends.
    pub async fn reconnect(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                // Not at once: what failed just now needs a moment.
                () = self.lost.notified() => sleep(LOOK).await,
            }
            let (connection, number) = {
                let connected = lock(&self.connection);
                (connected.connection.clone(), connected.number)
            };
            match connection {
                // A Redis that hangs is noticed before a call is, if calls are rare.
                Some(connection) => {
                    if let Err(error) = self.redis.ping(connection).await {
                        self.lose(number, &error);
                    }
                }
                None => self.look().await,
            }
        }
    }
}

impl Shared {
    fn used_one(&self) {
        let (now, alone) = (Instant::now(), self.alone.all);
        let mut until = lock(&self.used_until);
        *until = ((*until).max(now) + alone.period).min(now + alone.period * self.rates.all.burst);
    }

    /// What of it has not come back yet, as a time at the pace of the whole.
    fn owed(&self) -> Duration {
        let left = lock(&self.used_until).saturating_duration_since(Instant::now());
        left.mul_f64(self.rates.all.period.as_secs_f64() / self.alone.all.period.as_secs_f64())
    }
}

/// Nothing panics while one of these is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
