//! Sending to QFPay: one pool of verified connections, one deadline, and for every outcome an honest [`Delivery`].

pub(crate) mod connect;

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::http::header::CONTENT_LENGTH;
use hyper::http::{HeaderMap, HeaderValue, StatusCode};
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{self as client, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout, timeout_at};

use crate::base_url::UpstreamUrl;
use crate::headers;
use crate::outbound::SignedRequest;
use connect::{ConnectTimedOut, Connector};

pub use connect::BadRoots;

/// Whether a request reached QFPay. The caller may pay again only after [`Delivery::NotSent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Provably no byte of it left.
    NotSent,
    /// Some of it may have left, and no whole answer came back.
    Unknown,
    /// QFPay answered.
    Answered,
}

impl Delivery {
    /// The name in answers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::Answered => "answered",
        }
    }
}

/// The settings of the way to QFPay.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The whole call, from the first look for a connection to the last byte of the answer.
    pub call_timeout: Duration,
    /// How long an unused connection is kept; below the upstream's own limit.
    pub pool_idle_timeout: Duration,
    /// Answers up to this many bytes are read whole before the caller sees any of them.
    pub answer_whole_bytes: usize,
}

/// A body on its way to the caller: whole, or streamed when it is large.
pub type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

type BoxError = Box<dyn Error + Send + Sync>;

/// What QFPay answered, unchanged but for headers that belong to one connection.
#[derive(Debug)]
pub struct Answer {
    /// QFPay's status, whatever it is; redirects are passed on.
    pub status: StatusCode,
    /// Its headers, see [`headers::to_caller`].
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Body,
}

/// An answer's body.
#[derive(Debug)]
pub enum Body {
    /// All of it was read before the caller sees any.
    Whole(Bytes),
    /// It is larger than `answer_whole_bytes`, and is passed on as it comes.
    Streamed(AnswerBody),
}

/// Why there is no answer. Each variant knows what it means for the payment, see [`SendError::delivery`].
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The name was not found, the port refused, TLS failed.
    #[error("no connection to {host}: {cause}")]
    NotConnected {
        /// Where to.
        host: String,
        /// What the system or the TLS library says.
        cause: String,
    },
    /// No connection within `upstream.connect_timeout_ms`.
    #[error("no connection to {host} within {} ms", .after.as_millis())]
    ConnectTimedOut {
        /// Where to.
        host: String,
        /// The setting.
        after: Duration,
    },
    /// No whole answer within `upstream.call_timeout_ms`.
    #[error("no whole answer from {host} within {} ms", .after.as_millis())]
    TimedOut {
        /// Where to.
        host: String,
        /// The setting.
        after: Duration,
        /// Whether a connection had been found, so that bytes may have left.
        sent: bool,
    },
    /// The connection broke, or what came was not HTTP, before the answer's head was complete.
    #[error("no answer from {host}: {cause}")]
    NoAnswer {
        /// Where to.
        host: String,
        /// What hyper or the system says; never bytes of the answer.
        cause: String,
    },
    /// The answer's body ended early. What came is not passed on: half an answer may look like a whole one.
    #[error("the answer of {host} broke off: {cause}")]
    Truncated {
        /// Where to.
        host: String,
        /// What hyper or the system says; never bytes of the answer.
        cause: String,
    },
}

impl SendError {
    /// Whether the request may have been processed all the same.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::NotConnected { .. } | Self::ConnectTimedOut { .. } => Delivery::NotSent,
            Self::TimedOut { sent, .. } if !sent => Delivery::NotSent,
            Self::TimedOut { .. } | Self::NoAnswer { .. } | Self::Truncated { .. } => Delivery::Unknown,
        }
    }
}

/// The way to QFPay.
#[derive(Debug)]
pub struct Upstream {
    base: UpstreamUrl,
    client: Client<Connector, Full<Bytes>>,
    settings: Settings,
}

