//! QFPay's quota: how many calls of an app may go to it, and who waits or is refused first.
//!
//! Every call takes a token of its app's bucket before it is signed. Calls that only read also need one of a smaller
//! bucket, so that they can never use up money's share. A call waits for its token within `quota.max_wait_ms`. QFPay's own
//! 429 makes the app pause. The buckets are here, or in Redis where several sidecars share one merchant (docs/quota.md).

mod local;
mod pause;
mod queue;
mod rate;
mod store;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::config;
use crate::credentials::App;
use crate::endpoint::Effect;
use crate::metrics::Metrics;
use local::{Local, Ticket};
use pause::{Lengths, Pause};
use queue::Queue;
pub use rate::Rate;
use store::Store;

/// The quotas of all apps.
#[derive(Debug)]
pub struct Quota {
    apps: HashMap<String, AppQuota>,
    /// All calls, and those that only read; nothing when the quota is off.
    rates: Option<(Rate, Rate)>,
    max_wait: Duration,
    store: Option<Arc<Store>>,
    keeper: Option<JoinHandle<()>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct AppQuota {
    local: Option<Local>,
    pause: Arc<Pause>,
    /// Apart from each other: a payment does not wait behind queries.
    reading: Queue,
    others: Queue,
}

/// That a call may go. What QFPay answers is told to [`Quota::answered`].
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    went: Instant,
    /// Whether the store remembers a pause, which an answer ends.
    strikes: bool,
}

/// Why a call may not go now. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bucket is empty, and would be for longer than `quota.max_wait_ms`.
    #[error(
        "app {app} has used up its quota, quota.per_second and quota.per_minute{}; the next call may go in {} ms, and \
         quota.max_wait_ms is shorter", share(*.reads), .wait.as_millis()
    )]
    Exceeded {
        /// The app's name.
        app: String,
        /// Whether the call only reads, so that `quota.reserved_percent` was not for it.
        reads: bool,
        /// After how long it is worth trying again.
        wait: Duration,
    },
    /// QFPay answered 429 to an earlier call.
    #[error("QFPay answered 429 to a call of app {app}, whose calls pause for {} ms more", .wait.as_millis())]
    Paused {
        /// The app's name.
        app: String,
        /// How long the pause still is.
        wait: Duration,
    },
}

fn share(reads: bool) -> &'static str {
    if reads { ", without the part that quota.reserved_percent keeps for payments" } else { "" }
}

impl Refused {
    /// After how many whole seconds it is worth trying again, at least 1.
    pub fn retry_after(&self) -> u64 {
        let (Self::Exceeded { wait, .. } | Self::Paused { wait, .. }) = self;
        (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
    }
}

/// What a bucket, or the store, says to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Go { strikes: bool },
    Wait(Duration),
    Pause(Duration),
}

/// Who decided, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Local,
    Store,
    Fallback,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Store => "store",
            Self::Fallback => "fallback",
        }
    }
}

impl Quota {
    /// Full buckets for these apps. With a store, looks for it once before it returns, and keeps looking in a task of its own.
    pub async fn start(settings: &config::Quota, apps: &[Arc<App>], metrics: Arc<Metrics>) -> Self {
        let rates = Rate::within(settings.per_second, settings.per_minute);
        let rates = rates.map(|all| (all, all.share(100 - settings.reserved_percent)));
        let pauses = Lengths { first: settings.pause, longest: settings.pause_max };
        let quota = |app: &Arc<App>| {
            let quota = AppQuota {
                local: rates.map(|(all, reads)| Local::new(all, reads)),
                pause: Arc::new(Pause::new(pauses)),
                reading: Queue::default(),
                others: Queue::default(),
            };
            (app.name.clone(), quota)
        };
        let store = settings.store.as_ref().zip(rates);
        let store =
            store.map(|(store, rates)| Arc::new(Store::new(store, apps, rates, pauses, metrics.clone())));
        let mut keeper = None;
        if let Some(store) = &store {
            store.look().await;
            keeper = Some(tokio::spawn(store.clone().keep()));
        }
        let apps = apps.iter().map(quota).collect();
        Self { apps, rates, max_wait: settings.max_wait, store, keeper, metrics }
    }

    /// Takes a token for a call that is about to be sent, and waits for one if that helps.
    ///
    /// # Errors
    /// [`Refused`] when there is none within `quota.max_wait_ms`, or the app pauses.
    pub async fn admit(&self, app: &App, effect: Effect) -> Result<Pass, Refused> {
        let Some(quota) = self.apps.get(&app.name) else {
            return Ok(Pass { went: Instant::now(), strikes: false });
        };
        let mut ticket = Ticket::new(effect);
        let (admitted, source, waited) = self.within(quota, app, &mut ticket).await;
        let outcome = match &admitted {
            Ok(_) if waited => "waited",
            Ok(_) => "passed",
            Err(Refused::Exceeded { .. }) => "exceeded",
            Err(Refused::Paused { .. }) => "paused",
        };
        self.metrics.decided_on_quota(&app.name, source.as_str(), outcome);
        admitted
    }

