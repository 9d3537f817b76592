//! The signature that a caller sent among its parameters, and the parameters beside it.

use std::fmt;

use super::{ParamError, Params};

/// A caller's own `sign` and `sign_type`. For a call they mean nothing, since the sidecar makes its own; for a page they
/// are what the shop's local key is tried against. Nothing else may read them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnSignature {
    pub(super) sign: Vec<String>,
    pub(super) sign_type: Vec<String>,
    /// Values that came in other bytes than the parameters hold, by name: a caller signs what it sends.
    received: Vec<(String, Vec<u8>)>,
}

impl OwnSignature {
    /// The bytes in which the value of a parameter was received, given its text.
    pub fn received<'r>(&'r self, name: &str, text: &'r str) -> &'r [u8] {
        let converted = self.received.iter().find(|(other, _)| other == name);
        converted.map_or(text.as_bytes(), |(_, bytes)| bytes)
    }

    /// Takes a parameter, if it is one of the two.
    fn take(&mut self, name: &[u8], value: &[u8]) {
        let values = match name {
            b"sign" => &mut self.sign,
            b"sign_type" => &mut self.sign_type,
            _ => return,
        };
        values.push(String::from_utf8_lossy(value).into_owned());
    }
}

impl fmt::Debug for OwnSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnSignature(redacted)")
    }
}

/// What a caller sent: its parameters, and its own signature apart from them.
#[derive(Debug, Default)]
pub struct Sent {
    /// The parameters, without a caller's own signature.
    pub params: Params,
    /// That signature.
    pub own: OwnSignature,
    /// Names without a value, which only JSON has (`null`): absent, yet named.
    pub nulls: Vec<String>,
}

impl Sent {
    /// Adds a parameter, as decoded bytes.
    ///
    /// # Errors
    /// As [`Params::push`].
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParamError> {
        self.params.push(name, value)?;
        self.own.take(name, value);
        Ok(())
    }

    /// Adds a parameter that was received in other bytes than those of its text, which was decoded from them.
    ///
    /// # Errors
    /// As [`Params::push`].
    pub fn push_as(&mut self, name: &[u8], received: &[u8], text: &[u8]) -> Result<(), ParamError> {
        self.params.push(name, text)?;
        self.own.take(name, received);
        if received != text {
            self.own.received.push((String::from_utf8_lossy(name).into_owned(), received.to_vec()));
        }
        Ok(())
    }
}
