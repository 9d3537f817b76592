//! Explains a wrong signature: tries what implementers are known to get wrong, and names what reproduces the digest.
//!
//! The list comes from QFPay's own samples and third-party code (protocol sheet, section 2). GBK text is not tried:
//! it needs a table of its own.

use std::sync::Arc;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::request::Pair;
use super::verify::prints;
use crate::credentials::{App, ClientKey, SignType};

/// A signature that is not the expected one, and all that is known about it.
pub(super) struct Attempt<'a> {
    pub received: &'a str,
    pub sign_type: SignType,
    pub canonical: &'a str,
    pub pairs: &'a [Pair],
    pub app: &'a Arc<App>,
    pub apps: &'a [Arc<App>],
}

/// How text and key are put together. Only the first is right.
#[derive(Clone, Copy)]
enum Join {
    TextKey,
    KeyText,
    TextBetweenKey(&'static str),
    TextKeyAfter(&'static str),
}

impl Attempt<'_> {
    /// One sentence for the person who wrote the client. Never holds a key or the expected digest.
    pub(super) fn explain(&self) -> String {
        let hex = self.received.len() == self.sign_type_length()
            && self.received.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(found) = self.wrong_text().or_else(|| self.wrong_join()).or_else(|| self.wrong_key()) {
            return found;
        }
        if !hex {
            let wanted = self.sign_type_length();
            return format!(
                "wrong signature: {} wants {wanted} hex digits, {} characters came",
                self.sign_type.as_str(),
                self.received.chars().count()
            );
        }
        format!(
            "wrong signature, and no known mistake explains it: compare your text with the sandbox's byte by byte, and \
             your key with the one of app '{}' (fingerprint {})",
            self.app.name,
            self.app.client_key.fingerprint()
        )
    }

    fn sign_type_length(&self) -> usize {
        match self.sign_type {
            SignType::Md5 => 32,
            SignType::Sha256 => 64,
        }
    }

    fn wrong_text(&self) -> Option<String> {
        let (mistake, text) = self.texts().into_iter().find(|(_, text)| {
            text != self.canonical
                && self.reproduced(self.sign_type, text, Join::TextKey, &self.app.client_key)
        })?;
        let at = text.bytes().zip(self.canonical.bytes()).take_while(|(a, b)| a == b).count();
        Some(format!(
            "{mistake}; the first difference is at byte {at}: {}",
            difference(&text, self.canonical, at)
        ))
    }

    fn wrong_join(&self) -> Option<String> {
        let same = "the text itself is right";
        let joins = [
            (Join::TextBetweenKey("&key="), "the key was appended with '&key=' before it"),
            (Join::TextBetweenKey("&"), "the key was appended with '&' before it"),
            (Join::TextKeyAfter("\n"), "the line end of the key file was hashed with the key"),
            (Join::KeyText, "the key was put before the text"),
        ];
        let found = joins
            .iter()
            .find(|(join, _)| self.reproduced(self.sign_type, self.canonical, *join, &self.app.client_key));
        if let Some((_, mistake)) = found {
            return Some(format!("{mistake}; {same}"));
        }
        let other = match self.sign_type {
            SignType::Md5 => SignType::Sha256,
            SignType::Sha256 => SignType::Md5,
        };
        self.reproduced(other, self.canonical, Join::TextKey, &self.app.client_key).then(|| {
            let (made, said) = (other.as_str(), self.sign_type.as_str());
            format!("wrong algorithm: the signature is {made}, the request says {said}; {same}")
        })
    }

    fn wrong_key(&self) -> Option<String> {
        let others = self.apps.iter().filter(|other| other.app_code != self.app.app_code);
        let mut matching = others.filter(|other| {
            self.reproduced(self.sign_type, self.canonical, Join::TextKey, &other.client_key)
        });
        matching.next().map(|other| {
            format!(
                "signed with the key of app '{}', but the app_code is that of app '{}'",
                other.name, self.app.name
            )
        })
    }

    fn reproduced(&self, sign_type: SignType, text: &str, join: Join, key: &ClientKey) -> bool {
        let digest = match sign_type {
            SignType::Md5 => joined::<Md5>(text, join, key),
            SignType::Sha256 => joined::<Sha256>(text, join, key),
        };
        prints(self.received, &digest)
    }

    /// Every mistaken text, with what to tell about it.
    fn texts(&self) -> Vec<(String, String)> {
        let mut sorted: Vec<Pair> = self.pairs.iter().filter(|pair| pair.name != "sign").cloned().collect();
        let as_sent = join(&sorted, |pair| pair.value.clone());
        sorted.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        let mut lines: Vec<String> =
            sorted.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
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
            (trimmed.to_owned(), self.canonical.trim_end().to_owned()),
            (
                "a '&' at the end of the last value was trimmed".to_owned(),
                self.canonical.trim_end_matches('&').to_owned(),
            ),
            (
                "the values were hashed in lower case".to_owned(),
                join(&sorted, |pair| pair.value.to_lowercase()),
            ),
            ("the whole text was hashed in lower case".to_owned(), self.canonical.to_lowercase()),
        ];
        for left_out in &sorted {
            let others: Vec<Pair> =
                sorted.iter().filter(|pair| pair.name != left_out.name).cloned().collect();
            let told = format!("the parameter {} was sent but not hashed", left_out.name);
            all.push((told, join(&others, |pair| pair.value.clone())));
        }
        for name in ["app_code", "appcode"] {
            let mut more = sorted.clone();
            more.push(Pair {
                name: name.into(),
                value: self.app.app_code.as_str().into(),
                wire: String::new(),
            });
            more.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
            all.push((
                format!("{name} was hashed but not sent as a parameter"),
                join(&more, |pair| pair.value.clone()),
            ));
        }
        all
    }
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

fn joined<D: Digest>(text: &str, join: Join, key: &ClientKey) -> Vec<u8> {
    let mut hasher = D::new();
    if let Join::KeyText = join {
        key.feed(&mut hasher);
        hasher.update(text);
        return hasher.finalize().to_vec();
    }
    hasher.update(text);
    if let Join::TextBetweenKey(between) = join {
        hasher.update(between);
    }
    key.feed(&mut hasher);
    if let Join::TextKeyAfter(after) = join {
        hasher.update(after);
    }
    hasher.finalize().to_vec()
}

fn difference(mistaken: &str, expected: &str, at: usize) -> String {
    let show = |text: &str| {
        let rest = String::from_utf8_lossy(text.as_bytes().get(at..).unwrap_or_default())
            .chars()
            .take(16)
            .collect::<String>();
        if rest.is_empty() { "the end".to_owned() } else { format!("'{rest}'") }
    };
    format!("{} was hashed where {} was expected", show(mistaken), show(expected))
}