    /// Takes a token for the repeat of a call that only reads, if there is one at once.
    pub async fn try_again(&self, app: &App) -> Option<Pass> {
        let quota = self.apps.get(&app.name)?;
        let (decision, source) = self.decide(quota, app, &mut Ticket::new(Effect::Reads)).await;
        let (pass, outcome) = match decision {
            Decision::Go { strikes } => (Some(Pass { went: Instant::now(), strikes }), "passed"),
            Decision::Wait(_) => (None, "exceeded"),
            Decision::Pause(_) => (None, "paused"),
        };
        self.metrics.decided_on_quota(&app.name, source.as_str(), outcome);
        pass
    }

    /// Hears what QFPay answered to a call that was let go: 429 makes the app pause, anything else ends its pauses.
    pub fn answered(&self, app: &App, pass: Pass, status: StatusCode, headers: &HeaderMap) {
        let Some(quota) = self.apps.get(&app.name) else { return };
        let store = self.store.clone().map(|store| (store, app.name.clone()));
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = pause::retry_after(headers, OffsetDateTime::now_utc());
            let length = quota.pause.refused(pass.went, retry_after, Instant::now());
            if length.is_zero() {
                return;
            }
            self.metrics.paused_by_upstream(&app.name);
            tracing::warn!(
                app = app.name,
                ms = length.as_millis(),
                "QFPay answered 429: calls of the app pause"
            );
            if let Some((store, name)) = store {
                // Apart, since the caller's answer may not wait for it.
                tokio::spawn(async move { store.refused(&name, pass.went.elapsed(), retry_after).await });
            }
        } else {
            quota.pause.answered(pass.went);
            if let Some((store, name)) = store.filter(|_| pass.strikes) {
                tokio::spawn(async move { store.answered(&name, pass.went.elapsed()).await });
            }
        }
    }

    /// The whole way of a call to its token: what came of it, who decided, and whether it had to wait.
    async fn within(
        &self,
        quota: &AppQuota,
        app: &App,
        ticket: &mut Ticket,
    ) -> (Result<Pass, Refused>, Source, bool) {
        let deadline = Instant::now() + self.max_wait;
        let queue = if ticket.reads { &quota.reading } else { &quota.others };
        let (mut decision, mut source) = match queue.len() {
            0 => self.decide(quota, app, ticket).await,
            // Whoever came before goes first.
            ahead => (Decision::Wait(self.period(*ticket) * (ahead + 1)), Source::Local),
        };
        let (mut line, reads) = (None, ticket.reads);
        loop {
            let wait = match decision {
                Decision::Go { strikes } => {
                    return (Ok(Pass { went: Instant::now(), strikes }), source, line.is_some());
                }
                Decision::Pause(wait) => {
                    return (Err(Refused::Paused { app: app.name.clone(), wait }), source, false);
                }
                Decision::Wait(wait) => wait,
            };
            let exceeded = || Refused::Exceeded { app: app.name.clone(), reads, wait };
            if Instant::now() + wait > deadline {
                return (Err(exceeded()), source, false);
            }
            if line.is_none() {
                let place = queue.join();
                let Some(first) = place.first(deadline).await else {
                    return (Err(exceeded()), source, false);
                };
                line = Some((first, place));
            } else {
                sleep(wait).await;
            }
            (decision, source) = self.decide(quota, app, ticket).await;
        }
    }

    async fn decide(&self, quota: &AppQuota, app: &App, ticket: &mut Ticket) -> (Decision, Source) {
        if let Some(wait) = quota.pause.left(Instant::now()) {
            return (Decision::Pause(wait), Source::Local);
        }
        if let Some(store) = &self.store {
            return store.decide(&app.name, ticket).await;
        }
        let taken = quota.local.as_ref().map_or(Ok(()), |local| local.take(ticket));
        (taken.map_or_else(Decision::Wait, |()| Decision::Go { strikes: false }), Source::Local)
    }

    fn period(&self, ticket: Ticket) -> Duration {
        let rate = self.rates.map(|(all, reads)| if ticket.reads { reads } else { all });
        rate.map_or(Duration::ZERO, |rate| rate.period)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::{AppCode, ClientKey, HexCase, SANDBOX_CLIENT_KEY, SignType};

    #[tokio::test]
    async fn a_repeat_takes_a_token_or_does_not_happen() {
        let key = SANDBOX_CLIENT_KEY.as_bytes().to_vec().into();
        let app = Arc::new(App {
            name: "shop".to_owned(),
            app_code: AppCode::new("A1").unwrap(),
            client_key: ClientKey::new(key, false).unwrap(),
            key_source: String::new(),
            mchid: None,
            sign_type: SignType::Md5,
            hex_case: HexCase::Upper,
        });
        let settings = config::Quota {
            per_second: 0,
            per_minute: 4,
            reserved_percent: 0,
            max_wait: Duration::from_secs(30),
            pause: Duration::from_secs(60),
            pause_max: Duration::from_secs(60),
            store: None,
        };
        let apps = [app.clone()];
        let quota = Quota::start(&settings, &apps, Arc::new(Metrics::new("0"))).await;
        let pass = quota.admit(&app, Effect::Reads).await.unwrap();
        assert!(quota.try_again(&app).await.is_some());
        assert!(quota.try_again(&app).await.is_none(), "two at once are all, and a repeat never waits");

        let quota = Quota::start(&settings, &apps, Arc::new(Metrics::new("0"))).await;
        quota.answered(&app, pass, StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new());
        assert!(quota.try_again(&app).await.is_none(), "the app pauses");
    }
}
