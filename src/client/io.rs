//! What passed over a connection, watched at both ends of TLS: above it, how far a request is; below it, whether any
//! byte left this machine. The second is the proof behind "not sent".

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How far the request on a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The counts of one connection.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Bytes that the system took, those of TLS itself included.
    left: AtomicU64,
    stage: watch::Sender<Stage>,
}

impl Traffic {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { left: AtomicU64::new(0), stage: watch::Sender::new(Stage::Begun) })
    }

    /// A request is about to be written. Returns a mark for [`Traffic::left_since`].
    pub(super) fn begin(&self) -> u64 {
        self.stage.send_replace(Stage::Begun);
        self.left.load(Ordering::SeqCst)
    }

    /// Whether any byte left after the mark was taken.
    pub(super) fn left_since(&self, mark: u64) -> bool {
        self.left.load(Ordering::SeqCst) != mark
    }

    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Completes once the request is that far.
    pub(super) async fn reached(&self, stage: Stage) {
        // The sender lives in `self`, so there is no error.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    fn becomes(&self, next: impl FnOnce(Stage) -> Option<Stage>) {
        self.stage.send_if_modified(|stage| next(*stage).map(|next| *stage = next).is_some());
    }
}

/// TCP, below TLS.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: Arc<TcpStream>,
    traffic: Arc<Traffic>,
}

impl Socket {
    pub(super) fn new(tcp: Arc<TcpStream>, traffic: Arc<Traffic>) -> Self {
        Self { tcp, traffic }
    }

    fn counted(&self, written: usize) -> usize {
        self.traffic.left.fetch_add(written as u64, Ordering::SeqCst);
        written
    }
}

/// Whether a connection that nobody uses is still open, with nothing in it to read. The system is asked itself: tokio
/// learns of what arrives only when it next looks.
pub(super) fn is_quiet(tcp: &TcpStream) -> bool {
    let peeked = rustix::net::recv(tcp, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    peeked.is_err_and(|error| error == Errno::AGAIN)
}

/// Acknowledges at once what was received, instead of together with the next request. A peer that has more to say than its
/// answer may hold it back until then, and [`is_quiet`] would not see it in time.
pub(super) fn acknowledge(tcp: &TcpStream) {
    // Without it such bytes come a moment later, no more.
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_quickack(tcp, true);
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.tcp.try_read(to.initialize_unfilled()) {
                Ok(read) => {
                    to.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.tcp.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written.map(|written| self.counted(written))),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(rustix::net::shutdown(&*self.tcp, Shutdown::Write).map_err(io::Error::from))
    }
}

/// Bytes in the clear, above TLS.
#[derive(Debug)]
pub(super) struct Watched<T> {
    inner: T,
    traffic: Arc<Traffic>,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, traffic: Arc<Traffic>) -> Self {
        Self { inner, traffic }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(1..)) = written {
            self.traffic.becomes(|stage| (stage == Stage::Begun).then_some(Stage::Writing));
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, to);
        if to.filled().len() > before {
            self.traffic.becomes(|stage| match stage {
                Stage::Begun | Stage::Writing => Some(Stage::TooEarly),
                Stage::Written => Some(Stage::Answering),
                Stage::Answering | Stage::TooEarly => None,
            });
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes once all of a request that it knows was written; it knows each of ours whole.
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.traffic.becomes(|stage| (stage == Stage::Writing).then_some(Stage::Written));
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_quiet_until_bytes_or_its_end_arrive() {
        for ends in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut theirs, _) = listener.accept().await.unwrap();
            assert!(is_quiet(&ours));
            // What was written to loopback has arrived; nothing here has let tokio look for it.
            if ends {
                drop(theirs)
            } else {
                theirs.write_all(b"x").await.unwrap()
            }
            assert!(!is_quiet(&ours), "ends: {ends}");
        }
    }
}