impl Upstream {
    /// Prepares a pool; connects nowhere yet. `roots` is PEM text that replaces the built-in authorities.
    ///
    /// # Errors
    /// [`BadRoots`] when the PEM text holds no usable certificate.
    pub fn new(base: UpstreamUrl, settings: Settings, roots: Option<&[u8]>) -> Result<Self, BadRoots> {
        let connector = Connector::new(settings.connect_timeout, roots)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.pool_idle_timeout)
            // A deliberate repeat: a request that hyper gives back whole, because a kept connection had died before
            // a byte of it was written, goes out on another one. hyper never gives back what was started.
            .retry_canceled_requests(true)
            .build(connector);
        Ok(Self { base, client, settings })
    }

    /// The host that requests are signed for.
    pub fn base(&self) -> &UpstreamUrl {
        &self.base
    }

    /// Sends a request once, and reads its answer.
    ///
    /// # Errors
    /// [`SendError`], whose [`SendError::delivery`] says whether the caller may try again.
    pub async fn send(&self, request: SignedRequest) -> Result<Answer, SendError> {
        let host = || self.base.to_string();
        let deadline = Instant::now() + self.settings.call_timeout;
        let mut request = request.into_inner();
        // Filled in when hyper hands the request to a connection: before that, no byte can have left.
        let connection = capture_connection(&mut request);
        let head = match timeout_at(deadline, self.client.request(request)).await {
            Ok(Ok(head)) => head,
            Ok(Err(error)) => {
                let handed_over = connection.connection_metadata().is_some();
                return Err(self.unanswered(&error, handed_over));
            }
            Err(_) => {
                let sent = connection.connection_metadata().is_some();
                return Err(SendError::TimedOut { host: host(), after: self.settings.call_timeout, sent });
            }
        };
        if head.status() == StatusCode::SWITCHING_PROTOCOLS {
            let cause = "it switched protocols, which nobody asked for".to_owned();
            return Err(SendError::NoAnswer { host: host(), cause });
        }
        match timeout_at(deadline, self.read(head)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(broken)) => {
                Err(SendError::Truncated { host: host(), cause: innermost(&broken).to_string() })
            }
            Err(_) => {
                Err(SendError::TimedOut { host: host(), after: self.settings.call_timeout, sent: true })
            }
        }
    }

    /// Reads an answer whole, or as far as `answer_whole_bytes`; an error when it breaks off.
    async fn read(&self, answer: Response<Incoming>) -> Result<Answer, hyper::Error> {
        let (head, mut body) = answer.into_parts();
        let mut headers = headers::to_caller(&head.headers);
        let length = body.size_hint().exact();
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            read.extend_from_slice(&data);
            if read.len() > self.settings.answer_whole_bytes {
                // With its length a caller notices when it breaks off; HTTP/1.0 has no other sign.
                headers.extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
                let body = Body::Streamed(streamed(read.freeze(), body, self.settings.call_timeout));
                return Ok(Answer { status: head.status, headers, body });
            }
        }
        Ok(Answer { status: head.status, headers, body: Body::Whole(read.freeze()) })
    }

    /// Why there is no head of an answer. `handed_over` says whether hyper had given the request to a connection.
    fn unanswered(&self, error: &client::Error, handed_over: bool) -> SendError {
        let host = self.base.to_string();
        let cause = innermost(error);
        let slow =
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        // "Canceled" is hyper's word for a request that it gives back because it never started.
        let never_started =
            error.source().and_then(|source| source.downcast_ref()).is_some_and(hyper::Error::is_canceled);
        if cause.is::<ConnectTimedOut>() || (error.is_connect() && slow) {
            SendError::ConnectTimedOut { host, after: self.settings.connect_timeout }
        } else if error.is_connect() || !handed_over || never_started {
            SendError::NotConnected { host, cause: cause.to_string() }
        } else {
            SendError::NoAnswer { host, cause: cause.to_string() }
        }
    }
}

/// The error at the bottom of a chain: the one that says what happened.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}

/// What was read already, then the rest as it comes, none of it later than `stall` after what came before.
fn streamed(beginning: Bytes, rest: Incoming, stall: Duration) -> AnswerBody {
    let beginning = stream::iter([Ok(Frame::data(beginning))]);
    let rest = stream::unfold(rest, move |mut rest| async move {
        let frame = match timeout(stall, rest.frame()).await {
            Ok(frame) => frame?.map_err(Into::into),
            Err(_) => Err(BoxError::from("it stalled")),
        };
        if let Err(error) = &frame {
            tracing::warn!(%error, "a streamed answer broke off, and the caller's connection with it");
        }
        Some((frame, rest))
    });
    AnswerBody::new(StreamBody::new(beginning.chain(rest)))
}
