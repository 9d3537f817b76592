//! Each module's own error -> [`Failure`].

use super::{Code, Failure};
use crate::access::{Denied as NoRight, Unknown};
use crate::body::BodyError;
use crate::browser::BrowserUrlError;
use crate::caller::CallerError;
use crate::decode::{DecodeError, UnsupportedBody};
use crate::endpoint::Misspelt;
use crate::gate::Denied;
use crate::orders::Held;
use crate::orders::journal::Unavailable;
use crate::outbound::TooLongForUrl;
use crate::quota::Refused;
use crate::receiver::ReceiverError;
use crate::server::Refusal;
use crate::sign::{BadSignature, ParamError};
use crate::upstream::SendError;

macro_rules! refusals {
    ($($error:ty => |$value:ident| $code:expr;)*) => {
        $(impl From<$error> for Failure {
            fn from($value: $error) -> Self {
                let code = $code;
                Self::refused(code, $value.to_string())
            }
        })*
    };
}

refusals! {
    Held => |held| Code::OrderInFlight;
    BodyError => |error| match error {
        BodyError::TooLarge { .. } => Code::BodyTooLarge,
        BodyError::TooSlow(_) => Code::BodyTooSlow,
        BodyError::MemoryBusy => Code::MemoryBusy,
        BodyError::Incomplete => Code::BodyIncomplete,
        BodyError::NoLength => Code::LengthRequired,
        BodyError::Overrun => Code::LengthMismatch,
    };
    ParamError => |error| of_param(&error);
    CallerError => |error| match error {
        CallerError::UnknownApp => Code::AppUnknown,
        CallerError::AppConflict => Code::AppConflict,
        CallerError::Empty(_) => Code::ParameterEmpty,
        CallerError::Twice(..) => Code::ParameterRepeated,
    };
    BadSignature => |error| match error {
        BadSignature::Missing => Code::SignatureMissing,
        BadSignature::Repeated | BadSignature::Malformed(_) => Code::SignatureMalformed,
    };
    Unavailable => |error| Code::JournalUnavailable;
    Unknown => |error| Code::CallerUnknown;
    NoRight => |error| Code::CallerDenied;
    Misspelt => |error| Code::PathUnknown;
    TooLongForUrl => |error| Code::QueryTooLong;
    BrowserUrlError => |error| match error {
        BrowserUrlError::Missing(_) | BrowserUrlError::Nothing => Code::ParameterMissing,
        BrowserUrlError::Invalid { .. } => Code::ParameterInvalid,
        BrowserUrlError::Unknown(_) => Code::ParameterUnknown,
        BrowserUrlError::NotAUrl(_) => Code::RedirectInvalid,
        BrowserUrlError::HostNotAllowed(_) => Code::RedirectHostNotAllowed,
        BrowserUrlError::Ambiguous { .. } => Code::ParameterAmbiguous,
        BrowserUrlError::Twice(..) => Code::ParameterRepeated,
    };
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        let code = match &error {
            DecodeError::QueryAndBody => Code::QueryAndBody,
            DecodeError::BodyOnGet => Code::BodyOnGet,
            DecodeError::Unsupported(
                UnsupportedBody::MediaType(_) | UnsupportedBody::NoBoundary | UnsupportedBody::Repeated,
            ) => Code::MediaTypeUnsupported,
            DecodeError::Unsupported(UnsupportedBody::Charset) => Code::CharsetUnsupported,
            DecodeError::Unsupported(UnsupportedBody::Encoding | UnsupportedBody::EncodingIsCharset) => {
                Code::EncodingUnsupported
            }
            DecodeError::Param(error) => of_param(error),
            DecodeError::NoEquals { .. } | DecodeError::MarkBeforeForm | DecodeError::BeforeName { .. } => {
                Code::ParameterName
            }
            DecodeError::PercentEncoding(_) => Code::PercentEncoding,
            DecodeError::Charset { .. } | DecodeError::AlsoUtf8 { .. } => Code::ParameterCharset,
            DecodeError::LineEnd(_) | DecodeError::FieldLineEnd(_) | DecodeError::LinesNotJoined(_) => {
                Code::ParameterLineEnd
            }
            DecodeError::Json(_) | DecodeError::MarkBeforeJson => Code::JsonInvalid,
            DecodeError::JsonAsForm | DecodeError::Mislabelled { .. } => Code::MediaTypeUnsupported,
            DecodeError::JsonNotAnObject => Code::JsonNotAnObject,
            DecodeError::Multipart(_) => Code::MultipartInvalid,
            DecodeError::File(_) => Code::FileUpload,
        };
        Self { hint: error.remedy().map(Into::into), ..Self::refused(code, error.to_string()) }
    }
}

