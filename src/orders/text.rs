//! A few short texts in one value: what every call leaves behind costs no allocation where its numbers are as long as QFPay's own.

/// Room for an `mchid`, an `out_trade_no` and a `syssn` of the usual length.
const SHORT: usize = 94;

/// A text that is stored in place if it is short.
#[derive(Clone)]
pub(super) enum Text {
    Short([u8; SHORT], u8),
    Long(Box<str>),
}

impl Text {
    /// The parts, one behind the other.
    pub fn of(parts: &[&str]) -> Self {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        match u8::try_from(length) {
            Ok(short) if length <= SHORT => {
                let mut bytes = [0; SHORT];
                let mut end = 0;
                for part in parts {
                    bytes[end..end + part.len()].copy_from_slice(part.as_bytes());
                    end += part.len();
                }
                Self::Short(bytes, short)
            }
            _ => Self::Long(parts.concat().into()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Short(..) => {
                std::str::from_utf8(self.as_bytes()).expect("it was put together from whole texts")
            }
            Self::Long(text) => text,
        }
    }

    /// The same, where it need not be known to be text.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes, length) => &bytes[..usize::from(*length)],
            Self::Long(text) => text.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_kept() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255, 256, 10_000] {
            let text = "試".repeat(length / 3) + &"a".repeat(length % 3);
            assert_eq!(Text::of(&[&text]).as_str(), text);
            assert_eq!(Text::of(&["", &text, "", "b"]).as_str(), text.clone() + "b");
        }
    }
}
