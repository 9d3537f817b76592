//! The parameters of one call: each name once, sorted by name as bytes.

use std::fmt;

/// The longest parameter name that is taken; QFPay's longest has 24 characters.
const LONGEST_NAME: usize = 64;

/// How many parameters are taken; QFPay's longest call has some 30, and PHP reads as many (`max_input_vars`). Each may move
/// all others to its place, so without a bound a body of nothing but names would hold up every call.
const MOST: usize = 1000;

/// The bytes that stand for themselves in a form.
const PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([false; 256], 0);
    while byte < plain.len() {
        plain[byte] =
            matches!(byte as u8, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_');
        byte += 1;
    }
    plain
};

/// The bytes of names, `[A-Za-z0-9_.-]`.
const IN_NAMES: [bool; 256] = {
    let mut in_names = PLAIN;
    in_names[b'*' as usize] = false;
    in_names
};

/// Decoded parameters. One value of this type feeds both the hash and the wire, so what is signed is what is sent.
#[derive(Clone, Default)]
pub struct Params {
    /// Names and values back to back, in the order in which they came; one that was replaced stays unused.
    text: String,
    /// Where each stands, sorted by name.
    pairs: Vec<Pair>,
}

/// Where a parameter stands in the text: its name, and behind it its value.
#[derive(Clone, Copy)]
struct Pair {
    name: usize,
    value: usize,
    end: usize,
}

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
    /// More than any call has.
    #[error("there are more than {MOST} parameters")]
    TooMany,
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
        let place = match self.find(name) {
            Ok(_) => return Err(ParamError::Repeated(name.to_owned())),
            Err(_) if self.pairs.len() == MOST => return Err(ParamError::TooMany),
            Err(place) => place,
        };
        let pair = self.store(name, value);
        self.pairs.insert(place, pair);
        Ok(())
    }

    /// Makes room for text of so many bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.text.reserve(bytes);
        self.pairs.reserve(16); // QFPay's usual calls have fewer
    }

    /// Where a name stands, or else belongs.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let text = self.text.as_bytes();
        self.pairs.binary_search_by(|pair| text[pair.name..pair.value].cmp(name.as_bytes()))
    }

    fn store(&mut self, name: &str, value: &str) -> Pair {
        let start = self.text.len();
        self.text.push_str(name);
        self.text.push_str(value);
        Pair { name: start, value: start + name.len(), end: self.text.len() }
    }

    fn name(&self, pair: &Pair) -> &str {
        &self.text[pair.name..pair.value]
    }

    fn value(&self, pair: &Pair) -> &str {
        &self.text[pair.value..pair.end]
    }

    /// Sets a parameter of the sidecar's own, replacing what was there.
    pub fn set(&mut self, name: &'static str, value: impl AsRef<str>) {
        let pair = self.store(name, value.as_ref());
        match self.find(name) {
            Ok(place) => self.pairs[place] = pair,
            Err(place) => self.pairs.insert(place, pair),
        }
    }

    /// Takes a parameter out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let pair = self.pairs.remove(self.find(name).ok()?);
        Some(self.value(&pair).to_owned())
    }

    /// The same without parameters whose value is empty. A value of `0` or of blanks is not empty.
    pub(super) fn without_empty(mut self) -> Self {
        self.pairs.retain(|pair| pair.value < pair.end);
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
                if let Some((name, _)) = self.iter().find(|(_, value)| value.is_empty()) {
                    return Err(ParamError::Empty(name.to_owned()));
                }
            }
        }
        Ok(self)
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        // Most names differ in length, so few are compared, which takes less than a search among them.
        let text = self.text.as_bytes();
        let named = |pair: &&Pair| {
            pair.value - pair.name == name.len() && text[pair.name..pair.value] == *name.as_bytes()
        };
        self.pairs.iter().find(named).map(|pair| self.value(pair))
    }

    /// Names and values, in signing order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (self.name(pair), self.value(pair)))
    }

    /// The names, in signing order, for logs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Names of parameters whose value would sign like a further parameter (`x&txamt=1`): the scheme has no escaping,
    /// so `{a: "1&b=2"}` and `{a: "1", b: "2"}` have one signature.
    pub fn ambiguous(&self) -> impl Iterator<Item = &str> {
        let is_ambiguous = |value: &str| value.contains('&') && names_inside(value).next().is_some();
        // Seldom is there any, and one look at all of the text tells.
        let pairs = if self.text.contains('&') { &self.pairs[..] } else { &[] };
        pairs
            .iter()
            .map(|pair| (self.name(pair), self.value(pair)))
            .filter(move |(_, value)| is_ambiguous(value))
            .map(|(name, _)| name)
    }

    /// The parameters as they go on the wire, `application/x-www-form-urlencoded`, in signing order.
    ///
    /// What serde_urlencoded writes, to the byte, as a property test has it; here it takes less than half the instructions.
    pub fn to_form(&self) -> String {
        let plain = |byte: u8| PLAIN[usize::from(byte)];
        let escaped = self.text.bytes().filter(|&byte| !plain(byte)).count();
        let mut form = Vec::with_capacity(self.text.len() + 2 * escaped + 2 * self.pairs.len());
        for (name, value) in self.iter() {
            if !form.is_empty() {
                form.push(b'&');
            }
            // The grammar of names has nothing to escape.
            form.extend_from_slice(name.as_bytes());
            form.push(b'=');
            for &byte in value.as_bytes() {
                match byte {
                    b' ' => form.push(b'+'),
                    byte if plain(byte) => form.push(byte),
                    byte => form.extend_from_slice(&[b'%', hex(byte >> 4), hex(byte & 15)]),
                }
            }
        }
        String::from_utf8(form).expect("all that is not ASCII was escaped")
    }
}

