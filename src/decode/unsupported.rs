//! The bodies that cannot be read, by their headers.

/// A body that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnsupportedBody {
    /// Neither a form, nor JSON, nor multipart.
    #[error(
        "the Content-Type is none of application/x-www-form-urlencoded, application/json, multipart/form-data"
    )]
    MediaType,
    /// QFPay signs UTF-8, and only what holds ASCII as it is can be split before it is converted.
    #[error(
        "the Content-Type names a charset that cannot be read; UTF-8, GBK, GB18030, Big5, Shift_JIS, ISO-8859-x and \
         windows-125x can"
    )]
    Charset,
    /// Compressed bodies are not unpacked.
    #[error("the body has a Content-Encoding; send it as it is")]
    Encoding,
    /// Two of a header that decides how the body is read.
    #[error("there is more than one Content-Type")]
    Repeated,
}
