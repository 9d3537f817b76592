//! A connection's bytes, counted on both sides of TLS: below it, whether any byte left this machine; above it, how far a
//! request is. The first is the proof behind "not sent".

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What is read from a peer before other tasks have their turn, in bytes: one that never pauses must not keep them waiting.
const READ_AT_ONCE: u64 = 128 * 1024;

/// How far the request on a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of it was written.
    Begun,
    /// Some of it was written.
    Writing,
    /// All of it was taken by the system.
    Written,
    /// Bytes came back.
    Answering,
    /// Bytes came back before the request was whole: they cannot be its answer.
    TooEarly,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Begun, Self::Writing, Self::Written, Self::Answering, Self::TooEarly];
}

/// The counts of one connection. Only the task that polls the connection changes and reads them, so no memory order is needed.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Bytes that the system took, those of TLS itself included.
    left: AtomicU64,
    /// A [`Stage`].
    stage: AtomicU8,
    /// Whether bytes were received since the last look.
    received: AtomicBool,
    /// Bytes in the clear that were read since the connection was last driven.
    read: AtomicU64,
}

impl Traffic {
    /// A request is about to be written. Returns a mark for [`Traffic::left_since`].
    pub(super) fn begin(&self) -> u64 {
        self.becomes(Stage::Begun);
        self.received.store(false, Relaxed);
        self.left.load(Relaxed)
    }

    /// Whether any byte left after the mark was taken. Final as soon as the connection is not polled any more.
    pub(super) fn left_since(&self, mark: u64) -> bool {
        self.left.load(Relaxed) != mark
    }

    /// The connection is driven, in a turn of its own.
    pub(super) fn turn(&self) {
        self.read.store(0, Relaxed);
    }

    pub(super) fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Relaxed))]
    }

    /// Whether bytes were received since this was asked last.
    pub(super) fn has_received(&self) -> bool {
        self.received.load(Relaxed) && self.received.swap(false, Relaxed)
    }

    fn becomes(&self, stage: Stage) {
        self.stage.store(stage as u8, Relaxed);
    }

    fn sent(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.left.fetch_add(*bytes as u64, Relaxed);
        }
    }
}

/// A second descriptor of a socket that hyper owns, for what is asked of the system itself.
#[derive(Debug)]
pub(super) struct Probe(OwnedFd);

impl Probe {
    /// Whether an idle connection is still open, with nothing in it to read. The system is asked itself: tokio
    /// learns of what arrives only when it next looks.
    pub(super) fn is_quiet(&self) -> bool {
        let peeked = rustix::net::recv(&self.0, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        peeked.is_err_and(|error| error == Errno::AGAIN)
    }

    /// Acknowledges now what was received. Otherwise the system may wait 40 ms for something to send along, and a peer that
    /// writes in small pieces (Nagle's algorithm) holds back its next one until then.
    pub(super) fn acknowledge(&self) {
        // Without it such a piece comes later, no more.
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
    }
}

/// TCP, below TLS: counts what the system took.
#[derive(Debug)]
pub(super) struct CountingIo {
    tcp: TcpStream,
    traffic: Arc<Traffic>,
}

impl CountingIo {
    /// Counts from here on, and returns where the counts stand.
    pub(super) fn new(tcp: TcpStream) -> io::Result<(Self, Arc<Traffic>, Probe)> {
        let probe = Probe(tcp.as_fd().try_clone_to_owned()?);
        let traffic = Arc::<Traffic>::default();
        Ok((Self { tcp, traffic: traffic.clone() }, traffic, probe))
    }
}

impl AsyncRead for CountingIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, to);
        if to.filled().len() > before {
            self.traffic.received.store(true, Relaxed);
        }
        read
    }
}

impl AsyncWrite for CountingIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.traffic.sent(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.traffic.sent(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

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
        if matches!(written, Poll::Ready(Ok(1..))) && self.traffic.stage() == Stage::Begun {
            self.traffic.becomes(Stage::Writing);
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
        if self.mute != Mute::Off || self.traffic.read.load(Relaxed) >= READ_AT_ONCE {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = to.filled().len();
        let read = on!(&mut self.wire, io => Pin::new(io).poll_read(cx, to));
        let bytes = to.filled().len() - before;
        if bytes > 0 {
            self.traffic.read.fetch_add(bytes as u64, Relaxed);
            match self.traffic.stage() {
                Stage::Begun | Stage::Writing => self.traffic.becomes(Stage::TooEarly),
                Stage::Written => self.traffic.becomes(Stage::Answering),
                Stage::Answering | Stage::TooEarly => {}
            }
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
        if self.traffic.stage() == Stage::Writing {
            self.traffic.becomes(Stage::Written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(&mut self.wire, io => Pin::new(io).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn every_stage_is_read_back() {
        let traffic = Traffic::default();
        assert_eq!(traffic.stage(), Stage::Begun);
        for stage in Stage::ALL {
            traffic.becomes(stage);
            assert_eq!(traffic.stage(), stage);
        }
    }

    #[tokio::test]
    async fn a_connection_is_quiet_until_bytes_or_its_end_arrive() {
        for ends in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (_io, _, probe) = CountingIo::new(ours).unwrap();
            let (mut theirs, _) = listener.accept().await.unwrap();
            assert!(probe.is_quiet());
            // What was written to loopback has arrived; nothing here has let tokio look for it.
            if ends {
                drop(theirs)
            } else {
                theirs.write_all(b"x").await.unwrap()
            }
            assert!(!probe.is_quiet(), "ends: {ends}");
        }
    }
}
