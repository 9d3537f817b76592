//! Form encoding, written again apart from the code under test.

/// The pairs of a form or query, in the order in which they stand. Panics on anything but strict encoding.
pub fn decode(form: &[u8]) -> Vec<(String, String)> {
    if form.is_empty() {
        return Vec::new();
    }
    let pair = |part: &[u8]| {
        let equals = part.iter().position(|&b| b == b'=').expect("every pair has an equals sign");
        (unescape(&part[..equals]), unescape(&part[equals + 1..]))
    };
    form.split(|&b| b == b'&').map(pair).collect()
}

fn unescape(text: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || char::from(*rest.next().unwrap()).to_digit(16).unwrap() as u8;
                bytes.push(digit() * 16 + digit());
            }
            plain => {
                assert!(plain.is_ascii_graphic(), "byte {plain:#x} stands unencoded on the wire");
                bytes.push(plain);
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// One value as RFC 3986 encodes it: a space is `%20`.
pub fn encode(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
