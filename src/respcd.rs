//! `respcd`, QFPay's outcome: four digits in the answer's body, and what they mean for logs and metrics.

/// QFPay's "slow network, may have been paid, do not repeat, check later" (status code table of CAM).
pub const MAY_HAVE_BEEN_PAID: &str = "1298";

/// QFPay's "it worked": of a query that it was answered, of anything else that it was done.
pub const SUCCESS: &str = "0000";

/// What an outcome means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `0000`.
    Success,
    /// The outcome is not known yet: query, do not pay again.
    Pending,
    /// Any other code.
    Failure,
    /// The body has no readable `respcd`: a zip, a page, a list.
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

/// The class of an answer by its `respcd`.
pub fn class(respcd: Option<&str>) -> Class {
    match respcd {
        Some(SUCCESS) => Class::Success,
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
        assert_eq!(class(Some("0000")), Class::Success);
        assert_eq!(class(Some("1143")), Class::Pending);
        assert_eq!(class(Some("1108")), Class::Failure);
        assert_eq!(class(Some("503")), Class::None);
        assert_eq!(class(None), Class::None);
    }
}
