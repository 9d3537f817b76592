//! The texts that implementers are known to hash in place of the canonical string.
//!
//! The list comes from QFPay's own samples and third-party code (protocol sheet, section 2). GBK text is not tried:
//! it needs a table of its own.

use super::request::Pair;

/// Longer texts are not explained: there are several variants per parameter, each as long as the text.
const LONGEST: usize = 16_384;

/// What common libraries leave alone besides letters and digits, and how they write a space.
const ENCODINGS: [(&str, &str); 4] = [("-_.~", "%20"), ("-_.", "+"), ("-_.!~*'()", "%20"), ("-_.~/", "%20")];

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
    for (unreserved, space) in ENCODINGS {
        let encode = |pair: &Pair| percent(&pair.value, unreserved, space);
        all.push((encoded.to_owned(), join(&sorted, encode)));
        // QFPay's PHP samples encode every value but the date.
        let but_date = |pair: &Pair| if pair.name == "txdtm" { pair.value.clone() } else { encode(pair) };
        all.push((encoded.to_owned(), join(&sorted, but_date)));
        for one in &sorted {
            let only = |pair: &Pair| if pair.name == one.name { encode(pair) } else { pair.value.clone() };
            all.push((format!("the value of {} was hashed percent-encoded", one.name), join(&sorted, only)));
        }
    }
    for left_out in &sorted {
        let others: Vec<Pair> = sorted.iter().filter(|pair| pair.name != left_out.name).cloned().collect();
        let told = format!("the parameter {} was sent but not hashed", left_out.name);
        all.push((told, join(&others, |pair| pair.value.clone())));
    }
    for (name, value) in [("app_code", app_code), ("appcode", app_code), ("sign", "")] {
        let mut more = sorted.clone();
        more.push(Pair { name: name.into(), value: value.into(), wire: String::new() });
        more.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        let told = format!("{name} was hashed although no such parameter belongs to the signature");
        all.push((told, join(&more, |pair| pair.value.clone())));
    }
    all
}

fn join(pairs: &[Pair], value: impl Fn(&Pair) -> String) -> String {
    let joined: Vec<String> = pairs.iter().map(|pair| format!("{}={}", pair.name, value(pair))).collect();
    joined.join("&")
}

/// Percent-encodes all but letters, digits, spaces and `unreserved`.
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
