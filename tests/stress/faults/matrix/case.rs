//! The words of the matrix: what goes wrong, where, over what, and on which kind of connection.

use super::odd::Odd;

/// What the sidecar speaks to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    Http,
    Tls12,
    Tls13,
}

/// The connection that the payment goes out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Connection {
    /// It is opened for the payment.
    Fresh,
    /// An earlier payment was answered on it.
    Reused,
}

/// What the upstream does at some point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A TCP reset.
    Reset,
    /// An orderly end: FIN, over TLS with close_notify before it.
    Close,
    /// FIN without close_notify, as an attacker in the network can send it. TLS only.
    Cut,
    /// A fatal TLS alert, then FIN. TLS only.
    Alert,
    /// Nothing more, until the sidecar gives up.
    Hang,
    /// A moment of nothing, and then all goes on.
    Pause,
    /// Everything from here on is other bytes, as many as were to come; then FIN.
    Garbage,
    /// The whole answer, although the request was not read.
    Answer,
}

impl Act {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "resets",
            Self::Close => "closes",
            Self::Cut => "closes without close_notify",
            Self::Alert => "sends a TLS alert",
            Self::Hang => "hangs",
            Self::Pause => "pauses",
            Self::Garbage => "sends garbage",
            Self::Answer => "answers",
        }
    }
}

/// How the end of an answer is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// `100 Continue` first, then `Content-Length`.
    Interim,
}

/// What the upstream does to a kept connection on which nothing is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Idle {
    Reset,
    Close,
    Cut,
    /// close_notify, while TCP stays open.
    CloseNotify,
    /// A whole answer that nobody asked for.
    Answer,
    /// Its first byte.
    OneByte,
    /// `408 Request Timeout`, then FIN, as many servers end idle connections.
    Timeout,
    /// An interim answer that nobody asked for.
    Continue,
    /// Bytes that are no HTTP; over TLS they are no TLS either.
    Garbage,
}

impl Idle {
    pub const ALL: [Self; 9] = [
        Self::Reset,
        Self::Close,
        Self::Cut,
        Self::CloseNotify,
        Self::Answer,
        Self::OneByte,
        Self::Timeout,
        Self::Continue,
        Self::Garbage,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "resets",
            Self::Close => "closes",
            Self::Cut => "closes without close_notify",
            Self::CloseNotify => "sends close_notify only",
            Self::Answer => "sends an answer",
            Self::OneByte => "sends one byte of an answer",
            Self::Timeout => "sends 408 and closes",
            Self::Continue => "sends 100 Continue",
            Self::Garbage => "sends garbage",
        }
    }

    pub fn needs_tls(self) -> bool {
        matches!(self, Self::Cut | Self::CloseNotify)
    }
}

/// A fault. Offsets count bytes that came or went before it.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The port is closed, and so are kept connections.
    Port,
    /// As soon as the connection is accepted, before a byte is read.
    Accepted(Act),
    /// In the server's part of the TLS handshake.
    Handshake(Act, usize),
    /// The certificate is for another host.
    Certificate,
    /// On a kept connection, before the payment.
    Idle(Idle),
    /// Once so many bytes of the request were read.
    Request(Act, usize),
    /// Once so many bytes of the answer were written.
    Answer(Act, Framing, usize),
    /// Once so many bytes of the answer's TLS record were written.
    Record(Act, usize),
    /// Content-Length says so many bytes; then FIN.
    Length(usize),
    /// The chunk's size says so many bytes; then FIN.
    ChunkSize(usize),
    /// An answer that is odd as a whole.
    Odd(&'static Odd),
}

impl Fault {
    /// Whether only a deadline ends it.
    pub fn waits(&self) -> bool {
        match self {
            Self::Accepted(act)
            | Self::Handshake(act, _)
            | Self::Request(act, _)
            | Self::Answer(act, ..)
            | Self::Record(act, _) => *act == Act::Hang,
            Self::Odd(odd) => odd.waits(),
            _ => false,
        }
    }
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// It moves money.
    Payment,
    /// It only reads.
    Query,
}

impl Call {
    pub fn path(self) -> &'static str {
        match self {
            Self::Payment => "/trade/v1/payment",
            Self::Query => "/trade/v1/query",
        }
    }
}

/// One call into one fault.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub call: Call,
    pub over: Over,
    pub connection: Connection,
    pub fault: Fault,
}
