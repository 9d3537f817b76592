//! A connection's bytes, watched: how long a head may take, how long nothing may happen, and what the parser hides.
//!
//! hyper has one timeout for a slow head and for an idle connection. They differ by what is at stake: a slow head is
//! an attack or a fault, while closing an idle connection early resets callers that are just about to send a payment.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::time::{Instant, Sleep, sleep_until};

/// What is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// The times that a connection is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For a request's head: from the connection for the first, from its first byte for later ones.
    pub(super) head: Duration,
    /// Between requests, and for the caller to take more of an answer.
    pub(super) idle: Duration,
}

/// What a connection is doing, shared between its bytes and its requests.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

/// What was seen of a request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// All of it, and nothing that the parser drops.
    Whole,
    /// A `#`, behind which the URI parser drops everything.
    Fragment,
    /// Nothing: the request was pipelined.
    Nothing,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    fragment: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of the first head came yet.
    Connected,
    /// Between requests.
    Idle,
    /// In the request line.
    Line,
    /// In the rest of the head.
    Fields,
    /// A handler works on a request.
    Served,
}

impl Progress {
    /// A handler begins. Returns what was seen of its request line.
    pub(super) fn begins(&self) -> Seen {
        let mut state = self.state();
        let line = std::mem::replace(&mut state.phase, Phase::Served);
        match (line, std::mem::take(&mut state.fragment)) {
            (Phase::Fields, false) => Seen::Whole,
            (Phase::Fields, true) => Seen::Fragment,
            // It came together with an earlier request, before that one was answered.
            _ => Seen::Nothing,
        }
    }

    /// A handler has answered.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        state.phase = Phase::Idle;
        state.since = Instant::now();
    }

    fn new() -> Self {
        let state = State { phase: Phase::Connected, since: Instant::now(), fragment: false };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete or was not begun.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the connection has waited long enough; never while a handler works.
    fn deadline(&self, times: Times) -> Option<Instant> {
        let state = self.state();
        match state.phase {
            Phase::Connected | Phase::Line | Phase::Fields => Some(state.since + times.head),
            Phase::Idle => Some(state.since + times.idle),
            Phase::Served => None,
        }
    }

    /// Looks at bytes that came.
    fn read(&self, bytes: &[u8]) {
        let mut state = self.state();
        for &byte in bytes {
            match state.phase {
                // Empty lines before a request line are allowed (RFC 9112 section 2.2).
                Phase::Connected | Phase::Idle if !matches!(byte, b'\r' | b'\n') => {
                    if state.phase == Phase::Idle {
                        state.since = Instant::now();
                    }
                    state.phase = Phase::Line;
                    state.fragment = byte == b'#';
                }
                Phase::Line if byte == b'\n' => state.phase = Phase::Fields,
                Phase::Line => state.fragment |= byte == b'#',
                _ => {}
            }
            if matches!(state.phase, Phase::Fields | Phase::Served) {
                return;
            }
        }
    }

    /// The caller took some of an answer.
    fn wrote(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.since = Instant::now();
        }
    }
}

/// The bytes of a connection.
pub(super) struct Watched<T> {
    inner: T,
    times: Times,
    progress: Progress,
    alarm: Pin<Box<Sleep>>,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, times: Times) -> (Self, Progress) {
        let progress = Progress::new();
        let alarm = Box::pin(sleep_until(Instant::now() + times.head));
        (Self { inner, times, progress: progress.clone(), alarm }, progress)
    }

    /// Waits until the deadline; an error when it has passed.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(deadline) = self.progress.deadline(self.times) else { return Poll::Pending };
        if self.alarm.deadline() != deadline {
            self.alarm.as_mut().reset(deadline);
        }
        self.alarm.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }
}

impl<T: Read + Unpin> Read for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK];
        let room = to.remaining().min(CHUNK);
        let mut read = ReadBuf::new(&mut chunk[..room]);
        match Pin::new(&mut self.inner).poll_read(cx, read.unfilled()) {
            Poll::Ready(Ok(())) => {
                self.progress.read(read.filled());
                to.put_slice(read.filled());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.overdue(cx).map(Err),
        }
    }
}

impl<T: Write + Unpin> Write for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }
}

impl<T> Watched<T> {
    fn watch_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.progress.wrote();
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => self.overdue(cx).map(Err),
            failed => failed,
        }
    }
}
