//! A reader of queries and forms, and the canonical string, both written from QFPay's text (protocol sheet, section 2).
//!
//! Nothing here is shared with the proxy's decoders or canonicaliser: what judges a signature must not inherit the
//! defects of what made it.

/// More parameters than any call of QFPay's has; a bound because names are compared with each other.
const MOST_PARAMETERS: usize = 256;

/// One parameter: decoded, and its value as it stood on the wire (to recognise values that were hashed encoded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The decoded name.
    pub name: String,
    /// The decoded value.
    pub value: String,
    /// The value as sent; none if it never was on a wire.
    pub wire: Option<String>,
}

/// Why a text is no list of parameters. Names the parameter, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPairs {
    /// No source of QFPay's defines what is signed then.
    #[error("the parameter {0} came twice")]
    Repeated(String),
    /// See `MOST_PARAMETERS`.
    #[error("more than {MOST_PARAMETERS} parameters")]
    TooMany,
    /// A `%` that encodes nothing.
    #[error("{0} has a % without two hex digits after it")]
    StrayPercent(String),
    /// The scheme signs UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(String),
}

/// Reads `name=value&...` in the order of arrival.
///
/// Raw spaces and raw UTF-8 are taken, as PHP's samples send them unencoded. A name without `=` has an empty value.
///
/// # Errors
/// [`BadPairs`] for a repeated name, a stray `%`, bytes that are not UTF-8, and more than 256 parameters.
pub fn pairs(raw: &[u8]) -> Result<Vec<Pair>, BadPairs> {
    let mut found: Vec<Pair> = Vec::new();
    for piece in raw.split(|b| *b == b'&').filter(|piece| !piece.is_empty()) {
        let at = piece.iter().position(|b| *b == b'=');
        let (name, value) = match at {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &piece[piece.len()..]),
        };
        let name = decoded(name, "a parameter name")?;
        let wire = Some(String::from_utf8_lossy(value).into());
        let value = decoded(value, &format!("the value of {name}"))?;
        add(&mut found, Pair { name, value, wire })?;
    }
    Ok(found)
}

/// Adds one more parameter.
///
/// # Errors
/// [`BadPairs::Repeated`] when the name is there already, [`BadPairs::TooMany`] for the 257th.
pub fn add(found: &mut Vec<Pair>, pair: Pair) -> Result<(), BadPairs> {
    if found.iter().any(|earlier| earlier.name == pair.name) {
        return Err(BadPairs::Repeated(pair.name));
    }
    if found.len() == MOST_PARAMETERS {
        return Err(BadPairs::TooMany);
    }
    found.push(pair);
    Ok(())
}

fn decoded(raw: &[u8], what: &str) -> Result<String, BadPairs> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match tail {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.push(nibble(*high) << 4 | nibble(*low));
                    rest = after;
                }
                _ => return Err(BadPairs::StrayPercent(what.to_owned())),
            },
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| BadPairs::NotUtf8(what.to_owned()))
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        letter => (letter | 0x20) - b'a' + 10,
    }
}

/// The parameters but those `left_out`, sorted by name as bytes, joined as `name=value` with `&`.
pub fn canonical(pairs: &[Pair], left_out: &[&str]) -> String {
    let mut kept: Vec<&Pair> = pairs.iter().filter(|pair| !left_out.contains(&pair.name.as_str())).collect();
    kept.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let joined: Vec<String> = kept.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
    joined.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = pairs(&bytes);
        }

        #[test]
        fn what_is_percent_encoded_comes_back(value: String) {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let read = pairs(format!("n={encoded}").as_bytes()).unwrap();
            proptest::prop_assert_eq!(&read[0].value, &value);
        }
    }

    #[test]
    fn there_is_a_most_of_parameters() {
        let form = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(pairs(form(256).as_bytes()).unwrap().len(), 256);
        assert_eq!(pairs(form(257).as_bytes()), Err(BadPairs::TooMany));
    }

    #[test]
    fn decodes_strictly() {
        let read = pairs("a=1+2%20%E4%b8%AD&b&&c==x 中".as_bytes()).unwrap();
        let seen: Vec<_> = read.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
        assert_eq!(seen, [("a", "1 2 中"), ("b", ""), ("c", "=x 中")]);
        assert_eq!(read[0].wire.as_deref(), Some("1+2%20%E4%b8%AD"));
        for (bad, says) in
            [("a=%4", "two hex"), ("a=%zz", "two hex"), ("a=%ff", "UTF-8"), ("a=1&a=1", "twice")]
        {
            let refused = pairs(bad.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(says), "{bad}: {refused}");
        }
    }
}
