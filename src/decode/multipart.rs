//! `multipart/form-data` text fields, as PHP's curl sends an array. Parsed by multer.

use std::convert::Infallible;

use bytes::Bytes;
use hyper::http::HeaderValue;
use multer::{Field, Multipart};

use super::media_type::charset;
use super::{Charset, DecodeError, UnsupportedBody, named, push};
use crate::sign::Sent;

/// Decodes the text fields of a body that was read whole; refuses files. `unlabelled` is the charset of fields that name
/// none.
pub(super) async fn decode(body: Bytes, boundary: String, unlabelled: Charset) -> Result<Sent, DecodeError> {
    let whole = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
    let mut parts = Multipart::new(whole, boundary);
    let mut sent = Sent::default();
    let mut number = 0;
    while let Some(field) = parts.next_field().await.map_err(broken)? {
        number += 1;
        let name = field.name().ok_or(DecodeError::Multipart("a part has no name"))?.to_owned();
        let label = text_charset(&field, number)?;
        let (is_labelled, charset) = (label.is_some(), label.unwrap_or(unlabelled));
        // The bytes, not multer's text(): that one replaces what is not UTF-8.
        let value = field.bytes().await.map_err(broken)?;
        if matches!(value.last(), Some(b'\r' | b'\n')) {
            return Err(DecodeError::FieldLineEnd(named(&mut sent, name.as_bytes())?));
        }
        push(&mut sent, name.as_bytes(), &value, charset).map_err(|error| in_part(error, is_labelled))?;
    }
    Ok(sent)
}

/// The same, told of a part that names its charset itself.
fn in_part(error: DecodeError, is_labelled: bool) -> DecodeError {
    match error {
        DecodeError::Charset { name, charset, .. } => {
            DecodeError::Charset { name, charset, in_part: is_labelled }
        }
        other => other,
    }
}

/// The charset that a text field names. A part is a file when it has a file name; a part in another encoding is not the text
/// that was meant.
fn text_charset(field: &Field<'_>, number: usize) -> Result<Option<Charset>, DecodeError> {
    // Also `filename*` and an empty file name, which multer takes for none.
    let disposition = field.headers().get_all("content-disposition");
    if field.file_name().is_some() || disposition.iter().any(|value| names_file(value.as_bytes())) {
        return Err(DecodeError::File(number));
    }
    if let Some(encoding) = field.headers().get("content-transfer-encoding") {
        let plain = ["7bit", "8bit", "binary"];
        if !plain.iter().any(|known| encoding.as_bytes().eq_ignore_ascii_case(known.as_bytes())) {
            return Err(UnsupportedBody::Encoding.into());
        }
    }
    let content_type = field.headers().get("content-type");
    Ok(charset(&String::from_utf8_lossy(content_type.map_or(b"", HeaderValue::as_bytes)))?)
}

/// Whether one of the attributes is a file name, outside of quotes: a parameter may be called `filename`.
fn names_file(disposition: &[u8]) -> bool {
    let unquoted = disposition.split(|&b| b == b'"').step_by(2);
    let mut words = unquoted.flat_map(|text| text.split(|b| b"; \t".contains(b)));
    words.any(|word| word.to_ascii_lowercase().starts_with(b"filename"))
}

/// Our words for multer's errors: its own may quote what was sent.
fn broken(error: multer::Error) -> DecodeError {
    DecodeError::Multipart(match error {
        multer::Error::IncompleteStream | multer::Error::IncompleteFieldData { .. } => "it ends too early",
        multer::Error::IncompleteHeaders | multer::Error::ReadHeaderFailed(_) => {
            "a part's headers cannot be read"
        }
        _ => "it does not follow its boundary",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(body: &[u8]) -> Result<Sent, DecodeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(decode(Bytes::copy_from_slice(body), "XX".to_owned(), Charset::UTF_8))
    }

    #[test]
    fn text_fields_are_taken_as_they_are() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"goods_name\"\r\n\r\n a+b%20\u{8336}\r\n\
                    --XX\r\nContent-Disposition: form-data; name=\"txamt\"\r\n\r\n1\r\n--XX--\r\n";
        let params = run(body.as_bytes()).unwrap().params;
        assert_eq!(params.get("goods_name"), Some(" a+b%20\u{8336}"));
        assert_eq!(params.get("txamt"), Some("1"));
    }

    #[test]
    fn a_line_end_behind_a_text_field_is_refused_by_name() {
        let part = |value: &str| {
            run(format!(
                "--XX\r\nContent-Disposition: form-data; name=\"out_trade_no\"\r\n\r\n{value}\r\n--XX--\r\n"
            )
            .as_bytes())
        };
        for value in ["n2\n", "n2\r\n", "\r"] {
            let refused = DecodeError::FieldLineEnd("out_trade_no".to_owned());
            assert_eq!(part(value).unwrap_err(), refused, "{value:?}");
        }
        assert_eq!(part("a\nb=c").unwrap().params.get("out_trade_no"), Some("a\nb=c"));
    }

    #[test]
    fn files_are_refused() {
        let file =
            b"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n1\r\n--XX--\r\n";
        assert_eq!(run(file).unwrap_err(), DecodeError::File(1));
    }

    #[test]
    fn other_charsets_and_encodings_are_refused() {
        let part = |header: &str| {
            run(format!(
                "--XX\r\nContent-Disposition: form-data; name=\"f\"\r\n{header}\r\n\r\n1\r\n--XX--\r\n"
            )
            .as_bytes())
        };
        assert_eq!(
            part("Content-Type: text/plain; charset=UTF-16").unwrap_err(),
            UnsupportedBody::Charset.into()
        );
        assert_eq!(part("Content-Transfer-Encoding: base64").unwrap_err(), UnsupportedBody::Encoding.into());
        for label in ["UTF-8", "ISO-8859-1", "gbk", "\"us-ascii\""] {
            part(&format!("Content-Type: text/plain; charset={label}")).unwrap();
        }
    }

    #[test]
    fn broken_bodies_are_refused() {
        for broken in [
            &b"nothing"[..],
            b"--XX\r\n\r\n1\r\n--XX--",
            b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1",
        ] {
            assert!(matches!(run(broken), Err(DecodeError::Multipart(_))), "{}", broken.escape_ascii());
        }
    }
}
