//! The token in an `Authorization` header: `Bearer TOKEN`, or `Basic` with any user name and the token as its password, which
//! is what libraries send for `http://x:TOKEN@127.0.0.1:8787`.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// The token of a header's value, if it has that form.
pub(super) fn token(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let value = value.trim_ascii();
    let blank = value.iter().position(|&b| b == b' ')?;
    let (scheme, given) = (&value[..blank], value[blank..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"Bearer") {
        return Some(Zeroizing::new(given.to_vec()));
    }
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    let pair = Zeroizing::new(LENIENT.decode(given).ok()?);
    let colon = pair.iter().position(|&b| b == b':')?;
    Some(Zeroizing::new(pair[colon + 1..].to_vec()))
}

/// With padding or without, as libraries differ.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_as_bearer_or_as_a_password() {
        // Base64 by python3: base64.b64encode(b'x:token-1'), b':token', b'shop:a:b', '用:token'.encode().
        for (value, expected) in [
            ("Bearer token-1", Some("token-1")),
            ("bearer   token-1 ", Some("token-1")),
            ("BASIC eDp0b2tlbi0x", Some("token-1")),
            ("Basic OnRva2Vu", Some("token")),
            ("Basic c2hvcDphOmI=", Some("a:b")),
            ("Basic c2hvcDphOmI", Some("a:b")),
            ("Basic 55SoOnRva2Vu", Some("token")),
            ("Basic bm9jb2xvbg==", None),
            ("Basic c2hvcDphOmI==", None),
            ("Basic c2hvc!", None),
            ("Basic A", None),
            ("Basic ===", None),
            ("Bearer", None),
            ("token-1", None),
            ("Digest token-1", None),
            ("", None),
        ] {
            let token = token(value.as_bytes());
            assert_eq!(token.as_deref().map(Vec::as_slice), expected.map(str::as_bytes), "{value}");
        }
    }
}