/// The hex digit of a number below 16.
fn hex(digit: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(digit)]
}

/// The names that a value reads like: `name` for each `&name=` in it.
pub fn names_inside(value: &str) -> impl Iterator<Item = &str> {
    let names = value.split('&').skip(1).filter_map(|part| part.split_once('=')).map(|(name, _)| name);
    names.filter(|name| legal_name(name.as_bytes()).is_ok())
}

/// Whether this can be the name of a parameter.
pub fn is_name(name: &[u8]) -> bool {
    legal_name(name).is_ok()
}

/// A name by the grammar `[A-Za-z0-9_.-]{1,64}`.
fn legal_name(name: &[u8]) -> Result<&str, ParamError> {
    let begins = name.iter().position(|&byte| !IN_NAMES[usize::from(byte)]).unwrap_or(name.len());
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

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params {}

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
    fn a_parameter_that_is_set_or_removed_leaves_the_others_alone() {
        let mut params = Params::new();
        for (name, value) in [("c", "3"), ("a", ""), ("b", "2")] {
            params.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        params.set("b", "22");
        params.set("d", "4");
        assert_eq!(params.remove("c").as_deref(), Some("3"));
        assert_eq!((params.remove("c"), params.get("b")), (None, Some("22")));
        assert_eq!(params.iter().collect::<Vec<_>>(), [("a", ""), ("b", "22"), ("d", "4")]);
        let mut same = Params::new();
        for (name, value) in [("d", "4"), ("b", "22"), ("a", "")] {
            same.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        assert_eq!(params, same);
        assert_eq!(params.to_form(), "a=&b=22&d=4");
    }

    #[test]
    fn there_is_a_bound_on_parameters() {
        let mut params = Params::new();
        for n in 0..MOST {
            params.push(format!("p{n}").as_bytes(), b"1").unwrap();
        }
        assert_eq!(params.push(b"p0", b"1"), Err(ParamError::Repeated("p0".to_owned())));
        assert_eq!(params.push(b"q", b"1"), Err(ParamError::TooMany));
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
