//! What is remembered of a notification for its line in the log and for the metrics: names and figures, no values.

use std::net::IpAddr;
use std::time::Instant;

use crate::caller::RequestId;
use crate::error::Failure;
use crate::metrics::{self, Metrics};

/// One notification, as it is told afterwards.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) request_id: RequestId,
    pub(super) route: String,
    pub(super) app: String,
    pub(super) source: Option<IpAddr>,
    pub(super) duplicate: bool,
    pub(super) absorbed: bool,
    /// Whether the request carried a signature, so that it may be QFPay's wherever it arrived.
    pub(super) signed: bool,
    started: Instant,
}

impl Record {
    pub(super) fn new(request_id: RequestId) -> Self {
        Self {
            request_id,
            route: String::new(),
            app: String::new(),
            source: None,
            duplicate: false,
            absorbed: false,
            signed: false,
            started: Instant::now(),
        }
    }

    /// Writes the line and counts the notification.
    pub(super) fn write(&self, metrics: &Metrics, failure: Option<&Failure>) {
        let outcome = match failure {
            Some(failure) => failure.code.row().name,
            None if self.absorbed => "absorbed",
            None => "acknowledged",
        };
        // The level of an event is a constant.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    route = self.route,
                    app = self.app,
                    outcome,
                    detail = failure.map(Failure::detail),
                    duplicate = self.duplicate,
                    source = self.source.map(|source| source.to_string()),
                    total_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
                    request_id = %self.request_id,
                    "notification"
                )
            };
        }
        // Scans of a public port are not reported.
        match failure.is_some() && (self.signed || !self.route.is_empty()) {
            true => line!(warn),
            false => line!(info),
        }
        metrics.notified(&metrics::Notification {
            route: self.route.clone(),
            app: self.app.clone(),
            outcome,
        });
    }
}