fn of_param(error: &ParamError) -> Code {
    match error {
        ParamError::Repeated(_) => Code::ParameterRepeated,
        ParamError::BadName(..) | ParamError::BadNameLength(_) => Code::ParameterName,
        ParamError::NotUtf8(_) => Code::ParameterNotUtf8,
        ParamError::Empty(_) => Code::ParameterEmpty,
        ParamError::TooMany => Code::ParametersTooMany,
    }
}

impl From<Denied> for Failure {
    /// What was sent is shown to its sender, and not to the log.
    fn from(denied: Denied) -> Self {
        let (code, detail) = match denied {
            Denied::Target => (Code::TargetRefused, "the target names a host"),
            Denied::Host { .. } => (Code::HostRefused, "the Host header is none of this listener's"),
            Denied::WebPage(_) => {
                (Code::BrowserRefused, "the request carries what browsers send for web pages")
            }
            Denied::Navigation(_) => (Code::BrowserRefused, "a browser opens a call as if it were a page"),
            Denied::BrowserGet => (Code::BrowserRefused, "a GET that moves money has a browser's User-Agent"),
            Denied::Forwarded(_) => (Code::ForwardedRefused, "the request came through a web server"),
        };
        Self { told: Some(denied.to_string().into()), ..Self::refused(code, detail) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = match refusal {
            Refusal::Malformed => (Code::HeadMalformed, "what came cannot be read as one HTTP/1.1 request"),
            Refusal::BareLineFeed => (
                Code::HeadMalformed,
                "a line of the head ends in LF alone; lines end in CR LF (PHP: \"\\r\\n\")",
            ),
            Refusal::Overrun => {
                (Code::LengthMismatch, "before the method stand bytes of the request before this one")
            }
            Refusal::SpaceInTarget => (
                Code::HeadMalformed,
                "the first line holds a raw space in its path or query; in a URL a space is %20, or + in a query",
            ),
            Refusal::CutShort => (Code::HeadMalformed, "the head ended before it was complete"),
            Refusal::Tls => {
                (Code::HeadMalformed, "what came looks like TLS; the sidecar's URL begins with http://")
            }
            Refusal::Http2 => {
                (Code::HeadMalformed, "what came looks like HTTP/2; the sidecar speaks HTTP/1.1")
            }
            Refusal::Fragment => {
                let detail = "the target holds a '#', and everything behind it would be lost; the sidecar's checkout is \
                              /checkstand/?paysource=..., without #/";
                (Code::TargetRefused, detail)
            }
            Refusal::TargetTooLong => (
                Code::TargetTooLong,
                "the request line is longer than limits.head_bytes, or than 65534 bytes",
            ),
            Refusal::HeadTooLarge => (
                Code::HeadTooLarge,
                "the head is over limits.head_bytes or limits.headers, or announces a body beyond all bounds",
            ),
            Refusal::HeadTooSlow => {
                (Code::HeadTooSlow, "the head was not complete within limits.header_timeout_ms")
            }
            Refusal::Ending => (Code::ShuttingDown, "the request was not complete when the sidecar ended"),
            Refusal::Evicted => (
                Code::ConnectionEvicted,
                "the request was not complete when another connection needed its permit",
            ),
        };
        Self::refused(code, detail)
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        let code = match error {
            SendError::NotConnected { .. } => Code::UpstreamUnreachable,
            SendError::ConnectTimedOut { .. } => Code::UpstreamConnectTimeout,
            SendError::TimedOut { .. } => Code::UpstreamTimeout,
            SendError::NoAnswer { .. } => Code::UpstreamNoAnswer,
            SendError::HeadTooLarge { .. } => Code::AnswerUnclear,
            SendError::Truncated { .. } => Code::UpstreamTruncated,
        };
        let failure = Self::on_the_way(code, error.delivery(), error.to_string());
        Self { told: Some(error.plain().into()), hint: error.remedy().map(Into::into), ..failure }
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        let code = match error {
            Refused::Exceeded { .. } => Code::QuotaExceeded,
            Refused::Paused { .. } | Refused::Behind { .. } => Code::QuotaPaused,
        };
        Self { retry_after: Some(error.retry_after()), ..Self::refused(code, error.to_string()) }
    }
}

impl From<ReceiverError> for Failure {
    fn from(error: ReceiverError) -> Self {
        let code = match error {
            ReceiverError::NotConnected(_) => Code::ReceiverUnreachable,
            ReceiverError::TimedOut { .. } => Code::ReceiverTimeout,
            ReceiverError::BrokeOff => Code::ReceiverBrokeOff,
            ReceiverError::Status(_) | ReceiverError::NotSuccess | ReceiverError::ByteOrderMark => {
                Code::ReceiverRefused
            }
        };
        Self {
            told: Some(error.plain().into()),
            ..Self::on_the_way(code, error.delivery(), error.to_string())
        }
    }
}
