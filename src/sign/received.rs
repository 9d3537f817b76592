//! A signature that came with QFPay's bytes, read strictly.

use std::fmt;

use super::hash_value::HashValue;
use crate::credentials::SignType;

/// The signature of a notification or of an answer, as it was received: a claim that a [`super::Verifier`] tests.
pub struct ReceivedSignature {
    pub(super) sign_type: SignType,
    pub(super) digest: HashValue,
}

/// Why the values of `X-QF-SIGN` are no signature. Never says what they were.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadSignature {
    /// No such header.
    #[error("there is no X-QF-SIGN header")]
    Missing,
    /// More than one: which of them a later reader would take is not defined.
    #[error("there is more than one X-QF-SIGN header")]
    Repeated,
    /// Another length, a blank, a comma, a letter that is no digit.
    #[error("X-QF-SIGN is not exactly {0} hex digits")]
    Malformed(usize),
}

impl ReceivedSignature {
    /// Reads all values of the header: exactly one, of exactly as many hex digits as the hash has, in either case.
    ///
    /// # Errors
    /// [`BadSignature`]; nothing is trimmed or forgiven.
    pub fn read<'v>(
        values: impl IntoIterator<Item = &'v [u8]>,
        sign_type: SignType,
    ) -> Result<Self, BadSignature> {
        let mut values = values.into_iter();
        let value = values.next().ok_or(BadSignature::Missing)?;
        if values.next().is_some() {
            return Err(BadSignature::Repeated);
        }
        let digits = match sign_type {
            SignType::Md5 => 32,
            SignType::Sha256 => 64,
        };
        match HashValue::of_hex(value) {
            Some(digest) if value.len() == digits => Ok(Self { sign_type, digest }),
            _ => Err(BadSignature::Malformed(digits)),
        }
    }
}

impl fmt::Debug for ReceivedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceivedSignature(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str], sign_type: SignType) -> Result<(), BadSignature> {
        ReceivedSignature::read(values.iter().map(|value| value.as_bytes()), sign_type).map(|_| ())
    }

    #[test]
    fn only_one_header_of_the_right_length_is_read() {
        let upper = "B540648B2B2028B929C0D61B148965EE";
        let md5 = |values: &[&str]| read(values, SignType::Md5);
        assert_eq!(md5(&[upper]), Ok(()));
        assert_eq!(md5(&[&upper.to_lowercase()]), Ok(()));
        assert_eq!(md5(&[]), Err(BadSignature::Missing));
        assert_eq!(md5(&[upper, upper]), Err(BadSignature::Repeated));
        let twice = upper.repeat(2);
        let joined = format!("{upper}, {upper}");
        for bad in
            ["", &upper[..31], &upper[..30], &format!("{upper}A"), &twice, &joined, &format!(" {upper}"), "G"]
        {
            assert_eq!(md5(&[bad]), Err(BadSignature::Malformed(32)), "{bad}");
        }
        assert_eq!(md5(&[&upper.replace('B', "\u{ff22}")]), Err(BadSignature::Malformed(32)));
        assert_eq!(read(&[&twice], SignType::Sha256), Ok(()));
        assert_eq!(read(&[upper], SignType::Sha256), Err(BadSignature::Malformed(64)));
    }
}
