//! QFPay's quota: how many calls of an app may go to it, and who waits or is refused first.
//!
//! Every call takes a token of its app's bucket before it is signed. Calls that move no money also need one of a smaller
//! bucket, so that they can never use up the share of those that do. A call waits for its token within `quota.max_wait_ms`.
//! After QFPay's own 429 what moves no money pauses, and payments go on one by one until one is answered. The buckets are
//! here, or in Redis where several sidecars share one merchant (docs/quota.md).

mod address;
mod caution;
mod local;
mod pause;
mod queue;
mod rate;
mod refused;
mod renewal;
mod settings;
mod store;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::credentials::{App, AppCode};
use crate::endpoint::Effect;
use crate::metrics::Metrics;
pub use address::{BadStore, StoreAddress, StoreHost};
use caution::Caution;
use local::{Local, Ticket};
use pause::{Lengths, Pause};
use queue::Queue;
use rate::{Rate, Rates};
pub use refused::Refused;
pub use settings::{Settings, StorePassword, StoreSettings};
use store::Store;
pub use store::{HeldElsewhere, SharedFlights};

/// The quotas of all apps of one configuration. What the apps used outlives it, see [`Quota::renewed`].
#[derive(Debug)]
pub struct Quota {
    apps: HashMap<String, Arc<AppQuota>>,
    /// Of apps that an earlier configuration had, since when they are gone.
    gone: Vec<(Instant, Arc<AppQuota>)>,
    /// Nothing when the quota is off.
    rates: Option<Rates>,
    max_wait: Duration,
    store: Option<Arc<Store>>,
    reconnecting: Option<Arc<Reconnecting>>,
    metrics: Arc<Metrics>,
}

/// The task that looks after the connection to the store, ended with the last quota that uses it.
#[derive(Debug)]
struct Reconnecting(JoinHandle<()>);

/// What QFPay counts: the calls of one `app_code`, whatever the app is named here.
#[derive(Debug)]
struct AppQuota {
    app_code: AppCode,
    rates: Option<Rates>,
    pauses: Lengths,
    local: Option<Local>,
    /// Of calls that move no money.
    pause: Pause,
    /// Of those that do.
    caution: Caution,
    /// Apart from each other: a payment does not wait behind queries.
    payments: Queue,
    others: Queue,
}

/// That a call may go. What QFPay answers is told to [`Quota::answered`].
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    went: Instant,
    moves_money: bool,
    /// Whether the store remembers a 429 that an answer ends.
    remembered: bool,
}

