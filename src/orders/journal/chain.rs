//! The chain of digests: each row carries the SHA-256 of itself and of the digest before it.
//!
//! What is hashed, in this order: the digest before as 32 bytes (zeros before the first row), then each column but `digest`.
//! A column is its length in bytes, a colon and its bytes; a number is its decimal digits; NULL is a hyphen.

use sha2::{Digest as _, Sha256};

/// The digest of a row.
pub type Digest = [u8; 32];

/// What stands before the first row.
pub const BEGINNING: Digest = [0; 32];

/// Columns as they are hashed: gathered and hashed at once, since most are a few bytes.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<u8>);

impl Columns {
    /// Begins a row behind another.
    pub(super) fn begin(&mut self, before: &Digest) {
        self.0.clear();
        self.0.extend_from_slice(before);
    }

    pub(super) fn bytes(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.0.push(b'-'),
            Some(bytes) => {
                self.0.extend_from_slice(decimal(bytes.len() as u64, &mut [0; 21], b':'));
                self.0.extend_from_slice(bytes);
            }
        }
    }

    pub(super) fn number(&mut self, value: Option<i64>) {
        match value {
            // Rows are numbered from 1.
            Some(number) if number >= 0 => {
                let mut digits = [0; 21];
                let text = decimal(number.unsigned_abs(), &mut digits, b':');
                self.bytes(text.strip_suffix(b":"));
            }
            Some(number) => self.bytes(Some(number.to_string().as_bytes())),
            None => self.bytes(None),
        }
    }

    pub(super) fn digest(&self) -> Digest {
        Sha256::digest(&self.0).into()
    }
}

/// Decimal digits with `end` behind them, written from the end of `room`: `format!` costs more than the hash of a column.
fn decimal(mut number: u64, room: &mut [u8; 21], end: u8) -> &[u8] {
    let mut at = room.len() - 1;
    room[at] = end;
    loop {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_apart() {
        let mut row = Columns::default();
        row.begin(&BEGINNING);
        row.number(Some(7));
        row.bytes(Some(b"begin"));
        row.bytes(None);
        row.number(Some(-12));
        // (head -c 32 /dev/zero; printf '1:75:begin-3:-12') | sha256sum
        let expected = Sha256::digest([&[0; 32][..], b"1:75:begin-3:-12"].concat());
        assert_eq!(row.digest()[..], expected[..]);
    }

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 9, 10, 1_234_567, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 21], b':'), format!("{number}:").as_bytes());
        }
    }
}
