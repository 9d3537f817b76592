//! `run`: serve until a signal.

use std::io;
use std::time::Instant;

use super::args::Args;
use super::signals::Signals;
use super::{Stop, banner, block_on, load, no_thread, start_log};
use crate::app::{Sidecar, StartError};
use crate::server::Passed;
use crate::systemd::Manager;

pub(super) fn run(args: &Args, passed: io::Result<Passed>) -> Result<(), Stop> {
    let since = Instant::now();
    // First of all: a signal that comes during the start is not lost.
    let signals = Signals::install()?;
    block_on(async {
        let config = load(args)?;
        let _written_at_the_end = start_log(config.log)?;
        for advice in &config.advice {
            tracing::warn!(advice, "this works, but look at it");
        }
        let sidecar = Sidecar::start_with(&config, passed.map_err(StartError::Passed)?).await?;
        let manager = Manager::from_env(sidecar.status()).map_err(|cause| no_thread(&cause))?;
        let sidecar = sidecar.under(manager.clone());
        banner::print(&config, &sidecar);
        banner::ready(since);
        manager.ready();
        let finished = sidecar.serve(signals.first()).await;
        manager.finish();
        match finished {
            true => Ok(()),
            false => Err(Stop::Failed("calls were still in flight at limits.shutdown_timeout_ms".to_owned())),
        }
    })
}
