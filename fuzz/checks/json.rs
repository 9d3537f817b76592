//! A JSON body beside serde_json's own reading of it.

use std::fmt;

use qfpay_sidecar::decode::DecodeError;
use qfpay_sidecar::sign::ParamError;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{decode_as, is_legal, is_signature};

/// The input is the body.
pub fn check(input: &[u8]) {
    if input.is_empty() {
        return;
    }
    let decoded = decode_as(Some("application/json"), input);
    let members = serde_json::from_slice::<Members>(input);
    let params = match (decoded, &members) {
        (Ok(params), Ok(_)) => params,
        (Ok(_), Err(error)) => {
            // Inside a nested value, whose text is taken as written: what RFC 8259's grammar has, but serde_json's own
            // values cannot hold. A number, a depth, half a surrogate pair.
            let beyond = [
                "number out of range",
                "recursion limit exceeded",
                "lone leading surrogate",
                "unexpected end of hex escape",
            ];
            return assert!(beyond.iter().any(|words| error.to_string().starts_with(words)), "{error}");
        }
        (Err(error), Ok(members)) => return assert!(members.explain(&error), "{error}"),
        (Err(_), Err(_)) => return,
    };

    let Members(members) = members.unwrap();
    let expected = members.iter().filter(|(name, value)| !is_signature(name.as_bytes()) && !value.is_null());
    assert_eq!(params.iter().count(), expected.clone().count(), "another number of parameters");
    for (name, value) in expected {
        let seen = params.get(name).expect("a member is missing");
        match value {
            Value::String(text) => assert!(seen == text, "{name} is another text"),
            other => {
                let as_sent = input.windows(seen.len()).any(|part| part == seen.as_bytes());
                assert!(as_sent, "{name} was written anew");
                assert!(serde_json::from_str::<Value>(seen).unwrap() == *other, "{name} is another value");
            }
        }
    }
}

/// The members of an object in the order of the text, repeated ones too.
pub(super) struct Members(pub(super) Vec<(String, Value)>);

impl Members {
    /// Whether this object had to be refused, for this reason.
    fn explain(&self, error: &DecodeError) -> bool {
        let names = || self.0.iter().map(|(name, _)| name);
        match error {
            DecodeError::Param(ParamError::Repeated(name)) => {
                names().filter(|other| *other == name).count() > 1
            }
            DecodeError::Param(ParamError::BadName(..) | ParamError::BadNameLength(_)) => {
                names().any(|name| !is_legal(name.as_bytes()))
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
