//! Where a text leaves the right one.

use std::fmt;

/// The first place where two texts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The byte, from 0.
    pub at: usize,
    /// What was hashed from there on, at most 16 characters.
    pub hashed: String,
    /// What stands there in the right text.
    pub expected: String,
}

impl Difference {
    /// Compares byte by byte; the excerpts begin with a whole character.
    pub(super) fn between(hashed: &[u8], expected: &[u8]) -> Self {
        let at = hashed.iter().zip(expected).take_while(|(a, b)| a == b).count();
        let begins = |text: &[u8], at: usize| text.get(at).is_none_or(|byte| byte & 0xC0 != 0x80);
        let shown = (at.saturating_sub(3)..=at).rev().find(|&at| begins(hashed, at) && begins(expected, at));
        let from = shown.unwrap_or(at);
        Self { at, hashed: excerpt(hashed, from), expected: excerpt(expected, from) }
    }
}

fn excerpt(text: &[u8], from: usize) -> String {
    let rest = text.get(from..).unwrap_or_default();
    let rest = &rest[..rest.len().min(64)];
    String::from_utf8_lossy(rest).chars().take(16).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &str| match text {
            "" => "the end".to_owned(),
            text => format!("'{}'", visible(text)),
        };
        let (hashed, expected) = (show(&self.hashed), show(&self.expected));
        write!(
            f,
            "the first difference is at byte {}: {hashed} was hashed where {expected} was expected",
            self.at
        )
    }
}

/// Line ends and other control characters as escapes: they would break the line, or the terminal.
fn visible(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}
