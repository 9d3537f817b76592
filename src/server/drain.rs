//! The beginning of the end: for a moment connections are still taken and read, so that a caller that sends its request
//! just then is answered that it was not taken, instead of meeting a closed connection and not knowing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::http::header::{CONNECTION, HeaderMap};
use hyper::http::{HeaderName, HeaderValue};
use tokio::time::{Instant, sleep_until};

/// How often it is looked whether anybody is still connected.
const LOOK: Duration = Duration::from_millis(10);

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Whether the end has begun.
#[derive(Debug, Default)]
pub(super) struct Farewell(AtomicBool);

impl Farewell {
    /// Completes `lasts` after `shutdown`, or as soon after it as nobody is connected any more, and says when the end
    /// began.
    pub(super) async fn said(
        &self,
        shutdown: impl Future<Output = ()>,
        lasts: Duration,
        nobody: impl Fn() -> bool,
    ) -> Instant {
        shutdown.await;
        self.0.store(true, Ordering::SeqCst);
        let began = Instant::now();
        let last = began + lasts;
        while !nobody() && Instant::now() < last {
            sleep_until(last.min(Instant::now() + LOOK)).await;
        }
        began
    }

    /// Whether the end has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Tells a caller in its answer whether the connection is kept, and for how long. It is not when it is the `last`.
    pub(super) fn tell(&self, headers: &mut HeaderMap, last: bool, keep_alive: Option<HeaderValue>) {
        if last || self.has_begun() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else {
            headers.extend(keep_alive.map(|hint| (KEEP_ALIVE, hint)));
        }
    }
}
