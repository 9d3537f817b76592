//! Why there is no answer of QFPay's, and what that means for the payment.

use std::time::Duration;

use crate::client::Cause;

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

/// Why there is no answer. Each variant knows what it means for the payment, see [`SendError::delivery`].
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The name was not found, the port refused, TLS failed, or the connection ended before anything was written.
    #[error("no connection to {host}: {cause}")]
    NotConnected {
        /// Where to.
        host: String,
        /// Why not.
        cause: Cause,
    },
    /// No connection in time.
    #[error("no connection to {host} within {} ms ({setting})", .after.as_millis())]
    ConnectTimedOut {
        /// Where to.
        host: String,
        /// The setting whose time passed.
        setting: &'static str,
        /// Its value.
        after: Duration,
    },
    /// A connection, but no whole answer in time.
    #[error("{what} {host} within {} ms ({setting})", .after.as_millis())]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// Where to.
        host: String,
        /// The setting whose time passed.
        setting: &'static str,
        /// Its value.
        after: Duration,
        /// Whether a byte of the request had left.
        sent: bool,
    },
    /// The connection broke, or what came was not HTTP, before the answer's head was complete.
    #[error("no answer from {host}: {cause}")]
    NoAnswer {
        /// Where to.
        host: String,
        /// What ended the connection; never bytes of the answer.
        cause: Cause,
    },
    /// An answer came whose head is larger than is read: it says nothing that could be passed on.
    #[error("the head of the answer of {host} is over limits.answer_head_bytes or has more than 300 headers")]
    HeadTooLarge {
        /// Where to.
        host: String,
    },
    /// The answer's body ended early. What came is not passed on: half an answer may look like a whole one.
    #[error("the answer of {host} broke off: {cause}")]
    Truncated {
        /// Where to.
        host: String,
        /// What ended the connection; never bytes of the answer.
        cause: Cause,
    },
}

impl SendError {
    /// The same for the caller: what the system and libraries say is for the log.
    pub fn plain(&self) -> String {
        match self {
            Self::NotConnected { host, cause } => format!("no connection to {host}: {}", cause.plain()),
            Self::NoAnswer { host, cause } => format!("no answer from {host}: {}", cause.plain()),
            Self::Truncated { host, cause } => format!("the answer of {host} broke off: {}", cause.plain()),
            Self::ConnectTimedOut { .. } | Self::TimedOut { .. } | Self::HeadTooLarge { .. } => {
                self.to_string()
            }
        }
    }

    /// What to do where no repeat helps.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotConnected { cause, .. } => cause.remedy("upstream.ca_file"),
            _ => None,
        }
    }

    /// Whether the request may have been processed all the same.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::NotConnected { .. } | Self::ConnectTimedOut { .. } | Self::TimedOut { sent: false, .. } => {
                Delivery::NotSent
            }
            Self::TimedOut { .. }
            | Self::NoAnswer { .. }
            | Self::HeadTooLarge { .. }
            | Self::Truncated { .. } => Delivery::Unknown,
        }
    }
}
