//! The secret of a credential pair. Its bytes are read in one place only.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Keys that begin like this belong to the sandbox, and to nothing else.
///
/// QFPay issues 32 upper-case hex digits, so no issued key can begin with this word.
pub const SANDBOX_KEY_PREFIX: &str = "SANDBOX";

/// The `client_key` of an app without a key source, on the sandbox. Good for nothing else, so it may stand here.
pub const SANDBOX_CLIENT_KEY: &str = "SANDBOX0DEMO0KEY0NOT0A0SECRET000";

/// The secret of a credential pair. It stands in memory once, and is wiped when its last user is gone.
pub struct ClientKey(Arc<Zeroizing<Vec<u8>>>);

/// A text that cannot be a `client_key`. Never says what the text was.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadClientKey {
    /// Nothing is left once the line end is gone.
    #[error("the key is empty")]
    Empty,
    /// White space or control characters: a key file with two lines, a blank at the end.
    #[error(
        "the key holds white space or characters outside printable ASCII: {what} at position {at}; it is the key and nothing \
         else"
    )]
    NotPrintable {
        /// What stands there.
        what: &'static str,
        /// Counted from 1.
        at: usize,
    },
    /// What some editors write before UTF-8 or UTF-16.
    #[error(
        "a byte order mark stands before the key, which is printable ASCII and nothing else; save it without the mark (printf %s KEY > FILE)"
    )]
    ByteOrderMark,
    /// A line of a settings file, or a key in quotes.
    #[error("this holds name=value or quotes around a value, and must be the key and nothing else")]
    Dressed,
    /// Shorter than 16 characters; QFPay issues 32.
    #[error(
        "the key has only {0} characters; QFPay issues 32 (set allow_short_key = true for an old, shorter one)"
    )]
    Short(usize),
}

/// The shortest key that is taken without the app saying `allow_short_key`.
const SHORTEST_USUAL_KEY: usize = 16;

impl ClientKey {
    /// Takes the content of a key file: exactly one line end is stripped, nothing else.
    ///
    /// # Errors
    /// [`BadClientKey`] when what is left is empty, not printable ASCII, or short without `allow_short`.
    pub fn new(content: Zeroizing<Vec<u8>>, allow_short: bool) -> Result<Self, BadClientKey> {
        let mut key = content;
        if key.last() == Some(&b'\n') {
            key.pop();
            if key.last() == Some(&b'\r') {
                key.pop();
            }
        }
        if [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| key.starts_with(mark)) {
            return Err(BadClientKey::ByteOrderMark);
        }
        if is_dressed(&key) {
            return Err(BadClientKey::Dressed);
        }
        if let Some(at) = key.iter().position(|b| !b.is_ascii_graphic()) {
            return Err(BadClientKey::NotPrintable { what: in_words(key[at]), at: at + 1 });
        }
        match key.len() {
            0 => Err(BadClientKey::Empty),
            n if n < SHORTEST_USUAL_KEY && !allow_short => Err(BadClientKey::Short(n)),
            _ => Ok(Self(Arc::new(key))),
        }
    }

    /// Feeds the key to a hasher: with [`Self::feed_changed`] the only place where its bytes are read.
    ///
    /// The key never stands beside the canonical string in memory of ours, so no pre-image can leak.
    pub(crate) fn feed<D: Digest>(&self, hasher: &mut D) {
        hasher.update(self.0.as_slice());
    }

    /// Feeds the key with each byte changed, as somebody may have mistaken it, and answers how many bytes it has.
    pub(crate) fn feed_changed<D: Digest>(&self, hasher: &mut D, change: impl Fn(u8) -> u8) -> usize {
        let mut changed = Zeroizing::new(self.0.to_vec());
        changed.iter_mut().for_each(|byte| *byte = change(*byte));
        hasher.update(changed.as_slice());
        changed.len()
    }

    /// Whether it has at most this many characters.
    pub(crate) fn fits(&self, most: usize) -> bool {
        self.0.len() <= most
    }

    /// The same key for one more user; its bytes are not copied. Within the crate, so that the owner of a verifier
    /// cannot make a signer of it.
    pub(crate) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// How many characters it has.
    pub(super) fn length(&self) -> usize {
        self.0.len()
    }

    /// Whether another key is the same. Constant time for keys of one length.
    pub fn equals(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }

    /// Whether it is this text, such as an `app_code` in the place of a key.
    pub(super) fn is_text(&self, text: &str) -> bool {
        self.0.as_slice().ct_eq(text.as_bytes()).into()
    }

