//! The bodies that cannot be read, by their headers.

/// A body that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnsupportedBody {
    /// Neither a form, nor JSON, nor multipart. Names it if it is well known.
    #[error(
        "the Content-Type {} none of application/x-www-form-urlencoded, application/json, multipart/form-data",
        .0.map_or("is".to_owned(), |known| format!("is {known},"))
    )]
    MediaType(Option<&'static str>),
    /// Multipart that cannot be divided.
    #[error("the Content-Type multipart/form-data names no boundary")]
    NoBoundary,
    /// QFPay signs UTF-8, and only what holds ASCII as it is can be split before it is converted.
    #[error(
        "the Content-Type names a charset that cannot be read; UTF-8, GBK, GB18030, Big5, Shift_JIS, ISO-8859-x and \
         windows-125x can"
    )]
    Charset,
    /// Compressed bodies are not unpacked.
    #[error("the body has a Content-Encoding; send it as it is")]
    Encoding,
    /// `setContentEncoding("GBK")`, which names no encoding.
    #[error("the Content-Encoding names a charset, not a compression; a charset stands in the Content-Type")]
    EncodingIsCharset,
    /// Two of a header that decides how the body is read.
    #[error("there is more than one Content-Type")]
    Repeated,
}

/// The media types that libraries write by themselves. Others are not shown: a caller may have written anything.
const KNOWN: [&str; 14] = [
    "text/plain",
    "text/html",
    "text/xml",
    "text/json",
    "text/javascript",
    "application/xml",
    "application/javascript",
    "application/octet-stream",
    "application/x-json",
    "application/soap+xml",
    "application/x-www-form-encoded",
    "application/form-data",
    "multipart/mixed",
    "multipart/related",
];

impl UnsupportedBody {
    /// A media type that is none of those that are read.
    pub(super) fn media_type(essence: &str) -> Self {
        Self::MediaType(KNOWN.into_iter().find(|known| essence.eq_ignore_ascii_case(known)))
    }

    /// What to do about it, where the table of failures says less.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::MediaType(Some("text/plain")) => Some(
                "Many libraries write text/plain for a body that is a string: say what it is, \
                 application/x-www-form-urlencoded or application/json.",
            ),
            Self::NoBoundary => Some(
                "Let the HTTP library write the Content-Type: take the header of your own away (PHP: an array in \
                 CURLOPT_POSTFIELDS, JavaScript: FormData write their own).",
            ),
            Self::EncodingIsCharset => Some(
                "Take the Content-Encoding away, and name the charset in the Content-Type: \
                 application/x-www-form-urlencoded; charset=GBK.",
            ),
            _ => None,
        }
    }
}
