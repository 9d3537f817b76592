//! The socket of a connection, below TLS: what the system takes and gives is counted.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::traffic::Traffic;

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

    fn left(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = written {
            self.traffic.left(*bytes);
        }
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
            self.traffic.received();
        }
        read
    }
}

impl AsyncWrite for CountingIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.left(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.left(&written);
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
