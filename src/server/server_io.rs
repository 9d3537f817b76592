//! What hyper reads from and writes to: it hands over one whole and judged request at a time, and decides how long to wait
//! for the caller.
//!
//! - A head is held back until it is whole and was judged, so hyper never meets a bad, slow or half head and never answers
//!   by itself.
//! - A request that comes behind another waits here until the answer before it is out.
//! - While a call is in work hyper sees no failed write, because it would drop the handler: a caller that hangs up must not
//!   cancel a payment that was sent.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::conn_state::ConnState;
use super::connection_limit::ConnectionLimit;
use super::head::BodyLength;
use super::inbound::{Inbound, Next, Seen};
use super::stream::Stream;
use super::{Limits, Refusal, Shutdown};

/// What is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Where connections read into, in turn, so that they hold no memory while they wait.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into_boxed_slice());
}

/// How a connection ends once hyper has done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// No handler saw the request, or none acted on it.
    Refused(Refusal),
    /// It was answered; the caller may still be sending.
    Answered,
    /// There is nothing to say.
    Silent,
}

/// The bytes of a connection.
pub(super) struct ServerIo {
    stream: Stream,
    state: Arc<ConnState>,
    limit: Arc<ConnectionLimit>,
    limits: Limits,
    inbound: Inbound,
    /// When the wait for the caller began.
    since: Instant,
    timer: Pin<Box<Sleep>>,
    /// The caller has closed its end.
    ended: bool,
    /// A write failed while a call was in work.
    broken: bool,
    /// The caller does not take what is written.
    stalled: bool,
    /// hyper has written and not flushed.
    unflushed: bool,
    /// hyper asked for the next head before the answer was out.
    asked: bool,
}

impl ServerIo {
    pub(super) fn new(
        stream: Stream,
        state: Arc<ConnState>,
        limit: Arc<ConnectionLimit>,
        limits: Limits,
    ) -> Self {
        let since = state.accepted();
        Self {
            stream,
            state,
            limit,
            limits,
            inbound: Inbound::new(),
            since,
            timer: Box::pin(sleep_until(since + limits.header_timeout)),
            ended: false,
            broken: false,
            stalled: false,
            unflushed: false,
            asked: false,
        }
    }

    /// The connection itself, and how it ends. `failed` says whether hyper gave it up.
    pub(super) fn ends(self, failed: bool) -> (Stream, End) {
        let evicted = self.state.is_evicted();
        let end = match self.inbound.refusal() {
            Some(refusal) => End::Refused(refusal),
            // Words of ours would stand in the middle of an answer.
            None if self.stalled => End::Silent,
            None if evicted && (self.inbound.is_owed() || self.stream.has_bytes()) => {
                End::Refused(Refusal::Evicted)
            }
            None if evicted || failed || self.ended => End::Silent,
            None if self.inbound.is_unread() || self.state.last.load(Ordering::Relaxed) => End::Answered,
            None => End::Silent,
        };
        (self.stream, end)
    }

