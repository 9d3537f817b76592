//! A connection's bytes in the clear, above TLS where there is one: how far the request is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::socket::CountingIo;
use super::traffic::Traffic;

/// A socket with or without TLS.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(CountingIo),
    Tls(Box<TlsStream<CountingIo>>),
}

/// Runs a method of whichever transport it is.
macro_rules! on {
    ($wire:expr, $io:ident => $call:expr) => {
        match $wire {
            Wire::Plain($io) => $call,
            Wire::Tls($io) => $call,
        }
    };
}

/// Bytes in the clear, above TLS: follows how far the request is.
#[derive(Debug)]
pub(super) struct StagedIo {
    wire: Wire,
    traffic: Arc<Traffic>,
    /// What is read before anything else comes from the wire.
    again: Bytes,
    mute: Mute,
}

/// Whether what is written is meant for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mute {
    Off,
    /// It is not, up to the flush behind it, and nothing is read before.
    On,
    /// It came, and was dropped.
    Written,
}

impl StagedIo {
    pub(super) fn new(wire: Wire, traffic: Arc<Traffic>) -> Self {
        Self { wire, traffic, again: Bytes::new(), mute: Mute::Off }
    }

    /// The same for another reader of what came: the next request, up to its flush, goes nowhere, and these bytes come first.
    pub(super) fn reread(self, again: Bytes) -> Self {
        Self { again, mute: Mute::On, ..self }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.traffic.wrote();
        }
    }
}

impl AsyncRead for StagedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.again.is_empty() && self.mute == Mute::Off {
            let bytes = self.again.len().min(to.remaining());
            to.put_slice(&self.again.split_to(bytes));
            return Poll::Ready(Ok(()));
        }
        if self.mute != Mute::Off || self.traffic.has_read_enough() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = to.filled().len();
        let read = on!(&mut self.wire, io => Pin::new(io).poll_read(cx, to));
        let bytes = to.filled().len() - before;
        if bytes > 0 {
            self.traffic.read(bytes);
        }
        read
    }
}

impl AsyncWrite for StagedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.mute != Mute::Off {
            self.mute = Mute::Written;
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = on!(&mut self.wire, io => Pin::new(io).poll_write(cx, bytes));
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.mute != Mute::Off {
            self.mute = Mute::Written;
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = on!(&mut self.wire, io => Pin::new(io).poll_write_vectored(cx, slices));
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        on!(&self.wire, io => io.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.mute != Mute::Off {
            // A flush without anything before it is not the request's.
            if self.mute == Mute::Written {
                self.mute = Mute::Off;
            }
            return Poll::Ready(Ok(()));
        }
        // hyper flushes once all of a request that it knows was written; it knows each of ours whole.
        ready!(on!(&mut self.wire, io => Pin::new(io).poll_flush(cx)))?;
        self.traffic.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(&mut self.wire, io => Pin::new(io).poll_shutdown(cx))
    }
}
