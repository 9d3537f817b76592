//! Sending to QFPay: one pool of verified connections, one deadline, and for every outcome an honest [`Delivery`].

mod connect;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Response;
use hyper::body::{Frame, Incoming};
use hyper::http::{HeaderMap, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
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
pub type AnswerBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// What QFPay answered, unchanged but for headers that belong to one connection.
#[derive(Debug)]
pub struct Answer {
    /// QFPay's status, whatever it is; redirects are passed on.
    pub status: StatusCode,
    /// Its headers, see [`headers::to_caller`].
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Whole,
}

/// An answer's body, or the beginning of it.
#[derive(Debug)]
pub enum Whole {
    /// All of it.
    Yes(Bytes),
    /// It is larger than `answer_whole_bytes`, and streams.
    No(AnswerBody),
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
    #[error("{host} closed or broke the connection before it answered")]
    NoAnswer {
        /// Where to.
        host: String,
    },
    /// The answer's body ended early. What came is not passed on: half an answer may look like a whole one.
    #[error("the answer of {host} broke off")]
    Truncated {
        /// Where to.
        host: String,
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
            Ok(Err(error)) if error.is_connect() => return Err(self.not_connected(&error)),
            Ok(Err(_)) => return Err(SendError::NoAnswer { host: host() }),
            Err(_) => {
                let sent = connection.connection_metadata().is_some();
                return Err(SendError::TimedOut { host: host(), after: self.settings.call_timeout, sent });
            }
        };
        if head.status() == StatusCode::SWITCHING_PROTOCOLS {
            // We asked for no other protocol, so this is not an answer to a payment.
            return Err(SendError::NoAnswer { host: host() });
        }
        match timeout_at(deadline, self.read(head)).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(SendError::Truncated { host: host() }),
            Err(_) => {
                Err(SendError::TimedOut { host: host(), after: self.settings.call_timeout, sent: true })
            }
        }
    }

    /// Reads an answer whole, or as far as `answer_whole_bytes`; nothing when it breaks off.
    async fn read(&self, answer: Response<Incoming>) -> Option<Answer> {
        let (head, mut body) = answer.into_parts();
        let answer =
            |body| Some(Answer { status: head.status, headers: headers::to_caller(&head.headers), body });
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.ok()?.into_data() else { continue };
            whole.extend_from_slice(&data);
            if whole.len() > self.settings.answer_whole_bytes {
                return answer(Whole::No(streamed(whole.freeze(), body, self.settings.call_timeout)));
            }
        }
        answer(Whole::Yes(whole.freeze()))
    }

    fn not_connected(&self, error: &hyper_util::client::legacy::Error) -> SendError {
        let host = self.base.to_string();
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
            let of_system = cause.downcast_ref::<std::io::Error>();
            let too_slow = of_system.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
            if too_slow || cause.is::<ConnectTimedOut>() {
                return SendError::ConnectTimedOut { host, after: self.settings.connect_timeout };
            }
        }
        SendError::NotConnected { host, cause: cause.to_string() }
    }
}

/// What was read already, then the rest as it comes, none of it later than `stall` after what came before.
fn streamed(beginning: Bytes, rest: Incoming, stall: Duration) -> AnswerBody {
    let beginning = stream::iter([Ok(Frame::data(beginning))]);
    let rest = stream::unfold(rest, move |mut rest| async move {
        let frame = match timeout(stall, rest.frame()).await {
            Ok(frame) => frame?.map_err(Into::into),
            Err(_) => Err("the upstream's answer stalled".into()),
        };
        Some((frame, rest))
    });
    AnswerBody::new(StreamBody::new(beginning.chain(rest)))
}
