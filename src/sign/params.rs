//! The parameters of one call: each name once, sorted by name as bytes.

use std::collections::BTreeMap;
use std::fmt;

/// The longest parameter name that is taken; QFPay's longest has 24 characters.
const LONGEST_NAME: usize = 64;

/// Decoded parameters. One value of this type feeds both the hash and the wire, so what is signed is what is sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

/// What happens to parameters with an empty value. QFPay's sources disagree whether they are signed; when none is on
/// the wire, both readings agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyPolicy {
    /// Left out of the signature and of the wire.
    #[default]
    Drop,
    /// Signed and sent, as QFPay's own samples do.
    Keep,
    /// Refused, so that the caller learns of it.
    Reject,
}

/// Why something cannot be a parameter. Names the parameter, never its value.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ParamError {
    /// No source of QFPay's defines what is signed when a name comes twice.
    #[error("parameter '{0}' was sent more than once")]
    Repeated(String),
    /// A narrow grammar for names shuts out re-splitting tricks. Shows no more than the legal beginning: a "name" may
    /// be a whole body that was sent with the wrong Content-Type.
    #[error(
        "a parameter name that begins with '{0}' has a character outside A-Z a-z 0-9 _ . - at position {1}"
    )]
    BadName(String, usize),
    /// Names have 1 to 64 characters.
    #[error("a parameter name has {0} characters; names have 1 to 64")]
    BadNameLength(usize),
    /// The scheme signs UTF-8; any other encoding gives another digest.
    #[error("the value of parameter '{0}' is not UTF-8")]
    NotUtf8(String),
    /// Refused by [`EmptyPolicy::Reject`].
    #[error("parameter '{0}' is empty")]
    Empty(String),
}

impl Params {
    /// No parameters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a caller sent, as decoded bytes.
    ///
    /// A caller's `sign` and `sign_type` are left out: shops that still sign keep working, and are signed for anew.
    ///
    /// # Errors
    /// [`ParamError`] when the name is illegal or repeated, or when the value is not UTF-8.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ParamError> {
        let name = legal_name(name)?;
        let value = std::str::from_utf8(value).map_err(|_| ParamError::NotUtf8(name.to_owned()))?;
        if matches!(name, "sign" | "sign_type") {
            return Ok(());
        }
        if self.0.contains_key(name) {
            return Err(ParamError::Repeated(name.to_owned()));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Sets a parameter of the sidecar's own, replacing what was there.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Takes a parameter out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The same without parameters whose value is empty. A value of `0` or of blanks is not empty.
    pub(super) fn without_empty(mut self) -> Self {
        self.0.retain(|_, value| !value.is_empty());
        self
    }

    /// Applies the policy for empty values. A value of `0` or of blanks is not empty.
    ///
    /// # Errors
    /// [`ParamError::Empty`] names the first empty parameter under [`EmptyPolicy::Reject`].
    pub fn apply(self, policy: EmptyPolicy) -> Result<Self, ParamError> {
        match policy {
            EmptyPolicy::Keep => {}
            EmptyPolicy::Drop => return Ok(self.without_empty()),
            EmptyPolicy::Reject => {
                if let Some((name, _)) = self.0.iter().find(|(_, value)| value.is_empty()) {
                    return Err(ParamError::Empty(name.clone()));
                }
            }
        }
        Ok(self)
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values, in signing order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The names, in signing order, for logs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names of parameters whose value would sign like a further parameter (`x&txamt=1`): the scheme has no escaping,
    /// so `{a: "1&b=2"}` and `{a: "1", b: "2"}` have one signature.
    pub fn ambiguous(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|(_, value)| names_inside(value).next().is_some()).map(|(name, _)| name)
    }

    /// The parameters as they go on the wire, `application/x-www-form-urlencoded`, in signing order.
    pub fn to_form(&self) -> String {
        // A map of text cannot fail to serialise: the only errors are unsupported shapes.
        serde_urlencoded::to_string(&self.0).expect("a map of strings is a form")
    }
}

/// The names that a value reads like: `name` for each `&name=` in it.
pub fn names_inside(value: &str) -> impl Iterator<Item = &str> {
    let names = value.split('&').skip(1).filter_map(|part| part.split_once('=')).map(|(name, _)| name);
    names.filter(|name| legal_name(name.as_bytes()).is_ok())
}

/// A name by the grammar `[A-Za-z0-9_.-]{1,64}`.
fn legal_name(name: &[u8]) -> Result<&str, ParamError> {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let begins = name.iter().take_while(|b| legal(b)).count();
    let text = std::str::from_utf8(&name[..begins]).unwrap_or_default();
    match name.len() {
        length if begins < length => Err(ParamError::BadName(shortened(text), begins + 1)),
        1..=LONGEST_NAME => Ok(text),
        length => Err(ParamError::BadNameLength(length)),
    }
}

/// The first characters of a legal text.
fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_NAME).collect()
}

impl fmt::Debug for Params {
    /// Names only: values belong to customers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_own_signature_is_left_out() {
        let mut params = Params::new();
        for name in ["sign", "txamt", "sign_type", "sign"] {
            params.push(name.as_bytes(), b"1").unwrap();
        }
        assert_eq!(params.names().collect::<Vec<_>>(), ["txamt"]);
    }

    #[test]
    fn names_have_a_narrow_grammar() {
        for bad in [&b"a b"[..], b"a&b", b"a=b", b"a[]", b"a\xff", "a\u{540d}".as_bytes()] {
            let refused = Params::new().push(bad, b"1").unwrap_err();
            assert_eq!(refused, ParamError::BadName("a".to_owned(), 2), "{bad:?}");
        }
        for length in [0, 65] {
            let refused = Params::new().push(&vec![b'a'; length], b"1").unwrap_err();
            assert_eq!(refused, ParamError::BadNameLength(length));
        }
        Params::new().push(&[b'a'; 64], b"1").unwrap();
    }

    #[test]
    fn values_that_sign_like_parameters_are_found() {
        let mut params = Params::new();
        params.push(b"a", b"1&b=2").unwrap();
        params.push(b"c", b"Tom & Jerry = friends").unwrap();
        params.push(b"d", b"x&=").unwrap();
        assert_eq!(params.ambiguous().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn debug_shows_names_only() {
        let mut params = Params::new();
        params.push(b"sub_openid", b"canary").unwrap();
        assert_eq!(format!("{params:?}"), r#"{"sub_openid"}"#);
    }
}
