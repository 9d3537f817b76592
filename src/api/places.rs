//! Places for calls in flight: what moves no money, or one app among several, never holds all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::credentials::App;
use crate::endpoint::Endpoint;
use crate::error::{Code, Failure};
use crate::metrics::Metrics;

/// The places as one configuration shares them out.
#[derive(Debug)]
pub struct Places {
    all: Arc<All>,
    /// The most that calls which move no money hold together.
    lesser: usize,
    /// With several apps: the part of the places of which an app that holds as many already gets none.
    quarter: usize,
    /// Whether there are several apps.
    counts_apps: bool,
}

/// All places, and who holds them, whatever the configuration becomes.
#[derive(Debug)]
struct All {
    free: Arc<Semaphore>,
    total: usize,
    held: Mutex<Held>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    lesser: usize,
    /// Of calls that began while there were several apps.
    by_app: HashMap<String, usize>,
}

/// Who takes a place.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    /// What is answered here without QFPay, such as a URL for a browser.
    AnsweredHere,
    /// A call of an app that goes to QFPay.
    Call {
        /// The app.
        app: Arc<App>,
        /// Whether it moves money.
        moves_money: bool,
    },
}

/// A call's place among those in flight, kept until its line is written; shutdown waits until all are free again.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    all: Arc<All>,
    holder: Holder,
    /// Whether it is counted among those of its app.
    counts_app: bool,
}

impl Holder {
    pub fn of(app: &Arc<App>, endpoint: &Endpoint) -> Self {
        match endpoint.browser_page() {
            Some(_) => Self::AnsweredHere,
            None => Self::Call { app: app.clone(), moves_money: endpoint.effect.moves_money() },
        }
    }
}

impl Places {
    /// So many places, of which `reserved_percent` percent are for calls that move money, shared by so many apps.
    pub fn new(total: usize, reserved_percent: u32, apps: usize, metrics: Arc<Metrics>) -> Self {
        let free = Arc::new(Semaphore::new(total));
        Self::of(Arc::new(All { free, total, held: Mutex::default(), metrics }), reserved_percent, apps)
    }

    /// The same places, shared out otherwise.
    pub fn renewed(&self, reserved_percent: u32, apps: usize) -> Self {
        // Apps come and go.
        self.all.held().by_app.retain(|_, count| *count > 0);
        Self::of(self.all.clone(), reserved_percent, apps)
    }

    fn of(all: Arc<All>, reserved_percent: u32, apps: usize) -> Self {
        let lesser = all.total * (100 - reserved_percent as usize) / 100;
        let counts_apps = apps > 1;
        let quarter = if counts_apps { all.total / 4 } else { 0 };
        // With one place alone, nothing can be kept.
        Self { all, lesser: lesser.max(1), quarter, counts_apps }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`Code::Busy`] when there is none for such a call. Nothing was sent.
    pub(super) fn take(&self, holder: Holder) -> Result<Place, Failure> {
        let mut held = self.all.held();
        if let Holder::Call { app, moves_money } = &holder {
            if !moves_money && held.lesser >= self.lesser {
                return Err(busy(
                    "calls that move no money hold their part of limits.in_flight; see quota.reserved_percent",
                ));
            }
            if self.quarter > 0 && held.all >= self.all.total - self.quarter && held.of(app) >= self.quarter {
                return Err(busy(
                    "the last quarter of limits.in_flight is for apps that hold less than a quarter of it",
                ));
            }
        }
        let permit = self.all.free.clone().try_acquire_owned();
        let permit = permit.map_err(|_| busy("limits.in_flight is reached"))?;
        held.count(&holder, self.counts_apps, |count| *count += 1);
        self.all.metrics.in_flight.inc();
        Ok(Place { _permit: permit, all: self.all.clone(), holder, counts_app: self.counts_apps })
    }
}

impl All {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, app: &App) -> usize {
        self.by_app.get(&app.name).copied().unwrap_or(0)
    }

    fn count(&mut self, holder: &Holder, counts_app: bool, change: impl Fn(&mut usize)) {
        change(&mut self.all);
        if let Holder::Call { app, moves_money } = holder {
            if !moves_money {
                change(&mut self.lesser);
            }
            if !counts_app {
                return;
            }
            match self.by_app.get_mut(&app.name) {
                Some(count) => change(count),
                None => change(self.by_app.entry(app.name.clone()).or_default()),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.held().count(&self.holder, self.counts_app, |count| *count -= 1);
        self.all.metrics.in_flight.dec();
    }
}

fn busy(detail: &'static str) -> Failure {
    Failure::refused(Code::Busy, detail)
}
