//! What an app used stays used when the configuration changes: QFPay counts on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caution::Caution;
use super::local::Local;
use super::pause::{Lengths, Pause};
use super::queue::Queue;
use super::rate::Rates;
use super::{AppQuota, Quota, Settings, figures};
use crate::credentials::App;

/// How long the quota of an app that was taken out is kept, in case it comes back: QFPay's longest window.
const KEPT: Duration = Duration::from_secs(60);

impl Quota {
    /// The quotas of another configuration, with the same store. An app is known again by its `app_code`; calls that wait or
    /// are in flight go on with the buckets that they began with, which are the same ones unless their rates changed.
    pub fn renewed(&self, settings: &Settings, apps: &[Arc<App>]) -> Self {
        let (rates, pauses) = figures(settings);
        let now = Instant::now();
        let gone = self.gone.iter().filter(|(since, _)| now.duration_since(*since) < KEPT).cloned();
        let before: Vec<_> = gone.chain(self.apps.values().map(|quota| (now, quota.clone()))).collect();
        let mut known: HashMap<_, _> =
            before.into_iter().map(|(since, quota)| (quota.app_code.clone(), (since, quota))).collect();
        let mut quota = |app: &Arc<App>| {
            let quota = match known.remove(&app.app_code) {
                Some((_, same)) if (same.rates, same.pauses) == (rates, pauses) => same,
                Some((_, other)) => Arc::new(other.with(rates, pauses)),
                None => Arc::new(AppQuota::new(app, rates, pauses)),
            };
            (app.name.clone(), quota)
        };
        let renewed = apps.iter().map(&mut quota).collect();
        Self {
            apps: renewed,
            gone: known.into_values().collect(),
            rates,
            max_wait: settings.max_wait,
            store: self
                .store
                .as_ref()
                .zip(rates)
                .map(|(store, rates)| Arc::new(store.renewed(apps, rates, pauses))),
            reconnecting: self.reconnecting.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

impl AppQuota {
    /// The same with other figures.
    fn with(&self, rates: Option<Rates>, pauses: Lengths) -> Self {
        let local = rates.map(|rates| match &self.local {
            Some(before) => Local::after(before, rates),
            None => Local::new(rates),
        });
        Self {
            app_code: self.app_code.clone(),
            rates,
            pauses,
            local,
            pause: Pause::with(&self.pause, pauses),
            caution: Caution::with(&self.caution, pauses),
            payments: Queue::default(),
            others: Queue::default(),
        }
    }
}
