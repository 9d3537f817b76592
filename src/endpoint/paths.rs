//! Paths as callers write them: which are plain, and which one was meant.

use super::{ENDPOINTS, Signed};

/// Whether a raw path is one that the sidecar can match safely: `/`-separated segments of `[A-Za-z0-9_.-]`, none of
/// them empty or with a dot at its end. Neither path nor method is signed, so path confusion would be payment confusion.
pub fn is_plain_path(path: &str) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    // "." and ".." and what some servers take for the name before the dot.
    let legal_segment = |s: &[u8]| !s.is_empty() && !s.ends_with(b".") && s.iter().all(legal);
    match path.as_bytes().strip_prefix(b"/") {
        Some(b"") => true,
        // One slash at the end is plain; whether anything lives there is another question.
        Some(rest) => rest.strip_suffix(b"/").unwrap_or(rest).split(|&b| b == b'/').all(legal_segment),
        None => false,
    }
}

/// The documented path that is one letter away from this one: typed wrong, more likely than new.
pub fn one_letter_away(path: &str) -> Option<&'static str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let near = |known: &&str| known.len().abs_diff(path.len()) <= 1 && strsim::osa_distance(known, path) == 1;
    ENDPOINTS.iter().map(|endpoint| endpoint.path).find(near)
}

/// The prefix of calls that QFPay documents and that covers this path, such as `/customer/v1/`.
pub fn family(path: &str) -> Option<&'static str> {
    let calls = ENDPOINTS.iter().filter(|endpoint| endpoint.signed == Signed::InHeaders);
    let mut families = calls.filter_map(|call| Some(&call.path[..=call.path.rfind('/')?]));
    families.find(|family| path.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_one_letter_are_known() {
        for slip in ["paymnt", "payments", "pyament", "peyment", "payment/"] {
            let near = one_letter_away(&format!("/trade/v1/{slip}"));
            assert_eq!(near, (slip != "payment/").then_some("/trade/v1/payment"), "{slip}");
        }
        assert_eq!(one_letter_away("/trade/v1/brand_new"), None);
        assert_eq!(family("/customer/v1/create"), Some("/customer/v1/"));
        assert_eq!((family("/customer/v2/create"), family("/q/direct")), (None, None));
    }

    #[test]
    fn odd_paths_are_not_plain() {
        for odd in [
            "",
            "trade",
            "//trade/v1/x",
            "/trade//x",
            "/a/../b",
            "/a/./b",
            "/a;b",
            "/a%2fb",
            "/a\\b",
            "/a b",
            "/\u{e9}",
        ] {
            assert!(!is_plain_path(odd), "{odd}");
        }
        for plain in ["/", "/trade/v1/payment", "/checkstand/", "/a.b/c-d_e"] {
            assert!(is_plain_path(plain), "{plain}");
        }
    }
}
