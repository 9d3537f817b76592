//! One connection, and one exchange at a time on it: a request is sent once, and it is known afterwards whether a byte of it
//! left.
//!
//! hyper's half of a connection has no task: the call that waits polls it. So whatever ends the wait ends the writing as
//! well, and the count of bytes is final at that moment.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Parts, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use super::body::Body;
use super::cause::Cause;
use super::socket::Probe;
use super::traffic::{Stage, Traffic};
use super::waiting::Waiting;
use super::wire::{StagedIo, Wire};

/// Headers of an answer. QFPay's have some ten, gateways and firewalls on the way add theirs.
const HEADERS: usize = 300;

/// As many of them as hyper has room for on its stack. More take 19 KB from the heap for each answer, so only a connection
/// that has met one has that room.
const HEADERS_MOSTLY: usize = 100;

/// The head of an answer; else hyper's error, or the time that passed.
type Answered = Result<Response<Incoming>, Result<Box<TrySendError<Request<Full<Bytes>>>>, Late>>;

type Driver = http1::Connection<TokioIo<StagedIo>, Full<Bytes>>;

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

impl Times {
    /// Which time runs at this stage, and when it is over. `since` is when the stage began.
    fn next(&self, stage: Stage, since: Instant) -> (Late, Instant) {
        let stage_ends = match stage {
            Stage::Begun | Stage::Writing => Some((Late::Write, since + self.write)),
            Stage::Written => Some((Late::FirstByte, since + self.first_byte)),
            Stage::Answering | Stage::TooEarly => None,
        };
        stage_ends.filter(|(_, ends)| *ends < self.deadline).unwrap_or((Late::Deadline, self.deadline))
    }
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
    /// Provably no byte of the request left. hyper gives the request back unless it had begun to write it.
    NotStarted { cause: Cause, request: Option<Box<Request<Full<Bytes>>>> },
    /// Some or all of it left.
    Died(Cause),
    /// An answer came, with a head beyond `head_bytes` or [`HEADERS`].
    HeadTooLarge,
    /// A time passed; `sent` says whether a byte had left.
    Late { which: Late, sent: bool },
}

/// An open connection that can take a request. In a box it is handed from the pool to the call and back without a copy.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// hyper's half; none once it has ended.
    driver: Option<Box<Driver>>,
    /// What hyper left when it ended.
    left: Option<Parts<TokioIo<StagedIo>>>,
    head_bytes: usize,
    /// Whether there is room for [`HEADERS`].
    is_wide: bool,
    probe: Probe,
    traffic: Arc<Traffic>,
    waiting: Waiting,
    /// One for all times of all exchanges.
    timer: Pin<Box<Sleep>>,
    /// Whether it was used just before, see [`super::Pool`].
    pub(super) is_busy: bool,
}

impl Connection {
    /// Begins HTTP/1.1 on a connection whose bytes are counted in `traffic`. Heads of answers have `head_bytes` at most.
    pub(super) async fn new(
        wire: Wire,
        traffic: Arc<Traffic>,
        probe: Probe,
        head_bytes: usize,
    ) -> hyper::Result<Box<Self>> {
        let (sender, driver) =
            begin(StagedIo::new(wire, traffic.clone()), head_bytes, HEADERS_MOSTLY).await?;
        let timer = Box::pin(sleep_until(Instant::now()));
        Ok(Box::new(Self {
            sender,
            driver: Some(driver),
            left: None,
            head_bytes,
            is_wide: false,
            probe,
            traffic,
            waiting: Waiting::new(),
            timer,
            is_busy: false,
        }))
    }

    /// Whether a connection that was not used for a while can take a request: open, and with nothing unread in it. Bytes
    /// that came unasked would be taken for the answer.
    pub(super) fn is_usable(&self) -> bool {
        self.is_ready() && self.probe.is_quiet()
    }

