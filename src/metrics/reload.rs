//! What is counted of readings of the configuration.

use std::time::SystemTime;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reading {
    result: &'static str,
}

/// Counts of readings after the start. Clones share them.
#[derive(Clone, Debug)]
pub struct ReloadMetrics {
    reloads: Family<Reading, Counter>,
    successful: Gauge,
    time: Gauge,
}

impl ReloadMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (reloads, successful, time) = (Family::default(), Gauge::default(), Gauge::default());
        registry.register("reloads", "Readings of the configuration, by result", reloads.clone());
        let help = "Whether the last reading of the configuration was put in force";
        registry.register("config_last_reload_successful", help, successful.clone());
        let help = "When the configuration that is in force was read";
        let name = "config_last_reload_success_timestamp";
        registry.register_with_unit(name, help, Unit::Seconds, time.clone());
        successful.set(1);
        time.set(now());
        Self { reloads, successful, time }
    }

    /// Counts one that was put in force, or one that was refused.
    pub fn read(&self, in_force: bool) {
        let result = if in_force { "done" } else { "refused" };
        self.reloads.get_or_create(&Reading { result }).inc();
        self.successful.set(i64::from(in_force));
        if in_force {
            self.time.set(now());
        }
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
