//! Sending a call once, or twice if it only reads.

use std::time::Duration;

use tokio::time::Instant;

use super::{Api, Record};
use crate::endpoint::Endpoint;
use crate::outbound::SignedRequest;
use crate::upstream::{Answer, Delivery, SendError};

/// How long before a repeat, in milliseconds: time for QFPay to recover, and different for each, so that the repeats of
/// many callers do not come at once.
const PAUSE_MS: std::ops::Range<u64> = 50..250;

impl Api {
    /// QFPay's answer to a call. What only reads is repeated once, within the same deadline, if there was none.
    pub(super) async fn send(
        &self,
        signed: &SignedRequest,
        endpoint: &Endpoint,
        record: &mut Record,
    ) -> Result<Answer, SendError> {
        let deadline = self.upstream.deadline();
        let first = match self.upstream.send(signed, deadline).await {
            Err(error) if endpoint.may_be_repeated() => error,
            done => return done,
        };
        let again = Instant::now() + Duration::from_millis(fastrand::u64(PAUSE_MS));
        if again >= deadline {
            return Err(first);
        }
        tokio::time::sleep_until(again).await;
        record.repeats(&self.metrics);
        let second = self.upstream.send(signed, deadline).await;
        second.map_err(|second| match (first.delivery(), second.delivery()) {
            // That the second was not sent does not undo the first.
            (Delivery::Unknown, Delivery::NotSent) => first,
            _ => second,
        })
    }
}
