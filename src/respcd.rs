//! `respcd`, QFPay's outcome: four digits in the answer's body. Read for logs and metrics only; answers pass as they are.

use serde::Deserialize;
use serde_json::value::RawValue;

/// QFPay's "slow network, may have been paid, do not repeat, check later" (status code table of CAM).
pub const MAY_HAVE_BEEN_PAID: &str = "1298";

/// What an outcome means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `0000`.
    Success,
    /// The outcome is not known yet: query, do not pay again.
    Pending,
    /// Any other code.
    Failure,
    /// The body has no readable `respcd`: a zip, a page, QFPay's own examples that are not JSON.
    None,
}

impl Class {
    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Pending => "pending",
            Self::Failure => "failure",
            Self::None => "none",
        }
    }
}

/// Codes after which the order may still be paid (protocol tables of CAM; 2999, 1161 and 1101 are GLOB's).
const PENDING: [&str; 8] = ["1143", "1145", "1298", "1295", "1296", "2999", "1161", "1101"];

/// Reads the class of an answer's body.
pub fn class(body: &[u8]) -> Class {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        respcd: Option<&'a RawValue>,
    }
    // Text or number: both are in use.
    let code = serde_json::from_slice::<Answer<'_>>(body).ok().and_then(|answer| answer.respcd);
    match code.map(|raw| raw.get().trim_matches('"')) {
        Some("0000") => Class::Success,
        Some(code) if PENDING.contains(&code) => Class::Pending,
        Some(code) if code.len() == 4 && code.bytes().all(|b| b.is_ascii_digit()) => Class::Failure,
        _ => Class::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_told_apart() {
        assert_eq!(class(br#"{"respcd": "0000", "resperr": ""}"#), Class::Success);
        assert_eq!(class(br#"{"respcd": "1143"}"#), Class::Pending);
        assert_eq!(class(br#"{"respcd": 1108}"#), Class::Failure);
        assert_eq!(class(br#"{"respcd": 0000}"#), Class::None);
        assert_eq!(class(b"PK\x03\x04"), Class::None);
        assert_eq!(class(br#"{"data": []}"#), Class::None);
    }
}
