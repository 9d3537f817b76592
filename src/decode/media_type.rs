//! `Content-Type` and `Content-Encoding`: how a body is to be read.

use hyper::http::HeaderMap;
use hyper::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

/// The bodies that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    Form,
    Json,
    Multipart { boundary: String },
}

/// A body that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnsupportedBody {
    /// Neither a form, nor JSON, nor multipart.
    #[error(
        "the Content-Type is none of application/x-www-form-urlencoded, application/json, multipart/form-data"
    )]
    MediaType,
    /// QFPay signs UTF-8.
    #[error("the Content-Type names a charset other than UTF-8")]
    Charset,
    /// Compressed bodies are not unpacked.
    #[error("the body has a Content-Encoding; send it as it is")]
    Encoding,
    /// Two of a header that decides how the body is read.
    #[error("there is more than one Content-Type")]
    Repeated,
}

impl MediaType {
    /// Reads the headers. A missing `Content-Type` is a form: PHP streams and .NET samples send none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, UnsupportedBody> {
        let encoding = headers.get_all(CONTENT_ENCODING).iter();
        if encoding.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(UnsupportedBody::Encoding);
        }
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let text = match (types.next(), types.next()) {
            (None, _) => return Ok(Self::Form),
            (Some(_), Some(_)) => return Err(UnsupportedBody::Repeated),
            (Some(value), None) => value.to_str().map_err(|_| UnsupportedBody::MediaType)?,
        };
        let (essence, attributes) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        for attribute in attributes.split(';') {
            if let Some((name, charset)) = attribute.split_once('=')
                && name.trim().eq_ignore_ascii_case("charset")
                && !is_utf8(charset)
            {
                return Err(UnsupportedBody::Charset);
            }
        }
        if essence.eq_ignore_ascii_case("multipart/form-data") {
            // multer reads the quoting of the boundary; its absence is a body that cannot be read.
            let boundary = multer::parse_boundary(text).map_err(|_| UnsupportedBody::MediaType)?;
            return Ok(Self::Multipart { boundary });
        }
        if essence.is_empty() || essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Ok(Self::Form)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Ok(Self::Json)
        } else {
            Err(UnsupportedBody::MediaType)
        }
    }
}

/// Whether a charset is UTF-8 or a part of it.
pub(super) fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    ["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &str) -> Result<MediaType, UnsupportedBody> {
        MediaType::of(&HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]))
    }

    #[test]
    fn forms_json_and_multipart_are_read() {
        assert_eq!(MediaType::of(&HeaderMap::new()), Ok(MediaType::Form));
        assert_eq!(of("application/x-www-form-urlencoded"), Ok(MediaType::Form));
        assert_eq!(of("Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\""), Ok(MediaType::Form));
        assert_eq!(of("application/json;charset=utf8"), Ok(MediaType::Json));
        assert_eq!(
            of("multipart/form-data; boundary=x1"),
            Ok(MediaType::Multipart { boundary: "x1".to_owned() })
        );
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(of("text/plain"), Err(UnsupportedBody::MediaType));
        assert_eq!(of("multipart/form-data"), Err(UnsupportedBody::MediaType));
        for other in [
            "application/x-www-form-urlencoded; charset=GBK",
            "multipart/form-data; charset=GBK; boundary=x1",
        ] {
            assert_eq!(of(other), Err(UnsupportedBody::Charset), "{other}");
        }
        let gzip = HeaderMap::from_iter([(CONTENT_ENCODING, "gzip".parse().unwrap())]);
        assert_eq!(MediaType::of(&gzip), Err(UnsupportedBody::Encoding));
    }
}
