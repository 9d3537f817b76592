//! What a hash function gives, of either length, without memory of its own.

use std::ops::Deref;

/// The longer of the two, SHA256's, in bytes.
const LONGEST: usize = 32;

/// 16 bytes of MD5, or 32 of SHA256.
#[derive(Clone)]
pub(super) struct HashValue {
    bytes: [u8; LONGEST],
    length: usize,
}

impl HashValue {
    /// Copies what a hash function gave.
    pub(super) fn new(value: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..value.len()].copy_from_slice(value);
        Self { bytes, length: value.len() }
    }

    /// Reads hex digits, in either case; nothing if there is anything else, or more than the longest value has.
    pub(super) fn of_hex(digits: &[u8]) -> Option<Self> {
        let length = digits.len() / 2;
        let mut bytes = [0; LONGEST];
        hex::decode_to_slice(digits, bytes.get_mut(..length)?).ok()?;
        Some(Self { bytes, length })
    }
}

impl Deref for HashValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
