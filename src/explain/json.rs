//! JSON as common libraries write it, and the fields of an object as text.
//!
//! Numbers stay as written: what a library would make of `1.10` or `1e2` differs between all of them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Style;

/// Deeper JSON is not explained; QFPay's has two levels.
const DEEPEST: u8 = 32;

/// A value, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Text(String),
    /// A number, `true`, `false` or `null`, as written.
    Other(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text; none if it is no JSON, or too deep.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::value(serde_json::from_str(text).ok()?, 0)
    }

    fn value(raw: &RawValue, depth: u8) -> Option<Self> {
        let text = raw.get();
        if depth > DEEPEST {
            return None;
        }
        Some(match text.as_bytes().first()? {
            b'"' => Self::Text(serde_json::from_str(text).ok()?),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(items.into_iter().map(|item| Self::value(item, depth + 1)).collect::<Option<_>>()?)
            }
            b'{' => {
                let members = serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()?;
                let read = members.into_iter().map(|(name, raw)| Some((name, Self::value(raw, depth + 1)?)));
                Self::Object(last_of_each(read.collect::<Option<_>>()?))
            }
            _ => Self::Other(text.to_owned()),
        })
    }

    /// Writes it in a style.
    pub(super) fn write(&self, style: Style) -> String {
        let mut out = String::new();
        self.write_to(style, &mut out);
        out
    }

    fn write_to(&self, style: Style, out: &mut String) {
        let (comma, colon) = if style.spaced { (", ", ": ") } else { (",", ":") };
        match self {
            Self::Text(text) => quote(text, style, out),
            Self::Other(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { comma });
                    item.write_to(style, out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                if style.sorted {
                    members.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
                }
                out.push('{');
                for (i, (name, value)) in members.into_iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { comma });
                    quote(name, style, out);
                    out.push_str(colon);
                    value.write_to(style, out);
                }
                out.push('}');
            }
        }
    }

    /// The members of an object, sorted by name, joined as `name=value` with `&`, with or without empty ones.
    pub(super) fn sorted_fields(&self, empties: bool) -> Option<String> {
        let Self::Object(members) = self else { return None };
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let texts = members.into_iter().map(|(name, value)| match value {
            Self::Text(text) => (name, text.clone()),
            other => (
                name,
                other.write(Style { spaced: true, ascii: Some(true), slashes: Some(false), sorted: false }),
            ),
        });
        let kept = texts.filter(|(name, text)| *name != "sign" && (empties || !text.is_empty()));
        Some(kept.map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join("&"))
    }

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What a parser's map keeps of repeated names: the place of the first, the value of the last.
fn last_of_each(members: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut places = std::collections::HashMap::new();
    let mut kept: Vec<(String, Json)> = Vec::new();
    for (name, value) in members {
        match places.get(&name) {
            Some(&at) => {
                let earlier: &mut (String, Json) = &mut kept[at];
                earlier.1 = value;
            }
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

fn quote(text: &str, style: Style, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if style.slashes == Some(true) => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || (style.ascii == Some(true) && !c.is_ascii()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Collects members in order, since serde_json's own map sorts them.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut read = Vec::new();
        while let Some((name, value)) = members.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            read.push((name.into_owned(), value));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Python: `json.dumps(value)` and, with `ensure_ascii=False, separators=(",", ":"), sort_keys=True`.
    #[test]
    fn writes_as_python_does() {
        let json = Json::read(r#"{"b":"\u8336/\n", "a":[1.10,null,{"x":true}]}"#).unwrap();
        let python = Style { spaced: true, ascii: Some(true), slashes: Some(false), sorted: false };
        assert_eq!(json.write(python), r#"{"b": "\u8336/\n", "a": [1.10, null, {"x": true}]}"#);
        let other = Style { spaced: false, ascii: Some(false), slashes: Some(false), sorted: true };
        assert_eq!(json.write(other), r#"{"a":[1.10,null,{"x":true}],"b":"茶/\n"}"#);
    }

    #[test]
    fn what_is_too_deep_or_no_json_is_not_read() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for bad in ["", "{", "txamt=1", deep.as_str()] {
            assert_eq!(Json::read(bad), None);
        }
        let twice = Json::read(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(twice.sorted_fields(true).as_deref(), Some("a=3&b=2"));
    }
}
