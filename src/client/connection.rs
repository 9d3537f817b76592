//! One connection, and one request at a time on it: sent once, and known afterwards whether a byte of it left.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::innermost;
use super::io::{Stage, Traffic, Watched, acknowledge, is_quiet};

/// What is read at once. A head of QFPay's must fit into it, so that an endless head costs no memory; and of an answer
/// that streams to a slow caller no more than this waits here.
const READ_BYTES: usize = 16 * 1024;

/// The times of one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Until the whole request was taken by the system.
    pub(crate) write: Duration,
    /// From there to the first byte of the answer.
    pub(crate) first_byte: Duration,
    /// The end of it all.
    pub(crate) deadline: Instant,
}

/// Which of the [`Times`] passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    Write,
    FirstByte,
    Deadline,
}

/// Why there is no head of an answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Provably no byte of the request left.
    NotStarted(String),
    /// Some or all of it left.
    Died(String),
    /// A time passed; `sent` says whether a byte had left.
    Late { which: Late, sent: bool },
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Link {
    sender: SendRequest<Full<Bytes>>,
    traffic: Arc<Traffic>,
    tcp: Weak<TcpStream>,
    driver: Driver,
}

impl Link {
    /// Begins HTTP/1.1 on a connection whose bytes are counted in `traffic`.
    pub(crate) async fn new(
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        tcp: Weak<TcpStream>,
        traffic: Arc<Traffic>,
    ) -> hyper::Result<Self> {
        let io = TokioIo::new(Watched::new(io, traffic.clone()));
        let (sender, connection) =
            http1::Builder::new().read_buf_exact_size(Some(READ_BYTES)).handshake(io).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the upstream ended early");
            }
        });
        Ok(Self { sender, traffic, tcp, driver: Driver(driver) })
    }

    /// Whether a connection that was not used for a while can take a request: open, and with nothing unread in it. Bytes
    /// that came unasked would be taken for the answer.
    pub(crate) fn is_usable(&self) -> bool {
        self.sender.is_ready() && self.tcp.upgrade().is_some_and(|tcp| is_quiet(&tcp))
    }

    /// An answer was read to its end.
    pub(crate) fn rests(&self) {
        if let Some(tcp) = self.tcp.upgrade() {
            acknowledge(&tcp);
        }
    }

    /// Waits until the connection can take another request after an answer; false if it never will.
    pub(crate) async fn recovers(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Whether it can take another request at this moment.
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Sends a request, once, and waits for the head of its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        times: Times,
    ) -> Result<Response<Incoming>, Broken> {
        let mark = self.traffic.begin();
        let answered = self.sender.try_send_request(request);
        let outcome = tokio::select! {
            biased;
            answered = answered => answered.map_err(Ok),
            late = self.late(times) => Err(Err(late)),
        };
        match outcome {
            Ok(_) if self.traffic.stage() == Stage::TooEarly => {
                Err(Broken::Died("bytes came before the request was written".to_owned()))
            }
            Ok(head) => Ok(head),
            Err(failed) => {
                // What is counted from here on is final: nobody writes any more.
                self.driver.stop().await;
                let sent = self.traffic.left_since(mark);
                Err(match failed {
                    Err(which) => Broken::Late { which, sent },
                    // hyper gives back what it never started.
                    Ok(error) if error.message().is_some() || !sent => {
                        Broken::NotStarted(innermost(error.error()).to_string())
                    }
                    Ok(error) => Broken::Died(innermost(error.error()).to_string()),
                })
            }
        }
    }

    /// Completes when one of the times has passed.
    async fn late(&self, times: Times) -> Late {
        let stages = async {
            if timeout(times.write, self.traffic.reached(Stage::Written)).await.is_err() {
                return Late::Write;
            }
            if timeout(times.first_byte, self.traffic.reached(Stage::Answering)).await.is_err() {
                return Late::FirstByte;
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            () = sleep_until(times.deadline) => Late::Deadline,
            late = stages => late,
        }
    }
}

/// The task that moves a connection's bytes; the connection ends with it.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Driver {
    /// Ends it, and returns once it moves nothing any more.
    async fn stop(&mut self) {
        self.0.abort();
        if !self.0.is_finished() {
            // An error says that it was aborted, which was meant.
            let _ = (&mut self.0).await;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
