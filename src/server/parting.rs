//! The end of a connection: last words where a request was refused before any handler saw it, and a close that does not
//! take an answer back.

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::crowd::Member;
use super::listener::Io;
use super::progress::{End, Progress};
use super::refusal::{Refusal, last_words};

/// How long a caller that still sends may go on: whoever reads its answer meanwhile has long stopped.
const LINGER: Duration = Duration::from_secs(10);
/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(1);
/// For last words to a caller whose place is needed: they fit into the system's buffer.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Ends a connection that hyper has done with, or that was let go, in the way that loses least. `all` says whether serving
/// ends.
pub(super) async fn see_off(
    ended: Option<hyper::Result<()>>,
    all: bool,
    brings_back: oneshot::Receiver<Box<dyn Io>>,
    progress: &Progress,
    member: Member,
    refuse: &(impl Fn(Refusal) -> Response<Bytes> + ?Sized),
) {
    let needed = progress.was_let_go();
    let end = progress.ends(ended, all);
    let Ok(io) = brings_back.await else { return };
    let words = |refusal| last_words(&refuse(refusal));
    match end {
        End::Silent => {}
        End::Unspoken(refusal) => {
            drop(member); // somebody may wait for its place
            let_go(io, false, || words(refusal)).await;
        }
        End::Refused(refusal) if needed => {
            drop(member);
            let_go(io, true, || words(refusal)).await;
        }
        End::Refused(refusal) => stay(part(io, Some(words(refusal))), progress).await,
        End::Unread => stay(part(io, None), progress).await,
    }
}

/// Says goodbye for as long as nobody needs the place.
async fn stay(goodbye: impl Future<Output = ()>, progress: &Progress) {
    tokio::select! {
        () = goodbye => {}
        () = progress.is_let_go() => {}
    }
}

/// Says these last words, if there are any, and waits until the caller has stopped sending.
///
/// Closing a socket on which unread bytes arrive resets it, and a reset takes away what the other side has not read yet:
/// a caller in the middle of sending would never see its answer (RFC 9112 section 9.6).
async fn part(io: Box<dyn Io>, words: Option<Vec<u8>>) {
    let mut io = TokioIo::new(io);
    let until = Instant::now() + LINGER;
    if let Some(words) = words
        && !matches!(timeout(SILENCE, io.write_all(&words)).await, Ok(Ok(())))
    {
        return;
    }
    // hyper may have done it before; the second time does nothing.
    let _ = io.shutdown().await;
    let mut discarded = vec![0; 16 * 1024];
    let silent = |now: Instant| until.min(now + SILENCE);
    while let Ok(Ok(1..)) = timeout_at(silent(Instant::now()), io.read(&mut discarded)).await {
        // A caller that sends without end must not starve those with something to say.
        tokio::task::yield_now().await;
    }
}

/// The same in no time: for a connection whose place is needed, or on which nothing came for long. A caller that `spoke`,
/// or whose request has just come after all, is told; else nothing is to be said.
async fn let_go(io: Box<dyn Io>, spoke: bool, words: impl FnOnce() -> Vec<u8>) {
    let mut io = TokioIo::new(io);
    let mut discarded = vec![0; 16 * 1024];
    let spoke = matches!(timeout(Duration::ZERO, io.read(&mut discarded)).await, Ok(Ok(1..))) || spoke;
    if spoke {
        let words = words();
        let _ = timeout(AT_ONCE, io.write_all(&words)).await;
    }
    let _ = timeout(AT_ONCE, io.shutdown()).await;
    // What is still here; the caller was slow, so there is little as a rule.
    let _ = timeout(Duration::ZERO, async { while let Ok(1..) = io.read(&mut discarded).await {} }).await;
}