    /// Whether hyper can take another request.
    pub(super) fn is_ready(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Acknowledges what was received, see [`Probe::acknowledge`].
    pub(super) fn acknowledge(&self) {
        self.probe.acknowledge();
    }

    /// Sends a request, once, and waits for the head of its answer. A connection on which that fails is closed.
    pub(crate) async fn exchange(
        mut self: Box<Self>,
        request: Box<Request<Full<Bytes>>>,
        times: Times,
    ) -> Result<Response<Body>, Broken> {
        let mark = self.traffic.begin();
        let mut outcome = self.answer(request, times).await;
        if let Err(Ok(failed)) = &outcome
            && failed.error().is_parse_too_large()
            && self.traffic.stage() == Stage::Answering
            && let Some(reread) = Box::pin(self.reread(times)).await
        {
            outcome = reread;
        }
        // The connection is not polled from here on, so it writes nothing: the count is final.
        let sent = self.traffic.left_since(mark);
        match outcome {
            Ok(_) if self.traffic.stage() == Stage::TooEarly => {
                Err(Broken::Died("bytes came before the request was written".into()))
            }
            Ok(head) => Ok(head.map(|incoming| Body::new(incoming, self))),
            Err(Err(which)) => Err(Broken::Late { which, sent }),
            Err(Ok(mut failed)) => {
                let request = failed.take_message().map(Box::new);
                let error = failed.into_error();
                Err(if request.is_some() || !sent {
                    Broken::NotStarted { cause: Cause::of(&error), request }
                } else if error.is_parse_too_large() {
                    Broken::HeadTooLarge
                } else {
                    Broken::Died(Cause::of(&error))
                })
            }
        }
    }

    /// Hands a request to hyper and waits for the head of its answer.
    async fn answer(&mut self, request: Box<Request<Full<Bytes>>>, times: Times) -> Answered {
        let (mut stage, mut since) = (self.traffic.stage(), Instant::now());
        // Outside of tokio's budget, which wakes whoever polls when it is used up, and here nobody could be woken.
        let mut answer = pin!(unconstrained(self.sender.try_send_request(*request)));
        let answered = std::future::poll_fn(|cx| {
            self.drive(cx);
            // Only driving brings the answer, and it is looked for behind that each time: it need not wake.
            if let Poll::Ready(answered) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Poll::Ready(answered.map_err(|failed| Ok(Box::new(failed))));
            }
            let now = self.traffic.stage();
            if now != stage {
                stage = now;
                // Until then one time runs, and behind it none but the deadline.
                if now == Stage::Written {
                    since = Instant::now();
                }
            }
            let (which, until) = times.next(stage, since);
            self.wait(until, cx).map(|()| Err(Err(which)))
        })
        .await;
        self.waited();
        answered
    }

    /// Has the head that hyper could not read read again, by one with room for [`HEADERS`]; nothing if that cannot be.
    async fn reread(&mut self, times: Times) -> Option<Answered> {
        let left = self.left.take().filter(|_| !self.is_wide)?;
        let io = left.io.into_inner().reread(left.read_buf);
        let (sender, driver) = begin(io, self.head_bytes, HEADERS).await.ok()?;
        (self.sender, self.driver, self.is_wide) = (sender, Some(driver), true);
        // A request that is never written: this hyper has to have asked for what it reads.
        let mut reread = self.answer(Box::default(), times).await;
        if let Err(Ok(failed)) = &mut reread {
            failed.take_message();
        }
        Some(reread)
    }

    /// Moves bytes in both directions, as far as they go, if they may have got further since the last time.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(mut cx) = self.waiting.begins(cx) else { return };
        self.traffic.turn();
        if let Some(driver) = &mut self.driver
            && let Poll::Ready(ended) = driver.poll_without_shutdown(&mut cx)
        {
            self.left = self.driver.take().map(|driver| driver.into_parts());
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        }
    }

    /// The call has what it waited for, and goes on.
    pub(super) fn waited(&self) {
        self.waiting.ends();
    }

    /// Waits for what the peer has yet to send; ready when the time is over.
    pub(super) fn wait(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        // A piece of an answer came, and not all of it: the peer may hold back the next one until this one is acknowledged.
        if self.traffic.has_received() {
            self.probe.acknowledge();
        }
        if self.timer.deadline() != until {
            self.timer.as_mut().reset(until);
        }
        // Outside of tokio's budget: a peer that never pauses uses it up, and its time would never be over.
        pin!(unconstrained(self.timer.as_mut())).poll(cx)
    }
}

/// Begins HTTP/1.1 with bounds on the heads of answers.
async fn begin(
    io: StagedIo,
    head_bytes: usize,
    headers: usize,
) -> hyper::Result<(SendRequest<Full<Bytes>>, Box<Driver>)> {
    let mut builder = http1::Builder::new();
    // Bounds what is read at once as well: of an answer that streams to a slow caller no more than this waits here.
    builder.max_buf_size(head_bytes).max_header_size(head_bytes).max_headers(headers);
    let (sender, driver) = builder.handshake(TokioIo::new(io)).await?;
    Ok((sender, Box::new(driver)))
}