    /// A text with the key blotted out wherever it stands, for commands that print what people pasted.
    pub fn blot_out(&self, text: &str) -> String {
        // A key is printable ASCII, so this cannot fail; if it did, nothing of the text would be shown.
        std::str::from_utf8(&self.0).map_or_else(|_| String::new(), |key| text.replace(key, "(client_key)"))
    }

    /// A digest by which one process knows the key again, and nothing else can: its own is drawn at random.
    pub(super) fn digest_by(&self, keyed: &RandomState) -> u64 {
        keyed.hash_one(self.0.as_slice())
    }

    /// The same of the key in small letters.
    pub(super) fn digest_without_case(&self, keyed: &RandomState) -> u64 {
        let mut small = Zeroizing::new(self.0.to_vec());
        small.make_ascii_lowercase();
        keyed.hash_one(small.as_slice())
    }

    /// Eight hex digits by which people recognise a key without seeing it.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"qfpay-sidecar key fingerprint\0");
        self.feed(&mut hasher);
        hex::encode(&hasher.finalize()[..4])
    }

    /// Whether this is a sandbox key, see [`SANDBOX_KEY_PREFIX`].
    pub fn is_for_sandbox(&self) -> bool {
        self.0.starts_with(SANDBOX_KEY_PREFIX.as_bytes())
    }
}

/// Whether it is `name=value` or `"value"`. QFPay's keys are hex digits; a `=` that only pads is none that assigns.
fn is_dressed(text: &[u8]) -> bool {
    let quoted = matches!(text, [b'"', .., b'"'] | [b'\'', .., b'\'']);
    let assigned = text.iter().position(|&b| b == b'=').is_some_and(|at| {
        let (name, value) = (text[..at].trim_ascii(), text[at + 1..].trim_ascii());
        let name = name.strip_prefix(b"export ").unwrap_or(name);
        let legal = |&b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        !name.is_empty() && name.iter().all(legal) && value.iter().any(|&b| b != b'=')
    });
    quoted || assigned
}

/// A byte that no key has, without showing it.
fn in_words(byte: u8) -> &'static str {
    match byte {
        b' ' => "a blank",
        b'\t' => "a tab",
        b'\r' | b'\n' => "a line end",
        0x80.. => "a byte outside ASCII",
        _ => "a control character",
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<ClientKey, BadClientKey> {
        ClientKey::new(Zeroizing::new(text.as_bytes().to_vec()), false)
    }

    #[test]
    fn exactly_one_line_end_is_stripped() {
        let plain = key("0123456789abcdef").unwrap().fingerprint();
        assert_eq!(key("0123456789abcdef\n").unwrap().fingerprint(), plain);
        assert_eq!(key("0123456789abcdef\r\n").unwrap().fingerprint(), plain);
        let line_end = BadClientKey::NotPrintable { what: "a line end", at: 17 };
        assert_eq!(key("0123456789abcdef\n\n").unwrap_err(), line_end);
        let blank = BadClientKey::NotPrintable { what: "a blank", at: 17 };
        assert_eq!(key("0123456789abcdef ").unwrap_err(), blank);
        assert_eq!(key("\n").unwrap_err(), BadClientKey::Empty);
    }

    #[test]
    fn what_is_around_a_key_is_named() {
        for dressed in ["client_key=0123456789abcdef", "export K = 0123456789abcdef", "\"0123456789abcdef\""]
        {
            assert_eq!(key(dressed).unwrap_err(), BadClientKey::Dressed, "{dressed}");
        }
        assert!(key("0123456789abcdef==").is_ok());
        for mark in [&b"\xef\xbb\xbf0123456789abcdef"[..], b"\xff\xfe0\x001\x002\x00"] {
            let bad = ClientKey::new(Zeroizing::new(mark.to_vec()), false).unwrap_err();
            assert_eq!(bad, BadClientKey::ByteOrderMark);
        }
    }

    #[test]
    fn short_keys_need_a_word_from_the_app() {
        assert_eq!(key("789012").unwrap_err(), BadClientKey::Short(6));
        assert!(ClientKey::new(Zeroizing::new(b"789012".to_vec()), true).is_ok());
    }

    #[test]
    fn a_pasted_key_is_blotted_out() {
        let key = key("0123456789abcdef").unwrap();
        assert_eq!(key.blot_out("a=1&key=0123456789abcdef&b"), "a=1&key=(client_key)&b");
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key("0123456789abcdef").unwrap()), "ClientKey(redacted)");
    }
}
