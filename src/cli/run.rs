//! `run`: serve until a signal.

use std::time::Instant;

use super::args::Args;
use super::signals::Signals;
use super::{Stop, block_on, load, screen};
use crate::app::Sidecar;
use crate::telemetry;

pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let since = Instant::now();
    let config = load(args)?;
    let _written_at_the_end = telemetry::init(config.log);
    for advice in &config.advice {
        tracing::warn!(advice, "this works, and could be safer");
    }
    block_on(async {
        let signals = Signals::install()?;
        let sidecar = Sidecar::start(&config).await?;
        screen::print(&config, &sidecar);
        screen::ready(since);
        match sidecar.serve(signals.first()).await {
            true => Ok(()),
            false => Err(Stop::Failed("calls were still in flight at limits.shutdown_timeout_ms".to_owned())),
        }
    })
}