/// What a bucket, or the store, says to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Go {
        remembered: bool,
    },
    /// For a token.
    Wait(Duration),
    Pause(Duration),
    /// For the answer to a payment that went ahead; so long at most, then the next goes ahead.
    Behind(Duration),
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
    pub async fn start(
        settings: &Settings,
        store: Option<&StoreSettings>,
        apps: &[Arc<App>],
        metrics: Arc<Metrics>,
    ) -> Self {
        let (rates, pauses) = figures(settings);
        let store = store.zip(rates);
        let store =
            store.map(|(store, rates)| Arc::new(Store::new(store, apps, rates, pauses, metrics.clone())));
        let mut reconnecting = None;
        if let Some(store) = &store {
            store.link().look().await;
            reconnecting = Some(Arc::new(Reconnecting(tokio::spawn(store.link().clone().reconnect()))));
        }
        let quota = |app: &Arc<App>| (app.name.clone(), Arc::new(AppQuota::new(app, rates, pauses)));
        let apps = apps.iter().map(quota).collect();
        let (gone, max_wait) = (Vec::new(), settings.max_wait);
        Self { apps, gone, rates, max_wait, store, reconnecting, metrics }
    }

    /// Takes a token for a call that is about to be sent, and waits for one if that helps.
    ///
    /// # Errors
    /// [`Refused`] when there is none within `quota.max_wait_ms`, or calls of its kind pause.
    pub async fn admit(&self, app: &App, effect: Effect) -> Result<Pass, Refused> {
        let Some(quota) = self.apps.get(&app.name) else {
            return Ok(Pass::new(effect.moves_money(), false, Instant::now()));
        };
        let mut ticket = Ticket::new(effect);
        let (admitted, source, waited) = self.within(quota, app, &mut ticket).await;
        let outcome = match &admitted {
            Ok(_) if waited => "waited",
            Ok(_) => "passed",
            Err(Refused::Exceeded { .. }) => "exceeded",
            Err(Refused::Paused { .. } | Refused::Behind { .. }) => "paused",
        };
        self.metrics.decided_on_quota(&app.name, source.as_str(), outcome);
        admitted
    }

    /// Takes a token for the repeat of a call that only reads, if there is one at once.
    pub async fn try_again(&self, app: &App) -> Option<Pass> {
        let quota = self.apps.get(&app.name)?;
        let now = Instant::now();
        let (decision, source) = self.decide(quota, app, &mut Ticket::new(Effect::Reads), now).await;
        let (pass, outcome) = match decision {
            Decision::Go { remembered } => (Some(Pass::new(false, remembered, Instant::now())), "passed"),
            Decision::Wait(_) => (None, "exceeded"),
            Decision::Pause(_) | Decision::Behind(_) => (None, "paused"),
        };
        self.metrics.decided_on_quota(&app.name, source.as_str(), outcome);
        pass
    }

    /// Hears what QFPay answered to a call that was let go: 429 makes calls pause, anything else ends that.
    pub fn answered(&self, app: &App, pass: Pass, status: StatusCode, headers: &HeaderMap) {
        let Some(quota) = self.apps.get(&app.name) else { return };
        let (now, store) = (Instant::now(), self.store.clone().map(|store| (store, app.name.clone())));
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = pause::retry_after(headers, OffsetDateTime::now_utc());
            let mut length = quota.pause.refused(pass.went, retry_after, now);
            if length.is_zero() {
                return;
            }
            if pass.moves_money {
                length = quota.caution.refused(pass.went, now);
            } else {
                quota.caution.doubted(now);
            }
            self.metrics.paused_by_upstream(&app.name);
            let (calls, ms) = (refused::calls(pass.moves_money), length.as_millis());
            tracing::warn!(app = app.name, calls, ms, "QFPay answered 429: calls of the app pause");
            if let Some((store, name)) = store {
                // Apart, since the caller's answer may not wait for it.
                tokio::spawn(async move { store.refused(&name, pass, retry_after).await });
            }
        } else {
            match pass.moves_money {
                true => quota.caution.answered(pass.went, now),
                false => quota.pause.answered(pass.went),
            }
            if let Some((store, name)) = store.filter(|_| pass.remembered) {
                tokio::spawn(async move { store.answered(&name, pass).await });
            }
        }
    }

    /// The way to tell other sidecars which numbers are on their way, if they share a store.
    pub fn flights(&self) -> Option<SharedFlights> {
        self.store.as_ref().map(|store| SharedFlights(store.link().clone()))
    }

    /// How long a call may wait for its turn.
    pub fn longest_wait(&self) -> Duration {
        self.max_wait
    }

    async fn decide(
        &self,
        quota: &AppQuota,
        app: &App,
        ticket: &mut Ticket,
        now: Instant,
    ) -> (Decision, Source) {
        if let Some(wait) = quota.left(ticket.moves_money, now) {
            return (Decision::Pause(wait), Source::Local);
        }
        let Some(store) = &self.store else {
            let take = |ticket: &mut Ticket| quota.local.as_ref().map_or(Ok(()), |local| local.take(ticket));
            return (quota.decide(ticket, take, now), Source::Local);
        };
        match Box::pin(store.decide(&app.name, *ticket)).await {
            Some(decision) => (decision, Source::Store),
            None => {
                let take = |ticket: &mut Ticket| store.take_of_share(&app.name, ticket);
                (quota.decide(ticket, take, Instant::now()), Source::Fallback)
            }
        }
    }
}

/// The rates of every app, unless the quota is off, and the lengths of pauses.
fn figures(settings: &Settings) -> (Option<Rates>, Lengths) {
    let rates = Rate::within(settings.per_second, settings.per_minute);
    let rates = rates.map(|all| Rates::new(all, settings.reserved_percent));
    (rates, Lengths { first: settings.pause, longest: settings.pause_max })
}

impl AppQuota {
    /// Full buckets.
    fn new(app: &App, rates: Option<Rates>, pauses: Lengths) -> Self {
        Self {
            app_code: app.app_code.clone(),
            rates,
            pauses,
            local: rates.map(Local::new),
            pause: Pause::new(pauses),
            caution: Caution::new(pauses),
            payments: Queue::default(),
            others: Queue::default(),
        }
    }

    /// How much is left of the pause of such calls, as far as this process knows.
    fn left(&self, moves_money: bool, now: Instant) -> Option<Duration> {
        if moves_money { self.caution.left(now) } else { self.pause.left(now) }
    }

    /// Decides in this process, by a bucket of its own.
    fn decide(
        &self,
        ticket: &mut Ticket,
        take: impl FnOnce(&mut Ticket) -> Result<(), Duration>,
        now: Instant,
    ) -> Decision {
        match ticket.moves_money {
            true => self.caution.decide(now, || take(ticket)),
            false => take(ticket).map_or_else(Decision::Wait, |()| Decision::Go { remembered: false }),
        }
    }
}

impl Pass {
    fn new(moves_money: bool, remembered: bool, went: Instant) -> Self {
        Self { went, moves_money, remembered }
    }

    /// When it was let go.
    pub fn went(&self) -> Instant {
        self.went
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.0.abort();
    }
}
