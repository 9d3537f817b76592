//! `run`: serve until a signal.

use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::args::Args;
use super::confinement::Confinement;
use super::signals::Signals;
use super::{Stop, banner, block_on, no_thread, start_log};
use crate::app::{Read, Sidecar, StartError};
use crate::config::{self, ConfigError, Files};
use crate::server::Passed;
use crate::systemd::Manager;

pub(super) fn run(args: &Args, passed: io::Result<Passed>) -> Result<(), Stop> {
    let since = Instant::now();
    // Before the first thread, which would not be confined.
    let folders = config::load_folders(&args.config_request()?, &mut Files::default())?;
    let confinement = Arc::new(Confinement::lay(&folders)?);
    // Before anything that takes time: a signal that comes during the start is not lost.
    let (signals, hangups) = Signals::install_with_reload()?;
    block_on(async {
        let (mut files, read_at) = (Files::default(), SystemTime::now());
        let config = config::load_noting(&args.config_request()?, &mut files)?;
        let _written_at_the_end = start_log(config.log)?;
        for advice in &config.advice {
            tracing::warn!(advice, "this works, but look at it");
        }
        let mut sidecar = Sidecar::start_with(&config, passed.map_err(StartError::Passed)?).await?;
        let (again, confined) = (args.clone(), confinement.clone());
        let read: Read = Arc::new(move |files: &mut Files| match again.config_request() {
            Ok(request) => confined.read_again(&request, files),
            Err(stop) => Err(ConfigError::of_arguments(&stop.to_string())),
        });
        let reload = sidecar.reload_with(&config, files, read_at, read).map_err(|cause| no_thread(&cause))?;
        tokio::spawn(async move {
            loop {
                hangups.notified().await;
                // What came of it stands in the log.
                let _ = reload.ask("SIGHUP").await;
            }
        });
        let manager = Manager::from_env(sidecar.status()).map_err(|cause| no_thread(&cause))?;
        let sidecar = sidecar.under(manager.clone());
        banner::print(&config, &sidecar);
        banner::line("files", &confinement.to_string());
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
