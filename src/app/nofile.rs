//! File descriptors: every connection takes one, and the usual soft limit of 1024 is less than the settings may need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// The log, the store of the quota, files that are read, what starts and ends the process.
const BESIDE: u64 = 64;
/// What a worker's runtime needs, beside its hold on the listening sockets.
const PER_WORKER: u64 = 8;

/// Raises the soft limit as far as the settings need and the system allows; warns when that is too little.
pub(super) fn provide(config: &Config) {
    let need = needed(config);
    let has = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= need);
    if enough(has.current) {
        return;
    }
    // No maximum is none that could be in the way.
    let soft = has.maximum.map_or(need, |hard| hard.min(need));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum: has.maximum });
    let soft = if raised.is_ok() { Some(soft) } else { has.current };
    if !enough(soft) {
        tracing::warn!(
            need,
            limit = soft,
            "the limit of file descriptors (ulimit -n, LimitNOFILE) is below what limits.connections and limits.in_flight \
             need: under load connections wait, and calls may be refused before anything is sent"
        );
    }
}

/// A descriptor for each caller, and two for each call on its way to QFPay or to a receiver.
fn needed(config: &Config) -> u64 {
    let listen = &config.listen;
    let listeners = listen.addresses().count() as u64;
    let services = 1 + u64::from(listen.notifications.is_some());
    // All addresses of the API share one limit of connections.
    (services + u64::from(listen.admin.is_some())) * config.limits.connections as u64
        + listeners
        + 2 * services * config.limits.in_flight as u64
        + config.runtime.workers as u64 * (PER_WORKER + listen.api.len() as u64)
        + BESIDE
}
