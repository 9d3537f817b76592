//! A flat JSON object: each member becomes a parameter.
//!
//! QFPay takes no JSON; its pages only show parameters that way. Numbers stay as written and nested values stay the
//! exact text sent, because re-serialising would sign something else.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use hyper::http::HeaderMap;

use super::media_type::MediaType;
use super::{DecodeError, has_mark, mislabelled};
use crate::sign::{ParamError, Params, Sent};

/// Decodes the object. `null` is the same as absent; its names come beside the parameters.
pub(super) fn decode(body: &[u8]) -> Result<Sent, DecodeError> {
    if has_mark(body) {
        return Err(DecodeError::MarkBeforeJson);
    }
    mislabelled::refuse_as_json(body)?;
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::Json("it is not UTF-8".to_owned()))?;
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        // A whole value that is no object has a better message than the parser's.
        serde_json::from_str::<&RawValue>(text).map_err(|error| syntax(&error))?;
        return Err(DecodeError::JsonNotAnObject);
    }
    let mut refused = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let sent = json
        .deserialize_map(Members { refused: &mut refused })
        .and_then(|sent| json.end().map(|()| sent))
        .map_err(|error| syntax(&error));
    match refused {
        Some(refused) => Err(DecodeError::Param(refused)),
        None => sent,
    }
}

/// Whether a body is JSON that says nothing: `{}`, `[]` (what PHP makes of an empty array) or `null`.
pub(super) fn is_empty(headers: &HeaderMap, body: &[u8]) -> bool {
    let said: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(5).collect();
    matches!(&said[..], b"{}" | b"[]" | b"null") && MediaType::of(headers) == Ok(MediaType::Json)
}

/// Where the text stops being JSON. Not the parser's own words, which may quote a value.
fn syntax(error: &serde_json::Error) -> DecodeError {
    DecodeError::Json(format!("line {}, column {}", error.line(), error.column()))
}

/// Collects members one by one, since serde_json's own map keeps only the last of a repeated name.
struct Members<'a> {
    refused: &'a mut Option<ParamError>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Sent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Sent, A::Error> {
        let (mut sent, mut nulls) = (Sent::default(), Vec::new());
        while let Some((name, raw)) = members.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            let value = match raw.get() {
                // Absent, but its name counts: {"txamt": 5, "txamt": null} says two things.
                "null" => {
                    nulls.push(name.into_owned());
                    continue;
                }
                text if text.starts_with('"') => {
                    Cow::Owned(serde_json::from_str::<String>(text).map_err(serde::de::Error::custom)?)
                }
                text => Cow::Borrowed(text),
            };
            if let Err(error) = sent.push(name.as_bytes(), value.as_bytes()) {
                *self.refused = Some(error);
                return Err(serde::de::Error::custom("refused"));
            }
        }
        nulls.sort();
        let twice = nulls.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &pair[0]);
        if let Some(name) = nulls.iter().find(|name| sent.params.get(name).is_some()).or(twice) {
            // Through the same gate as every name, so that only a legal one is shown.
            let gate = Params::new().push(name.as_bytes(), b"").err();
            *self.refused = Some(gate.unwrap_or_else(|| ParamError::Repeated(name.clone())));
            return Err(serde::de::Error::custom("refused"));
        }
        Ok(Sent { nulls, ..sent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str, name: &str) -> Option<String> {
        decode(json.as_bytes()).unwrap().params.get(name).map(str::to_owned)
    }

    #[test]
    fn numbers_stay_as_written() {
        for number in ["1.10", "1e2", "-0", "12345678901234567890123", "0"] {
            assert_eq!(value(&format!(r#"{{"txamt": {number}}}"#), "txamt").as_deref(), Some(number));
        }
    }

    #[test]
    fn nested_values_stay_the_text_sent() {
        let json = r#"{"extend_info": {"user_creid" : "1",  "b":[1, 2]}, "flag": true, "udid": null}"#;
        assert_eq!(value(json, "extend_info").as_deref(), Some(r#"{"user_creid" : "1",  "b":[1, 2]}"#));
        assert_eq!(value(json, "flag").as_deref(), Some("true"));
        assert_eq!(value(json, "udid"), None);
    }

    #[test]
    fn text_is_unescaped() {
        assert_eq!(
            value(r#"{"goods_name": "\u8336 \"x\" \ud83c\udf75"}"#, "goods_name").as_deref(),
            Some("茶 \"x\" 🍵")
        );
    }

    #[test]
    fn repeated_names_are_found_also_when_escaped() {
        let twice = decode(br#"{"txamt": 1, "tx\u0061mt": 2}"#).unwrap_err();
        assert_eq!(twice, DecodeError::Param(ParamError::Repeated("txamt".to_owned())));
        for hidden in [r#"{"a": 5, "a": null}"#, r#"{"a": null, "a": 5}"#, r#"{"a": null, "a": null}"#] {
            let twice = decode(hidden.as_bytes()).unwrap_err();
            assert_eq!(twice, DecodeError::Param(ParamError::Repeated("a".to_owned())), "{hidden}");
        }
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        assert_eq!(decode(b"[1]").unwrap_err(), DecodeError::JsonNotAnObject);
        assert_eq!(decode(b"\"canary\"").unwrap_err(), DecodeError::JsonNotAnObject);
        for broken in [
            &b"{"[..],
            b"{\"a\":1} x",
            b"{\"a\":1,}",
            b"{\"a\":\"\\ud800\"}",
            b"nothing",
            b"\xff",
            b"{\"a\":01}",
        ] {
            assert!(matches!(decode(broken), Err(DecodeError::Json(_))), "{}", broken.escape_ascii());
        }
    }
}
