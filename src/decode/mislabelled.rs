//! Bodies that are plainly something else than their Content-Type says. Each would be refused for its first name or byte all
//! the same; here its caller learns which header is wrong.

use std::fmt;

use super::DecodeError;
use crate::sign::is_name;

/// What a body looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// `name=value`.
    Form,
    /// A boundary and a part.
    Multipart,
    /// `[`.
    JsonList,
    /// `<`.
    Xml,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a form",
            Self::Multipart => "multipart/form-data",
            Self::JsonList => "JSON that is not an object",
            Self::Xml => "XML",
        })
    }
}

impl Look {
    /// What to do about it.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Form => {
                "Send Content-Type: application/x-www-form-urlencoded, or one flat JSON object (PHP: json_encode)."
            }
            Self::Multipart => {
                "Take the Content-Type header of your own away: the library writes one with its boundary (PHP: an array in \
                 CURLOPT_POSTFIELDS; http_build_query makes a form of it)."
            }
            Self::JsonList => {
                "Send one object whose members are the parameters, with Content-Type: application/json, or a form."
            }
            Self::Xml => "QFPay's calls take no XML: send a form, or one flat JSON object.",
        }
    }
}

/// Refuses what is no form, by its beginning. No legal name begins like that.
pub(super) fn refuse_as_form(body: &[u8]) -> Result<(), DecodeError> {
    let looks = match body.trim_ascii_start() {
        // curl -d '{"txamt": 1}' says that it is a form.
        [b'{', ..] => return Err(DecodeError::JsonAsForm),
        [b'<', ..] => Look::Xml,
        [b'[', rest @ ..] if is_list(rest) => Look::JsonList,
        body if is_multipart(body) => Look::Multipart,
        _ => return Ok(()),
    };
    Err(DecodeError::Mislabelled { looks, said: "a form" })
}

/// Refuses what is no JSON, by its beginning.
pub(super) fn refuse_as_json(body: &[u8]) -> Result<(), DecodeError> {
    let body = body.trim_ascii_start();
    let name = body.iter().position(|&byte| byte == b'=').map(|equals| &body[..equals]);
    let looks = match name {
        Some(name) if is_name(name) => Look::Form,
        _ if is_multipart(body) => Look::Multipart,
        _ => return Ok(()),
    };
    Err(DecodeError::Mislabelled { looks, said: "JSON" })
}

/// Whether this stands behind the `[` of a list, rather than of a name such as `[0]`.
fn is_list(rest: &[u8]) -> bool {
    matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')) || !rest.contains(&b'=')
}

/// Whether this begins with a boundary and the headers of a part (RFC 7578).
fn is_multipart(body: &[u8]) -> bool {
    const HEADER: &[u8] = b"content-disposition: form-data";
    if !body.starts_with(b"--") {
        return false;
    }
    let beginning = &body[..body.len().min(512)];
    let end = beginning.iter().position(|&byte| byte == b'\n').unwrap_or(beginning.len());
    // A boundary has up to 70 characters (RFC 2046 section 5.1.1).
    end <= 74 && beginning[end..].windows(HEADER.len()).any(|text| text.eq_ignore_ascii_case(HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(refused: Result<(), DecodeError>) -> Option<Look> {
        match refused {
            Err(DecodeError::Mislabelled { looks, .. }) => Some(looks),
            _ => None,
        }
    }

    const MULTIPART: &[u8] =
        b"------7Z\r\nContent-Disposition: form-data; name=\"txamt\"\r\n\r\n1\r\n------7Z--\r\n";

    #[test]
    fn what_is_no_form_is_seen_by_its_beginning() {
        for (body, look) in [
            (MULTIPART, Some(Look::Multipart)),
            // JavaMail's boundary, which reads like a parameter.
            (b"----=_Part_1\r\nContent-Disposition: form-data; name=a\r\n\r\n1", Some(Look::Multipart)),
            (b"<?xml version=\"1.0\"?><txamt>1</txamt>", Some(Look::Xml)),
            (b" [{\"a\": \"x=1\"}]", Some(Look::JsonList)),
            (b"[1, 2]", Some(Look::JsonList)),
            (b"[0]=1", None),
            (b"--x=1", None),
            (b"txamt=1&note=<b>", None),
        ] {
            assert_eq!(looks(refuse_as_form(body)), look, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_json_is_seen_by_its_beginning() {
        for (body, look) in [
            (MULTIPART, Some(Look::Multipart)),
            (b"txamt=1&txcurrcd=HKD", Some(Look::Form)),
            (b"\"a=1\"", None),
            (b"nothing", None),
            (b"goods[]=1", None),
        ] {
            assert_eq!(looks(refuse_as_json(body)), look, "{}", body.escape_ascii());
        }
    }
}
