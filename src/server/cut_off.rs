//! The moment in a shutdown at which what is still in flight is given up.

use tokio::sync::watch;

/// Tells handlers that the moment has come, so that they can answer before the process ends.
#[derive(Clone, Debug)]
pub struct CutOff(watch::Receiver<bool>);

impl CutOff {
    /// A moment to come. Sending `true` brings it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (bring, wait) = watch::channel(false);
        (bring, Self(wait))
    }

    /// Whether it has come.
    pub fn is_reached(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it comes; never, once nobody is left who could bring it.
    pub async fn reached(&self) {
        if self.0.clone().wait_for(|reached| *reached).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
