//! SIGTERM and Ctrl-C: the first one asks, the second one ends.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Stop;

/// Listens for the signals that end a process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs the handlers; from here on a signal no longer ends the process by itself.
    pub(super) fn install() -> Result<Self, Stop> {
        let listen = |kind| signal(kind).map_err(|cause| Stop::Failed(format!("signals: {cause}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Completes at the first signal. At the second the process ends at once, with 128 + the signal's number.
    pub(super) async fn first(mut self) {
        self.next().await;
        tracing::info!("shutting down: finishing calls in flight; a second signal ends at once");
        tokio::spawn(async move {
            let number = self.next().await;
            process::exit(128 + number);
        });
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}
