//! The connection to Redis: found, lost, and found again, while what the apps use meanwhile is kept for it.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::super::Decision;
use super::connection::{Ask, Question, Redis, StoreError};
use super::shared::{Shared, lock};
use crate::metrics::Metrics;

/// How often Redis is looked for while it is away, and looked after while it is not.
const LOOK: Duration = Duration::from_millis(500);

/// The connection to Redis, which outlives every configuration.
#[derive(Debug)]
pub(in super::super) struct Link {
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

impl Link {
    pub(super) fn new(redis: Redis, metrics: Arc<Metrics>) -> Self {
        Self { redis, shared: Mutex::default(), connection: Mutex::default(), lost: Notify::new(), metrics }
    }

    /// From now on what this app used is told when Redis comes back.
    pub(super) fn knows(&self, shared: &Arc<Shared>) {
        let mut all = lock(&self.shared);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(shared));
    }

    fn shared(&self) -> Vec<Arc<Shared>> {
        lock(&self.shared).iter().filter_map(Weak::upgrade).collect()
    }

    /// The connection and its number; nothing while Redis is away.
    fn current(&self) -> Option<(MultiplexedConnection, u64)> {
        let connected = lock(&self.connection);
        Some((connected.connection.clone()?, connected.number))
    }

    /// Nothing while Redis is away.
    pub(super) async fn ask(&self, shared: &Shared, question: Question) -> Option<Decision> {
        let (connection, number) = self.current()?;
        let answer = self.redis.ask(connection, &shared.key, shared.forget, question).await;
        answer.inspect_err(|error| self.lose(number, error)).ok()
    }

    /// Asks about a number on its way: who has it, and how long it is kept. Nothing while Redis is away.
    pub(super) async fn ask_of_flight(
        &self,
        ask: Ask,
        key: &str,
        mark: &str,
        kept: Duration,
    ) -> Option<(u64, Duration)> {
        let (connection, number) = self.current()?;
        let answer = self.redis.ask_of_flight(connection, ask, key, mark, kept).await;
        answer.inspect_err(|error| self.lose(number, error)).ok()
    }

    /// Gives up a connection, once.
    fn lose(&self, number: u64, error: &StoreError) {
        let mut connected = lock(&self.connection);
        if connected.number != number || connected.connection.is_none() {
            return;
        }
        self.shared().iter().for_each(|shared| shared.begins_used_up());
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
            match self.current() {
                // A Redis that hangs is noticed before a call is, if calls are rare.
                Some((connection, number)) => {
                    if let Err(error) = self.redis.ping(connection).await {
                        self.lose(number, &error);
                    }
                }
                None => self.look().await,
            }
        }
    }
}
