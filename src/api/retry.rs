//! Sending a call once, or twice if it only reads.

use std::time::Duration;

use tokio::time::Instant;

use super::answer_checks::Asked;
use super::{Api, Record};
use crate::credentials::App;
use crate::error::Failure;
use crate::outbound::SignedRequest;
use crate::quota::Pass;
use crate::upstream::{Answer, Delivery};

/// How long before a repeat, in milliseconds: time for QFPay to recover, and different for each, so that the repeats of
/// many callers do not come at once.
const PAUSE_MS: std::ops::Range<u64> = 50..250;

impl Api {
    /// QFPay's answer to a call, after [`Api::check`]. What only reads is repeated once, within the same deadline and the
    /// quota, if there was none that passes.
    pub(super) async fn send(
        &self,
        signed: SignedRequest,
        app: &App,
        asked: &Asked,
        pass: Pass,
        record: &mut Record,
    ) -> Result<Answer, Failure> {
        let deadline = self.upstream.deadline();
        let repeat = asked.endpoint.may_be_repeated().then(|| signed.clone());
        match (self.send_once(signed, app, asked, pass, deadline, record).await, repeat) {
            (Err(first), Some(repeat)) if first.delivery != Delivery::Answered => {
                Box::pin(self.send_again(first, repeat, app, asked, deadline, record)).await
            }
            (done, _) => done,
        }
    }

    /// The answer to the repeat of a call that failed, or the failure that says more.
    async fn send_again(
        &self,
        first: Failure,
        repeat: SignedRequest,
        app: &App,
        asked: &Asked,
        deadline: Instant,
        record: &mut Record,
    ) -> Result<Answer, Failure> {
        let again = Instant::now() + Duration::from_millis(fastrand::u64(PAUSE_MS));
        if again >= deadline {
            return Err(first);
        }
        tokio::time::sleep_until(again).await;
        let Some(pass) = self.quota.try_again(app).await else { return Err(first) };
        record.repeats(&self.lasting.metrics);
        let second = self.send_once(repeat, app, asked, pass, deadline, record).await;
        second.map_err(|second| match (first.delivery, second.delivery) {
            // That the second was not sent does not undo the first.
            (Delivery::Unknown, Delivery::NotSent) => first,
            _ => second,
        })
    }

    async fn send_once(
        &self,
        signed: SignedRequest,
        app: &App,
        asked: &Asked,
        pass: Pass,
        deadline: Instant,
        record: &mut Record,
    ) -> Result<Answer, Failure> {
        let answer = self.upstream.send(signed, deadline).await?;
        self.quota.answered(app, pass, answer.status, &answer.headers);
        self.check(answer, asked, app, record)
    }
}
