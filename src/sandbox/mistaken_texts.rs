//! The texts that implementers are known to hash in place of the canonical string.
//!
//! The list comes from QFPay's own samples and third-party code (protocol sheet, section 2). GBK text is not tried:
//! it needs a table of its own.

use super::request::Pair;

/// Longer texts are not explained: there is one variant per parameter, each as long as the text.
const LONGEST: usize = 65_536;

/// Every mistaken text, with what to tell about it.
pub(super) fn texts(pairs: &[Pair], canonical: &str, app_code: &str) -> Vec<(String, String)> {
    if canonical.len() > LONGEST {
        return Vec::new();
    }
    let mut sorted: Vec<Pair> = pairs.iter().filter(|pair| pair.name != "sign").cloned().collect();
    let as_sent = join(&sorted, |pair| pair.value.clone());
    sorted.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let mut lines: Vec<String> = sorted.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
    lines.sort();
    let mut caseless = sorted.clone();
    caseless.sort_by_key(|pair| pair.name.to_lowercase());
    let kept: Vec<Pair> = sorted.iter().filter(|pair| !pair.value.is_empty()).cloned().collect();
    let encoded = "the values were hashed percent-encoded";
    let trimmed = "white space around values was trimmed before hashing";
    let mut all = vec![
        (encoded.to_owned(), join(&sorted, |pair| pair.wire.clone())),
        (encoded.to_owned(), join(&sorted, |pair| percent(&pair.value, "-_.~", "%20"))),
        (encoded.to_owned(), join(&sorted, |pair| percent(&pair.value, "-_.", "+"))),
        (encoded.to_owned(), join(&sorted, |pair| percent(&pair.value, "-_.!~*'()", "%20"))),
        (encoded.to_owned(), join(&sorted, |pair| percent(&pair.value, "-_.~/", "%20"))),
        ("the pairs were hashed in the order sent, not sorted by name".to_owned(), as_sent),
        ("the pairs were sorted as whole 'name=value' texts, not by name".to_owned(), lines.join("&")),
        (
            "the names were sorted without regard to case".to_owned(),
            join(&caseless, |pair| pair.value.clone()),
        ),
        (
            "empty values were dropped before hashing but sent".to_owned(),
            join(&kept, |pair| pair.value.clone()),
        ),
        (trimmed.to_owned(), join(&sorted, |pair| pair.value.trim().to_owned())),
        (trimmed.to_owned(), canonical.trim_end().to_owned()),
        (
            "a '&' at the end of the last value was trimmed".to_owned(),
            canonical.trim_end_matches('&').to_owned(),
        ),
        ("the values were hashed in lower case".to_owned(), join(&sorted, |pair| pair.value.to_lowercase())),
        ("the whole text was hashed in lower case".to_owned(), canonical.to_lowercase()),
    ];
    for left_out in &sorted {
        let others: Vec<Pair> = sorted.iter().filter(|pair| pair.name != left_out.name).cloned().collect();
        let told = format!("the parameter {} was sent but not hashed", left_out.name);
        all.push((told, join(&others, |pair| pair.value.clone())));
    }
    for name in ["app_code", "appcode"] {
        let mut more = sorted.clone();
        more.push(Pair { name: name.into(), value: app_code.into(), wire: String::new() });
        more.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        all.push((
            format!("{name} was hashed but not sent as a parameter"),
            join(&more, |pair| pair.value.clone()),
        ));
    }
    all
}

fn join(pairs: &[Pair], value: impl Fn(&Pair) -> String) -> String {
    let joined: Vec<String> = pairs.iter().map(|pair| format!("{}={}", pair.name, value(pair))).collect();
    joined.join("&")
}

/// Percent-encodes as the common libraries do, which differ in what they leave alone and in how they write a space.
fn percent(text: &str, unreserved: &str, space: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b if b.is_ascii_alphanumeric() || unreserved.as_bytes().contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
