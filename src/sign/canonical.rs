//! The string that is hashed, without the key.

use std::fmt;

use super::Params;

/// `name=value` pairs in signing order, joined by `&`, values raw. Never contains the key.
#[derive(Clone, PartialEq, Eq)]
pub struct Canonical(String);

impl Canonical {
    /// Joins the parameters. They are sorted already; nothing is trimmed, nothing is encoded.
    pub fn of(params: &Params) -> Self {
        let length = params.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut joined = String::with_capacity(length);
        for (name, value) in params.iter() {
            if !joined.is_empty() {
                joined.push('&');
            }
            joined.push_str(name);
            joined.push('=');
            joined.push_str(value);
        }
        Self(joined)
    }

    /// The string, for hashing and for the `sign` command. It holds customer values: never log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canonical({} bytes)", self.0.len())
    }
}
