//! Handing a verified notification to the shop, once, and hearing whether the shop has it.

mod url;

use std::time::Duration;

use http_body_util::Full;
use hyper::http::HeaderMap;
use hyper::http::header::HOST;
use hyper::{Method, Request, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::client::{BadRoots, Body, BodyError, Broken, Cause, ConnectError, Connector, Times};
use crate::sign::VerifiedNotification;
use crate::upstream::Delivery;
pub use url::{BadReceiver, ReceiverUrl};

/// As much of an answer as can matter: `SUCCESS` with generous white space around it.
const ANSWER_BYTES: usize = 4096;

/// The head of an answer, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// The byte order mark that some editors put before UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a receiver has to say so that QFPay hears SUCCESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// QFPay's own rule: 200, and a body that is `SUCCESS`.
    Success,
    /// Any 2xx status, for receivers that cannot choose their body.
    Any2xx,
}

impl Acknowledge {
    /// How configurations write them.
    pub const WORDS: [(&str, Self); 2] = [("success", Self::Success), ("any_2xx", Self::Any2xx)];
}

/// Why a notification is not acknowledged. Whatever it is, QFPay sends the notification again.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReceiverError {
    /// The port refused, the name was not found, TLS failed.
    #[error("no connection to the receiver: {0}")]
    NotConnected(Cause),
    /// No whole answer within `notifications.receiver_timeout_ms`.
    #[error("no whole answer from the receiver within {} ms", .after.as_millis())]
    TimedOut {
        /// The setting.
        after: Duration,
        /// Whether the notification may have been handed over.
        sent: bool,
    },
    /// The connection ended before the answer did: a `SUCCESS` that is cut off may be half of something else.
    #[error("the receiver's answer broke off")]
    BrokeOff,
    /// An answer that does not acknowledge. Redirects are among them, and are never followed.
    #[error("the receiver answered {0}, which is no acknowledgement")]
    Status(u16),
    /// 200, but not `SUCCESS`: an error page, a login form, a PHP notice.
    #[error("the receiver answered 200 with a body that is not SUCCESS")]
    NotSuccess,
    /// 200 with `SUCCESS`, but for what an editor wrote before the script.
    #[error(
        "the receiver answered 200 with SUCCESS behind a byte order mark; save its source files as UTF-8 without one"
    )]
    ByteOrderMark,
}

impl ReceiverError {
    /// The same for the sender: what the system and libraries say is for the log.
    pub fn plain(&self) -> String {
        match self {
            Self::NotConnected(cause) => format!("no connection to the receiver: {}", cause.plain()),
            other => other.to_string(),
        }
    }

    /// Whether the receiver may have seen the notification.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::NotConnected(_) | Self::TimedOut { sent: false, .. } => Delivery::NotSent,
            Self::TimedOut { sent: true, .. } | Self::BrokeOff => Delivery::Unknown,
            Self::Status(_) | Self::NotSuccess | Self::ByteOrderMark => Delivery::Answered,
        }
    }
}

/// The way to receivers. Notifications are rare, and a kept connection may be dead: each has a fresh one.
#[derive(Debug)]
pub struct Receivers {
    connector: Connector,
    timeout: Duration,
}

impl Receivers {
    /// Connects nowhere yet. `roots` is PEM text that replaces the built-in authorities.
    ///
    /// # Errors
    /// [`BadRoots`] when the PEM text holds no usable certificate.
    pub fn new(timeout: Duration, roots: Option<&[u8]>) -> Result<Self, BadRoots> {
        // The deadline of the whole delivery covers connecting, and comes first.
        let never = timeout.saturating_mul(2);
        Ok(Self { connector: Connector::new(never, never, HEAD_BYTES, roots)?, timeout })
    }

    /// Posts the unmodified bytes with these headers, once, and reads the whole answer.
    ///
    /// # Errors
    /// [`ReceiverError`] for everything but an acknowledgement.
    pub async fn deliver(
        &self,
        to: &ReceiverUrl,
        notification: &VerifiedNotification,
        headers: HeaderMap,
        acknowledge: Acknowledge,
    ) -> Result<(), ReceiverError> {
        let mut request = Request::new(Full::new(notification.body().clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = to.target();
        *request.headers_mut() = headers;
        request.headers_mut().insert(HOST, to.host_header());
        let deadline = Instant::now() + self.timeout;
        let timed_out = |sent| ReceiverError::TimedOut { after: self.timeout, sent };

        let connected = timeout_at(deadline, self.connector.connect(to.uri())).await;
        let connection = match connected.map_err(|_| timed_out(false))? {
            Ok(connection) => connection,
            Err(ConnectError::Failed(cause) | ConnectError::NoTunnel(cause)) => {
                return Err(ReceiverError::NotConnected(cause));
            }
            Err(ConnectError::TcpTimedOut | ConnectError::TlsTimedOut) => return Err(timed_out(false)),
        };
        let times = Times { write: self.timeout, first_byte: self.timeout, deadline };
        let answer = connection.exchange(Box::new(request), times).await.map_err(|broken| match broken {
            Broken::NotStarted { cause, .. } => ReceiverError::NotConnected(cause),
            Broken::Died(_) | Broken::HeadTooLarge => ReceiverError::BrokeOff,
            Broken::Late { sent, .. } => timed_out(sent),
        })?;
        let status = answer.status();
        let body = beginning(answer.into_body(), deadline).await.map_err(|error| match error {
            BodyError::Late => timed_out(true),
            BodyError::Broken(_) => ReceiverError::BrokeOff,
        })?;
        match acknowledge {
            Acknowledge::Any2xx if status.is_success() => Ok(()),
            Acknowledge::Success if status == StatusCode::OK => match is_success(&body) {
                true => Ok(()),
                false if body.strip_prefix(UTF8_MARK).is_some_and(is_success) => {
                    Err(ReceiverError::ByteOrderMark)
                }
                false => Err(ReceiverError::NotSuccess),
            },
            _ => Err(ReceiverError::Status(status.as_u16())),
        }
    }
}

/// QFPay's word, in any case, with white space around it: templates and `println` add some.
fn is_success(body: &[u8]) -> bool {
    body.len() <= ANSWER_BYTES && body.trim_ascii().eq_ignore_ascii_case(b"SUCCESS")
}

/// Reads a body to its end and keeps only as much as tells whether it is too long.
async fn beginning(mut body: Body, deadline: Instant) -> Result<Vec<u8>, BodyError> {
    let mut kept = Vec::new();
    while let Some(data) = body.data(deadline).await? {
        let room = (ANSWER_BYTES + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&data[..data.len().min(room)]);
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_alone_is_success() {
        for good in ["SUCCESS", "success", " Success\r\n", "\tSUCCESS\n\n"] {
            assert!(is_success(good.as_bytes()), "{good}");
        }
        for bad in ["", "SUCCES", "SUCCESSFUL", "\"SUCCESS\"", "not SUCCESS", "SUCCESS SUCCESS", "{}"] {
            assert!(!is_success(bad.as_bytes()), "{bad}");
        }
        assert!(!is_success(&[&b"SUCCESS"[..], &[b' '; ANSWER_BYTES]].concat()));
    }
}
