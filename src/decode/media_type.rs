//! `Content-Type` and `Content-Encoding`: how a body is to be read.

use hyper::http::HeaderMap;
use hyper::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::charset::unquoted;
use super::{Charset, UnsupportedBody};

/// The bodies that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    Form { charset: Option<Charset> },
    Json,
    Multipart { boundary: String, charset: Option<Charset> },
}

impl MediaType {
    /// Reads the headers. A missing `Content-Type` is a form: PHP streams and .NET samples send none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, UnsupportedBody> {
        headers.get_all(CONTENT_ENCODING).iter().try_for_each(|value| not_encoded(value.as_bytes()))?;
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let Some(value) = types.next() else { return Ok(Self::Form { charset: None }) };
        // A library and the shop may both write it; two that are the same say one thing.
        if types.any(|other| other != value) {
            return Err(UnsupportedBody::Repeated);
        }
        let text = value.to_str().map_err(|_| UnsupportedBody::MediaType(None))?;
        let (essence, attributes) = text.split_once(';').unwrap_or((text, ""));
        let essence = essence.trim();
        // JSON is UTF-8, whatever is written beside it (RFC 8259 section 8.1).
        if essence.eq_ignore_ascii_case("application/json") {
            return Ok(Self::Json);
        }
        let charset = if attributes.is_empty() { None } else { charset(text)? };
        if essence.eq_ignore_ascii_case("multipart/form-data") {
            // multer reads the quoting of the boundary.
            let boundary = multer::parse_boundary(text).map_err(|error| match error {
                multer::Error::NoBoundary => UnsupportedBody::NoBoundary,
                _ => UnsupportedBody::MediaType(None),
            })?;
            return Ok(Self::Multipart { boundary, charset });
        }
        match essence.is_empty() || essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            true => Ok(Self::Form { charset }),
            false => Err(UnsupportedBody::media_type(essence)),
        }
    }
}

/// Refuses what is compressed. UTF-8 is no compression and changes nothing: Java's `setContentEncoding("UTF-8")`.
fn not_encoded(encoding: &[u8]) -> Result<(), UnsupportedBody> {
    if encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    match std::str::from_utf8(encoding).ok().and_then(Charset::of_label) {
        Some(Charset::UTF_8) => Ok(()),
        Some(_) => Err(UnsupportedBody::EncodingIsCharset),
        None => Err(UnsupportedBody::Encoding),
    }
}

/// The charset that a content type names, if it names one, and the same one if it names several.
pub(super) fn charset(content_type: &str) -> Result<Option<Charset>, UnsupportedBody> {
    let mut charset = None;
    for attribute in content_type.split(';').skip(1) {
        let Some((name, label)) = attribute.split_once('=') else { continue };
        // A template whose charset is not set writes none.
        if name.trim().eq_ignore_ascii_case("charset") && !unquoted(label).is_empty() {
            let named = Charset::of_label(label).ok_or(UnsupportedBody::Charset)?;
            if charset.is_some_and(|other| other != named) {
                return Err(UnsupportedBody::Charset);
            }
            charset = Some(named);
        }
    }
    Ok(charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content_type: &str) -> Result<MediaType, UnsupportedBody> {
        MediaType::of(&HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]))
    }

    fn form(label: &str) -> Result<MediaType, UnsupportedBody> {
        Ok(MediaType::Form { charset: Charset::of_label(label) })
    }

    #[test]
    fn forms_json_and_multipart_are_read() {
        assert_eq!(MediaType::of(&HeaderMap::new()), Ok(MediaType::Form { charset: None }));
        assert_eq!(of("application/x-www-form-urlencoded"), Ok(MediaType::Form { charset: None }));
        assert_eq!(of("Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\""), form("UTF-8"));
        assert_eq!(of("application/x-www-form-urlencoded; Charset = GBK"), form("GBK"));
        assert_eq!(of("; charset=big5; charset=Big5-HKSCS"), form("Big5"));
        assert_eq!(of("application/x-www-form-urlencoded; charset='utf-8'"), form("UTF-8"));
        for none in ["; charset=", "; charset= ; charset=\"\""] {
            assert_eq!(of(none), Ok(MediaType::Form { charset: None }), "{none}");
        }
        for json in ["application/json", "application/json;charset=utf8", "application/json; charset=UTF-16"]
        {
            assert_eq!(of(json), Ok(MediaType::Json), "{json}");
        }
        let multipart = |charset| Ok(MediaType::Multipart { boundary: "x1".to_owned(), charset });
        assert_eq!(of("multipart/form-data; boundary=x1"), multipart(None));
        let big5 = "multipart/form-data; charset=Big5; boundary=x1";
        assert_eq!(of(big5), multipart(Charset::of_label("Big5")));
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(of("text/plain; charset=UTF-8"), Err(UnsupportedBody::MediaType(Some("text/plain"))));
        assert_eq!(of("text/canary"), Err(UnsupportedBody::MediaType(None)));
        assert_eq!(of("multipart/form-data"), Err(UnsupportedBody::NoBoundary));
        for other in [
            "application/x-www-form-urlencoded; charset=UTF-16",
            "application/x-www-form-urlencoded; charset=UTF-8; charset=GBK",
            "multipart/form-data; charset=utf-7; boundary=x1",
        ] {
            assert_eq!(of(other), Err(UnsupportedBody::Charset), "{other}");
        }
    }

    #[test]
    fn an_encoding_is_refused_unless_it_changes_nothing() {
        let encoded = |encoding: &str| {
            MediaType::of(&HeaderMap::from_iter([(CONTENT_ENCODING, encoding.parse().unwrap())]))
        };
        for nothing in ["", "identity", "UTF-8", "utf8", "Utf-8"] {
            assert_eq!(encoded(nothing), Ok(MediaType::Form { charset: None }), "{nothing}");
        }
        for charset in ["GBK", "ISO-8859-1", "cp950"] {
            assert_eq!(encoded(charset), Err(UnsupportedBody::EncodingIsCharset), "{charset}");
        }
        for other in ["gzip", "deflate", "br", "utf-8, gzip", "8bit"] {
            assert_eq!(encoded(other), Err(UnsupportedBody::Encoding), "{other}");
        }
    }

    #[test]
    fn the_same_header_twice_is_one() {
        let twice = |second: &'static str| {
            let types = ["application/json", second].map(|value| (CONTENT_TYPE, value.parse().unwrap()));
            let mut headers = HeaderMap::new();
            for (name, value) in types {
                headers.append(name, value);
            }
            MediaType::of(&headers)
        };
        assert_eq!(twice("application/json"), Ok(MediaType::Json));
        for other in ["application/json; charset=utf-8", "application/x-www-form-urlencoded", ""] {
            assert_eq!(twice(other), Err(UnsupportedBody::Repeated), "{other}");
        }
    }
}
