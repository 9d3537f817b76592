//! What is wrong with a configuration, told so that it can be mended, without showing anything that could be a key.

use std::borrow::Cow;
use std::fmt;

use crate::credentials::SANDBOX_KEY_PREFIX;

/// Everything that is wrong with a configuration, one problem per line.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ConfigError(Vec<Problem>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written: `config/test.toml:12`, `environment variable QFPAY__LOG__LEVEL`, `flag --listen`.
    pub place: String,
    /// The full path of the key; empty when the problem is with a file as a whole.
    pub key: String,
    /// What is wrong and how to mend it.
    pub what: String,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// Flags and variables that do not fit together, as `what` says.
    pub fn of_arguments(what: &str) -> Self {
        Problem::of_file("arguments", what).into()
    }

    /// A file or a setting that is wrong by itself.
    pub fn of_place(place: &str, what: &str) -> Self {
        Problem::of_file(place, what).into()
    }

    /// A setting that is wrong, and where it was written.
    pub fn of_setting(place: &str, key: &str, what: &str) -> Self {
        Problem::new(place, key, what).into()
    }

    /// The problems, in the order in which they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl Problem {
    pub(super) fn new(place: &str, key: &str, what: &str) -> Self {
        Self { place: without_keys(place), key: without_keys(key), what: without_keys(what) }
    }

    pub(super) fn of_file(place: &str, what: &str) -> Self {
        Self::new(place, "", what)
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.what),
            key => write!(f, "{}: {}: {}", self.place, key, self.what),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// What stands where a value could be a key.
pub(super) const NOT_SHOWN: &str = "(not shown)";

/// Whether a text has the shape of a `client_key`: QFPay's 32 hex digits, or a sandbox key.
pub(super) fn looks_like_key(text: &str) -> bool {
    let text = text.trim();
    let issued = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    issued || (text.starts_with(SANDBOX_KEY_PREFIX) && !text.contains('/'))
}

/// A value of a harmless key, for an error. Even there, what has the shape of a key or of a password is left out.
pub(super) fn shown(value: &str) -> String {
    let suspicious = value.contains('@') || could_hold_key(value);
    match suspicious {
        true => NOT_SHOWN.to_owned(),
        false => format!("'{}'", without_query(value).chars().take(60).collect::<String>().escape_debug()),
    }
}

/// A value without what stands behind a `?` or a `#`: in a URL that may be a token.
fn without_query(value: &str) -> Cow<'_, str> {
    match value.find(['?', '#']) {
        Some(mark) => format!("{}...", &value[..=mark]).into(),
        None => value.into(),
    }
}

/// The value of a key source setting, for people: shown only when it reads like a name or a path.
pub(super) fn shown_source(value: &str) -> String {
    // A URL is no source, and may hold a password.
    match !looks_like_key(value) && value.contains(['/', '_', '.']) && !value.contains("://") {
        true => without_keys(&without_query(value).escape_debug().to_string()),
        false => format!("{NOT_SHOWN}, it could be the key itself"),
    }
}

/// Whether one of the words of a text could be a key.
pub(super) fn could_hold_key(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(holds_key)
}

/// Also within a longer word: a key that was pasted with a letter too much.
fn holds_key(word: &str) -> bool {
    let sandbox = word.len() > SANDBOX_KEY_PREFIX.len() && word.starts_with(SANDBOX_KEY_PREFIX);
    sandbox || word.split(|c: char| !c.is_ascii_hexdigit()).any(|digits| digits.len() >= 32)
}

/// A text with names from outside: a key that was pasted in the place of a name is not repeated.
pub(super) fn without_keys(text: &str) -> String {
    let mut safe = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // Names of variables arrive in lower case; sixteen letters, because an app may be called sandbox2.
        let pasted = word.len() >= 16 && holds_key(&word.to_ascii_uppercase());
        safe.push_str(if pasted { NOT_SHOWN } else { word });
        let steers = |c: char| c.is_control() || is_bidirectional(c);
        safe.extend(piece[word.len()..].chars().map(|c| if steers(c) { ' ' } else { c }));
    }
    safe
}

/// Whether a character is a bidirectional mark, which makes a terminal show text in another order than it has.
pub fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_key_is_not_shown() {
        for key in ["5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2B", "SANDBOX0KEY", " 5a4db0c5d3e04f5e9a7b6c8d9e0f1a2b\n"]
        {
            assert!(looks_like_key(key));
            assert_eq!(shown(key), NOT_SHOWN);
            assert!(shown_source(key).starts_with(NOT_SHOWN));
        }
        assert_eq!(shown("https://user:word@host"), NOT_SHOWN);
        assert_eq!(shown("60s"), "'60s'");
        assert_eq!(shown("http://127.0.0.1/n.php?token=1"), "'http://127.0.0.1/n.php?...'");
        assert_eq!(shown("https://shop.test/#state"), "'https://shop.test/#...'");
        assert!(shown_source("https://user:word@shop.test/key").starts_with(NOT_SHOWN));
        assert_eq!(shown_source("/run/secrets/key"), "/run/secrets/key");
        assert_eq!(shown_source("SHOP_KEY"), "SHOP_KEY");
        assert_eq!(shown_source("/5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2B.key"), "/(not shown).key");
        assert!(shown_source("789012").starts_with(NOT_SHOWN));
        for longer in ["5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2Bx", "key5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2B"] {
            assert_eq!(shown(longer), NOT_SHOWN);
            assert_eq!(without_keys(&format!("apps.{longer}.mchid")), "apps.(not shown).mchid");
        }
    }

    #[test]
    fn a_key_in_the_place_of_a_name_is_not_repeated() {
        let problem = Problem::new("QFPAY__5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2B", "apps.x", "unknown key");
        assert_eq!(problem.to_string(), "QFPAY__(not shown): apps.x: unknown key");
        assert_eq!(without_keys("apps.sandbox0key0for0the0demo0shop001"), "apps.(not shown)");
        assert_eq!(without_keys("sandbox.listen"), "sandbox.listen");
        assert_eq!(without_keys("apps.sandbox2.mchid"), "apps.sandbox2.mchid");
    }
}
