//! Places for calls in flight: what moves no money, or one app among several, never holds all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::credentials::App;
use crate::endpoint::Endpoint;
use crate::error::{Code, Failure};
use crate::metrics::Metrics;

/// All places, and who holds them.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    total: usize,
    /// The most that calls which move no money hold together.
    lesser: usize,
    /// With several apps: the part of the places of which an app that holds as many already gets none.
    quarter: usize,
    held: Mutex<Held>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    lesser: usize,
    /// Only where there are several apps.
    by_app: Option<HashMap<String, usize>>,
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
    places: Arc<Places>,
    holder: Holder,
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
        let lesser = total * (100 - reserved_percent as usize) / 100;
        Self {
            all: Arc::new(Semaphore::new(total)),
            total,
            // With one place alone, nothing can be kept.
            lesser: lesser.max(1),
            quarter: if apps > 1 { total / 4 } else { 0 },
            held: Mutex::new(Held { by_app: (apps > 1).then(HashMap::new), ..Held::default() }),
            metrics,
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`Code::Busy`] when there is none for such a call. Nothing was sent.
    pub(super) fn take(self: &Arc<Self>, holder: Holder) -> Result<Place, Failure> {
        let mut held = self.held();
        if let Holder::Call { app, moves_money } = &holder {
            if !moves_money && held.lesser >= self.lesser {
                return Err(busy(
                    "calls that move no money hold their part of limits.in_flight; see quota.reserved_percent",
                ));
            }
            if self.quarter > 0 && held.all >= self.total - self.quarter && held.of(app) >= self.quarter {
                return Err(busy(
                    "the last quarter of limits.in_flight is for apps that hold less than a quarter of it",
                ));
            }
        }
        let permit = self.all.clone().try_acquire_owned().map_err(|_| busy("limits.in_flight is reached"))?;
        held.count(&holder, |count| *count += 1);
        self.metrics.in_flight.inc();
        Ok(Place { _permit: permit, places: self.clone(), holder })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, app: &App) -> usize {
        self.by_app.as_ref().and_then(|held| held.get(&app.name)).copied().unwrap_or(0)
    }

    fn count(&mut self, holder: &Holder, change: impl Fn(&mut usize)) {
        change(&mut self.all);
        if let Holder::Call { app, moves_money } = holder {
            if !moves_money {
                change(&mut self.lesser);
            }
            let Some(by_app) = &mut self.by_app else { return };
            match by_app.get_mut(&app.name) {
                Some(count) => change(count),
                None => change(by_app.entry(app.name.clone()).or_default()),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held().count(&self.holder, |count| *count -= 1);
        self.places.metrics.in_flight.dec();
    }
}

fn busy(detail: &'static str) -> Failure {
    Failure::refused(Code::Busy, detail)
}
