//! What must not come to light, and the look for it.

use std::collections::BTreeSet;

use crate::support::{pieces, writings};

/// In the shape that QFPay issues, but no run of it occurs anywhere by accident.
pub const KEY: &str = "C0FFEE42D15EA5E0BADC0DE5F00DFACE";
/// The key before it.
pub const PREVIOUS_KEY: &str = "DEADBEA7CAFEBABE8BADF00D1CE1CE42";

/// What stands for a customer's value of each kind. Long enough that no timestamp or id holds one by accident.
pub const VALUES: [(&str, &str); 12] = [
    ("amount", "7321906555"),
    ("goods", "canary-goods-Milk-Tea"),
    ("name", "canary-Chan-Tai-Man"),
    ("phone", "85298765432100"),
    ("openid", "canary-openid-oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
    ("card", "4111111111111111"),
    ("order", "canary-order-20260131-0001"),
    ("redirect", "canary-session-in-redirect"),
    ("header", "canary-in-a-header"),
    ("answer", "canary-syssn-of-the-answer"),
    ("receiver", "canary-of-the-receiver"),
    ("notified", "canary-order-of-the-notification"),
];

/// How long a piece of a key is a leak.
const PIECE: usize = 12;

pub fn value(name: &str) -> &'static str {
    VALUES.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("no canary {name}")).1
}

/// A look for canaries. Counts what it looks at.
#[derive(Default)]
pub struct Look {
    /// Name of the canary and of the writing, and the text in lower case.
    needles: Vec<(String, String)>,
    places: usize,
    paths: BTreeSet<String>,
}

impl Look {
    /// For both keys: in every writing, and every piece of 12 characters, forwards and backwards.
    pub fn for_keys() -> Self {
        let mut look = Self::default();
        for (name, key) in [("client_key", KEY), ("previous key", PREVIOUS_KEY)] {
            look.add(name, key);
            let backwards: String = key.chars().rev().collect();
            for piece in pieces(key, PIECE).into_iter().chain(pieces(&backwards, PIECE)) {
                look.needles.push((format!("{name}, a piece"), piece.to_ascii_lowercase()));
            }
        }
        look
    }

    /// For keys and for customers' values.
    pub fn for_all() -> Self {
        let mut look = Self::for_keys();
        VALUES.iter().for_each(|(name, value)| look.add(name, value));
        look
    }

    /// For one more text, in every writing.
    pub fn add(&mut self, name: &str, secret: &str) {
        let written = writings(secret).into_iter();
        let needles = written.map(|(how, text)| (format!("{name}, {how}"), text.to_ascii_lowercase()));
        self.needles.extend(needles);
    }

    /// What of it all stands in a text, other than the canaries that may.
    pub fn found(&self, text: &str, may_hold: &[&str]) -> Vec<&str> {
        let lower = text.to_ascii_lowercase();
        let excused = |name: &str| may_hold.iter().any(|may| name.split(',').next() == Some(may));
        let needles = self.needles.iter().filter(|(name, needle)| !excused(name) && lower.contains(needle));
        needles.map(|(name, _)| name.as_str()).collect()
    }

    /// Asserts that nothing of it stands in a text, other than the canaries that may.
    #[track_caller]
    pub fn through(&mut self, path: &str, text: &str, may_hold: &[&str]) {
        let found = self.found(text, may_hold);
        assert!(found.is_empty(), "{path}: {found:?} came to light in:\n{text}");
        self.places += 1;
        self.paths.insert(path.to_owned());
    }

    /// Says how much was looked at, which must be at least this many paths.
    pub fn report(&self, what: &str, at_least: usize) {
        let (paths, needles) = (self.paths.len(), self.needles.len());
        eprintln!("{what}: {paths} paths, {} texts, {needles} writings and pieces of canaries", self.places);
        assert!(paths >= at_least, "{what}: only {paths} paths were looked at");
    }
}

#[test]
fn the_look_finds_what_leaks() {
    use std::fmt::Write;
    let look = Look::for_all();
    assert_eq!(look.found("a line without any", &[]), Vec::<&str>::new());
    let base64 = "QzBGRkVFNDJEMTVFQTVFMEJBREMwREU1RjAwREZBQ0U="; // printf C0FF... | base64
    let inside = "YT0xJmtleT1DMEZGRUU0MkQxNUVBNUUwQkFEQzBERTVGMDBERkFDRQ=="; // printf 'a=1&key=C0FF...' | base64
    let hex = KEY.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X}").unwrap();
        text
    });
    let backwards: String = KEY.chars().rev().collect();
    let lower = KEY.to_lowercase();
    for leak in [KEY, &lower, &backwards, &hex, base64, inside, &KEY[7..19], &format!("{:?}", KEY.as_bytes())]
    {
        let line = format!("2026-01-31 DEBUG sending {leak}");
        assert!(!look.found(&line, &["order"]).is_empty(), "{leak} is not found");
    }
    for (name, value) in VALUES {
        assert!(!look.found(&format!("resperr={value}!"), &[]).is_empty(), "{name}");
        assert!(look.found(&format!("resperr={value}!"), &[name]).is_empty(), "{name}");
    }
}