    fn read(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut ReadBufCursor<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<()>> {
        if self.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.inbound.next() == Next::Answer {
            if self.unflushed {
                self.asked = true; // the flush wakes
                return Poll::Pending;
            }
            self.expect_head();
        }
        loop {
            self.look();
            if self.inbound.next() == Next::End {
                return Poll::Ready(Ok(()));
            }
            if self.inbound.hand_over(to) {
                self.look_behind();
                return Poll::Ready(Ok(()));
            }
            let in_request = matches!(self.inbound.next(), Next::Request(_));
            let most = if in_request { to.remaining().min(CHUNK) } else { CHUNK };
            let mut read = ReadBuf::new(&mut scratch[..most]);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(self.wait(cx));
                    continue;
                }
            }
            let bytes = read.filled();
            if bytes.is_empty() {
                self.ended = true;
                if !in_request {
                    self.inbound.end(self.inbound.has_begun().then_some(Refusal::CutShort));
                }
                return Poll::Ready(Ok(()));
            }
            if in_request {
                self.inbound.pass_on(bytes, to);
                self.look_behind();
                return Poll::Ready(Ok(()));
            }
            self.inbound.keep(bytes);
        }
    }

    /// The answer is out: the wait for the next request begins.
    fn expect_head(&mut self) {
        self.inbound.expect_head();
        self.since = Instant::now();
        self.state.waits(self.since);
    }

    /// Looks whether a head has begun or is whole.
    fn look(&mut self) {
        match self.inbound.look(&self.limits) {
            Seen::Nothing => {}
            Seen::Begun => {
                let now = Instant::now();
                // The first head has been awaited since the connection was accepted.
                if !self.inbound.is_fresh() {
                    self.since = now;
                }
                self.state.waits(now);
            }
            Seen::Whole(head) => {
                self.state.fragment.store(head.fragment, Ordering::Relaxed);
                // Only hyper finds the end of a chunked body, so what is read behind it is lost.
                self.state.last.store(head.body == BodyLength::Chunked, Ordering::Relaxed);
            }
        }
    }

    /// Looks whether hyper has the whole request, and what stands behind it: its handler hears of that before it has the body.
    fn look_behind(&self) {
        self.state.handed_over.store(self.inbound.next() == Next::Answer, Ordering::Relaxed);
        if self.inbound.is_overrun() {
            self.state.overrun.store(true, Ordering::Relaxed);
            self.state.last.store(true, Ordering::Relaxed);
        }
    }

    /// Waits for the caller; completes when it has been waited for long enough.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.inbound.next() != Next::Head {
            return Poll::Pending; // how long a body may take is for the handler to say
        }
        let (closing, fresh) = (self.limit.is_closing(), self.inbound.is_fresh());
        if closing && !fresh && !self.stream.has_bytes() {
            self.inbound.end(self.inbound.has_begun().then_some(Refusal::Ending));
            return Poll::Ready(());
        }
        loop {
            let begun = self.inbound.has_begun();
            let lasts = match begun || fresh {
                // It was accepted lately, so its request may be on its way.
                true if closing && fresh => self.limits.header_timeout.min(Shutdown::TIME_TO_TELL),
                true => self.limits.header_timeout,
                false => self.limits.idle_timeout,
            };
            ready!(self.timed_out(cx, self.since + lasts));
            if begun || !self.stream.has_bytes() {
                let late = if closing { Refusal::Ending } else { Refusal::HeadTooSlow };
                self.inbound.end(begun.then_some(late));
                return Poll::Ready(());
            }
            // A request is here, and the runtime has not heard of it yet.
            self.inbound.begin();
            self.since = Instant::now();
        }
    }

    /// Completes at `until`. The timer is set anew only when it went off, or would go off too late.
    fn timed_out(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        if self.timer.deadline() > until {
            self.timer.as_mut().reset(until);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= until {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
    }

    /// What hyper learns of a write of `length` bytes.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        length: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.unflushed = true;
        match written {
            Poll::Ready(Ok(bytes)) => {
                if std::mem::take(&mut self.stalled) {
                    self.state.stalls(false);
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => self.failed(length, error),
            Poll::Pending => {
                if !self.stalled && self.state.stalls(true) {
                    (self.stalled, self.since) = (true, Instant::now());
                }
                ready!(self.timed_out(cx, self.since + self.limits.idle_timeout));
                self.failed(length, io::ErrorKind::TimedOut.into())
            }
        }
    }

    /// A write failed: an error, unless a call is in work.
    fn failed(&mut self, length: usize, error: io::Error) -> Poll<io::Result<usize>> {
        if !self.state.is_in_work() {
            return Poll::Ready(Err(error));
        }
        self.broken = true;
        Poll::Ready(Ok(length))
    }
}

impl Read for ServerIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        SCRATCH.with_borrow_mut(|scratch| this.read(cx, &mut to, scratch))
    }
}

impl Write for ServerIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.broken {
            return self.failed(bytes.len(), io::ErrorKind::BrokenPipe.into());
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        if self.broken {
            return self.failed(length, io::ErrorKind::BrokenPipe.into());
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, length, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes what is below once it has nothing left itself; a socket has no buffer of its own.
        self.unflushed = false;
        if std::mem::take(&mut self.asked) {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // last words may have to come before it
    }
}
