//! The signature that a caller sent among its parameters, and the parameters beside it.

use std::fmt;

use super::{ParamError, Params};

/// A caller's own `sign` and `sign_type`. For a call they mean nothing, since the sidecar makes its own; for a page they
/// are what the shop's local key is tried against. Nothing else may read them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnSignature {
    pub(super) sign: Vec<String>,
    pub(super) sign_type: Vec<String>,
}

impl OwnSignature {
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
}
