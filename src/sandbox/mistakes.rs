//! Explains a wrong signature: tries what implementers are known to get wrong, and names what reproduces the digest.

use std::sync::Arc;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::mistaken_texts::texts;
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
        let (mistake, text) =
            texts(self.pairs, self.canonical, self.app.app_code.as_str()).into_iter().find(|(_, text)| {
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
