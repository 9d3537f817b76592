//! Looking for a text in another text, however it is written there.

/// The ways in which a secret would be written by accident. Letters are compared without regard to case.
pub fn writings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let each = |format: fn(u8) -> String| bytes.iter().map(|&byte| format(byte)).collect::<String>();
    let mut writings = vec![
        ("plain", secret.to_owned()),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("hex with blanks", each(|byte| format!("{byte:02x} ")).trim_end().to_owned()),
        ("a list of bytes", each(|byte| format!("{byte}, ")).trim_end_matches(", ").to_owned()),
        ("percent-encoded", each(|byte| format!("%{byte:02x}"))),
        ("JSON escapes", each(|byte| format!("\\u{byte:04x}"))),
        ("reversed", secret.chars().rev().collect()),
        ("form-encoded", super::encode(secret).replace("%20", "+")),
        ("URL-encoded", super::encode(secret)),
        ("a JSON text", serde_json::to_string(secret).unwrap().trim_matches('"').to_owned()),
        ("a debug text", format!("{secret:?}").trim_matches('"').to_owned()),
    ];
    // Base64 of a text that stands somewhere in a longer one depends on how many bytes are before it.
    for before in 0..3 {
        let encoded = base64(&[&vec![0; before], bytes].concat());
        let whole = &encoded[if before == 0 { 0 } else { 4 }..];
        writings.push(("base64", whole[..whole.len() - 4].to_owned()));
        writings.push(("base64 for URLs", whole[..whole.len() - 4].replace('+', "-").replace('/', "_")));
    }
    // Too short to tell anything, or the same as another.
    writings.retain(|(name, text)| *name == "plain" || text.len() >= 8);
    writings.sort_by(|a, b| a.1.cmp(&b.1));
    writings.dedup_by(|a, b| a.1.eq_ignore_ascii_case(&b.1));
    writings
}

/// Every run of this many characters of a secret: a piece of a key is a part of a key.
pub fn pieces(secret: &str, length: usize) -> Vec<String> {
    (0..=secret.len().saturating_sub(length)).map(|start| secret[start..start + length].to_owned()).collect()
}

/// In which of its writings a text, given in lower case, holds a secret; nothing if it does not.
pub fn written_in(text_in_lower_case: &str, secret: &str) -> Option<&'static str> {
    let found = |text: &str| text_in_lower_case.contains(&text.to_ascii_lowercase());
    writings(secret).into_iter().find(|(_, text)| found(text)).map(|(name, _)| name)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let number = (0..3).fold(0, |number, i| number << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        (0..4).map(move |i| char::from(LETTERS[(number >> (18 - 6 * i)) as usize & 63])).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}
