//! The end of serving, in stages that listeners, probes and handlers see alike.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Requests are taken.
    Serving,
    /// New requests are refused, open ones may finish until the deadline.
    Draining,
    /// The deadline has passed. Handlers give up what is in flight and answer; [`Shutdown::TIME_TO_TELL`] later the
    /// connections are dropped.
    CutOff,
}

/// The stage of a shutdown. Clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<Stage>>);

impl Shutdown {
    /// For the answers to callers whose calls are given up at the deadline.
    pub const TIME_TO_TELL: Duration = Duration::from_secs(1);

    /// A shutdown that has not begun.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Serving)))
    }

    /// Begins: what is open may finish within `deadline`. Needs a tokio runtime.
    pub fn begin(&self, deadline: Duration) {
        self.advance(Stage::Draining);
        let shutdown = self.clone();
        tokio::spawn(async move {
            sleep(deadline).await;
            shutdown.advance(Stage::CutOff);
        });
    }

    /// A stage never goes back, however often the end begins.
    fn advance(&self, stage: Stage) {
        self.0.send_if_modified(|now| {
            let later = *now < stage;
            *now = stage.max(*now);
            later
        });
    }

    /// Whether `stage` has come.
    pub fn has_reached(&self, stage: Stage) -> bool {
        *self.0.borrow() >= stage
    }

    /// Completes when `stage` has come.
    pub async fn reached(&self, stage: Stage) {
        // Fails only without a sender, which `self` holds.
        let _ = self.0.subscribe().wait_for(|now| *now >= stage).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stages_come_in_order_and_do_not_go_back() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.has_reached(Stage::Draining));
        shutdown.begin(Duration::from_secs(5));
        assert!(shutdown.has_reached(Stage::Draining) && !shutdown.has_reached(Stage::CutOff));
        let began = tokio::time::Instant::now();
        shutdown.reached(Stage::CutOff).await;
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        shutdown.begin(Duration::from_secs(5));
        assert!(shutdown.has_reached(Stage::CutOff));
    }
}
