//! What lives as long as the process, whatever the configuration becomes.

use std::sync::Arc;

use super::StartError;
use crate::api::{self, Places};
use crate::base_url::UpstreamUrl;
use crate::config::Config;
use crate::memory_budget::MemoryBudget;
use crate::metrics::Metrics;
use crate::notification;
use crate::orders::journal::Journal;
use crate::server::{Shutdown, UserLookup};

/// Shared by all services that are ever made. Its sizes are those of the start.
#[derive(Debug)]
pub(super) struct Lasting {
    pub api: Arc<api::Lasting>,
    pub notifications: Arc<notification::Lasting>,
    pub places: Arc<Places>,
    /// The memory for the bodies of calls; another than that for notifications, which come from outside.
    pub call_bodies: MemoryBudget,
    pub notification_bodies: MemoryBudget,
    /// Whose processes callers over TCP are.
    pub users: UserLookup,
    /// Where the embedded sandbox listens.
    pub sandbox: Option<UpstreamUrl>,
}

impl Lasting {
    /// Sized as the configuration of the start says.
    ///
    /// # Errors
    /// [`StartError::Journal`] when a journal is wanted, and there is none.
    pub fn new(config: &Config, sandbox: Option<UpstreamUrl>) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        let shutdown = Shutdown::new();
        let limits = &config.limits;
        let journal = journal(config, &metrics)?;
        let notifications = notification::Lasting::new(
            config.notifications.remember,
            limits.in_flight,
            metrics.clone(),
            shutdown.clone(),
            journal.clone(),
        );
        Ok(Self {
            notifications: Arc::new(notifications),
            places: Arc::new(Places::new(
                limits.in_flight,
                config.quota.reserved_percent,
                config.keyring.apps().len(),
                metrics.clone(),
            )),
            call_bodies: MemoryBudget::new(limits.large_requests_bytes),
            notification_bodies: MemoryBudget::new(limits.large_requests_bytes),
            api: Arc::new(api::Lasting::new(metrics, shutdown, limits.streams, journal)),
            users: UserLookup::default(),
            sandbox,
        })
    }
}

/// Opens the journal, if one is wanted.
fn journal(config: &Config, metrics: &Metrics) -> Result<Option<Journal>, StartError> {
    let Some(file) = &config.journal.file else { return Ok(None) };
    let journal = Journal::open(file, &config.journal, config.runtime.workers, metrics);
    journal.map(Some).map_err(|cause| StartError::journal(config, file, cause))
}
