//! A call's turn: within the app's quota, now or after a while, or not at all.

use super::{Api, Record};
use crate::credentials::App;
use crate::endpoint::Endpoint;
use crate::error::{Code, Failure};
use crate::quota::Pass;
use crate::server::Stage;

impl Api {
    /// Takes the call's token, which may mean to wait. Time in the queue is not the sidecar's own, and the end of the
    /// process ends it: nothing was sent then.
    pub(super) async fn within_quota(
        &self,
        app: &App,
        endpoint: &Endpoint,
        record: &mut Record,
    ) -> Result<Pass, Failure> {
        let waiting = record.waiting();
        let admitted = tokio::select! {
            biased; // a call that need not wait need not hear of the end either
            admitted = self.quota.admit(app, endpoint.effect) => admitted.map_err(Failure::from),
            () = self.lasting.shutdown.reached(Stage::CutOff) => {
                let detail = "the call was still waiting for its quota at limits.shutdown_timeout_ms";
                Err(Failure::refused(Code::ShuttingDown, detail))
            }
        };
        match &admitted {
            Ok(pass) => record.waited_until(pass.went(), waiting),
            Err(_) => record.waited(waiting),
        }
        admitted
    }
}
