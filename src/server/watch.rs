//! A connection's bytes, watched: how long a head may take, how long nothing may happen, what the parser hides, and
//! what hyper answers by itself.
//!
//! hyper has one timeout for a slow head and for an idle connection. They differ by what is at stake: a slow head is
//! an attack or a fault, while closing an idle connection early resets callers that are just about to send a payment.
//! Heads that it cannot read it answers with a bare status. That answer is left out here, for last words with a body.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Buf, Frame, SizeHint};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::listener::Io;
use super::progress::{Progress, Times};
use super::unsent::Unsent;

/// What is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// The bytes of a connection.
pub(super) struct Watched {
    inner: Option<Box<dyn Io>>,
    back: Option<oneshot::Sender<Box<dyn Io>>>,
    times: Times,
    progress: Progress,
    unsent: Unsent,
    alarm: Pin<Box<Sleep>>,
}

impl Watched {
    /// Also gives what brings the connection itself back, once hyper has done with it.
    pub(super) fn new(
        inner: Box<dyn Io>,
        times: Times,
        progress: Progress,
        unsent: Unsent,
    ) -> (Self, oneshot::Receiver<Box<dyn Io>>) {
        let alarm = Box::pin(sleep_until(Instant::now() + times.head));
        let (back, brings_back) = oneshot::channel();
        (Self { inner: Some(inner), back: Some(back), times, progress, unsent, alarm }, brings_back)
    }

    fn inner(&mut self) -> Pin<&mut Box<dyn Io>> {
        Pin::new(self.inner.as_mut().expect("only the drop takes it"))
    }

    /// Waits until the deadline; an error when it has passed.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(deadline) = self.progress.deadline(self.times) else { return Poll::Pending };
        if self.alarm.deadline() != deadline {
            self.alarm.as_mut().reset(deadline);
        }
        self.alarm.as_mut().poll(cx).map(|()| {
            self.progress.timed_out();
            io::ErrorKind::TimedOut.into()
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let (Some(inner), Some(back)) = (self.inner.take(), self.back.take()) {
            // Nobody waits for it when the process ends.
            let _ = back.send(inner);
        }
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.progress.is_over() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        self.progress.asked();
        let mut chunk = [0; CHUNK];
        let room = to.remaining().min(CHUNK);
        let mut read = ReadBuf::new(&mut chunk[..room]);
        match self.inner().poll_read(cx, read.unfilled()) {
            Poll::Ready(Ok(())) if !self.progress.read(read.filled()) => {
                Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()))
            }
            Poll::Ready(Ok(())) => {
                to.put_slice(read.filled());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.progress.waits();
                self.overdue(cx).map(Err)
            }
        }
    }
}

impl Write for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.progress.refuses(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = self.inner().poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes what is below once it has nothing left itself.
        self.progress.flushed();
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.progress.has_last_words() {
            return Poll::Ready(Ok(())); // they come before it
        }
        self.inner().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.is_write_vectored())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.progress.refuses(slices.first().map_or(&[], |first| first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = self.inner().poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }
}

impl Watched {
    fn watch_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.progress.wrote();
                self.unsent.less(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => self.overdue(cx).map(Err),
            failed => failed,
        }
    }
}

/// The body of an answer, which tells when hyper has all of it, and gives hyper no more than the caller takes.
pub(super) struct WatchedBody<B> {
    inner: B,
    progress: Progress,
    unsent: Unsent,
}

impl<B> WatchedBody<B> {
    pub(super) fn new(inner: B, progress: Progress, unsent: Unsent) -> Self {
        Self { inner, progress, unsent }
    }
}

impl<B> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        self.progress.encoded();
    }
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        ready!(self.unsent.poll_room(cx));
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.unsent.more(data.remaining());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
