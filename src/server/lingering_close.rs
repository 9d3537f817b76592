//! The end of a connection: the final response where no handler answered, and a close that does not take an answer back.
//!
//! Closing a socket on which unread bytes arrive resets it, and a reset takes away what the other side has not read yet: a
//! caller in the middle of sending would never see its answer (RFC 9112 section 9.6).

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::conn_state::ConnState;
use super::stream::Stream;

/// How long a caller that goes on sending is read: one that reads its answer meanwhile has long stopped.
const LONGEST: Duration = Duration::from_secs(10);
/// How long it may send nothing.
const SILENCE: Duration = Duration::from_secs(1);
/// For a final response to a caller whose permit is needed: it fits into the socket's buffer.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Writes the final response, if there is one, and reads until the caller has stopped sending, or its permit is needed.
pub(super) async fn linger(mut stream: Stream, final_response: Option<Vec<u8>>, state: &ConnState) {
    let closed = async {
        let until = Instant::now() + LONGEST;
        if let Some(response) = final_response
            && !matches!(timeout(SILENCE, stream.write_all(&response)).await, Ok(Ok(())))
        {
            return;
        }
        let _ = stream.shutdown().await;
        let mut discarded = vec![0; 16 * 1024];
        let silent = |now: Instant| until.min(now + SILENCE);
        while let Ok(Ok(1..)) = timeout_at(silent(Instant::now()), stream.read(&mut discarded)).await {
            // A caller that sends without end must not starve those with something to say.
            tokio::task::yield_now().await;
        }
    };
    let mut closed = pin!(closed);
    poll_fn(|cx| {
        state.task.register(cx.waker());
        if state.is_evicted() { Poll::Ready(()) } else { closed.as_mut().poll(cx) }
    })
    .await;
}

/// Writes the final response on a connection whose permit was taken already, and closes it.
pub(super) async fn close_at_once(mut stream: Stream, final_response: &[u8]) {
    let _ = timeout(AT_ONCE, stream.write_all(final_response)).await;
    let _ = timeout(AT_ONCE, stream.shutdown()).await;
    // What is still here; the caller was slow, so there is little as a rule.
    let mut discarded = vec![0; 16 * 1024];
    let rest = async { while let Ok(1..) = stream.read(&mut discarded).await {} };
    let _ = timeout(Duration::ZERO, rest).await;
}
