//! The search: a digest to reproduce, and the ways of putting text and key together.

use std::sync::Arc;

use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Fault;
use crate::credentials::{App, ClientKey, SignType};

/// How text and key are put together. Only the first is right.
#[derive(Clone, Copy)]
enum Join {
    TextKey,
    KeyText,
    TextBetweenKey(&'static str),
    TextKeyAfter(&'static str),
    TextKeyChanged(fn(u8) -> u8),
    TextAppCode,
    Hmac,
}

/// The block of MD5 and of SHA256, in bytes: HMAC pads the key to it.
const BLOCK: usize = 64;

/// Goes on until the first variant that reproduces the digest.
pub(super) struct Search<'a> {
    digest: &'a [u8],
    sign_type: SignType,
    app: &'a App,
    /// The text that should have been hashed.
    pub right: &'a [u8],
    /// What was found: the fault, and the text that was hashed if it is another one.
    pub found: Option<(Fault, Option<Vec<u8>>)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(digest: &'a [u8], sign_type: SignType, app: &'a App, right: &'a [u8]) -> Self {
        Self { digest, sign_type, app, right, found: None }
    }

    /// Whether the digest is that of the right text and key.
    pub(super) fn is_right(&self) -> bool {
        self.reproduced(self.right, Join::TextKey, &self.app.client_key)
    }

    /// Tries another text; it is only made when nothing was found yet.
    pub(super) fn text<T: Into<Vec<u8>>>(&mut self, fault: Fault, text: impl FnOnce() -> T) {
        if self.found.is_some() {
            return;
        }
        let text = text().into();
        if text != self.right && self.reproduced(&text, Join::TextKey, &self.app.client_key) {
            self.found = Some((fault, Some(text)));
        }
    }

    /// Tries to put the right text and the right key together in wrong ways.
    pub(super) fn try_joins(&mut self) {
        let joins = [
            (Join::TextBetweenKey("&key="), Fault::Separator("&key=")),
            (Join::TextBetweenKey("&"), Fault::Separator("&")),
            (Join::TextKeyAfter("\n"), Fault::KeyLineEnd),
            (Join::TextKeyAfter("\r\n"), Fault::KeyLineEnd),
            (Join::KeyText, Fault::KeyFirst),
            (Join::Hmac, Fault::Hmac(self.sign_type)),
            (Join::TextKeyAfter(" "), Fault::KeyBlank),
            (Join::TextBetweenKey(" "), Fault::KeyBlank),
            (Join::TextKeyChanged(lower), Fault::KeyCase("lower")),
            (Join::TextKeyChanged(upper), Fault::KeyCase("upper")),
            (Join::TextAppCode, Fault::AppCodeAsKey),
        ];
        for (join, fault) in joins {
            if self.found.is_none() && self.reproduced(self.right, join, &self.app.client_key) {
                self.found = Some((fault, None));
            }
        }
    }

    /// Tries the keys of other apps.
    pub(super) fn try_keys(&mut self, apps: &[Arc<App>]) {
        for other in apps.iter().filter(|other| other.app_code != self.app.app_code) {
            if self.found.is_none() && self.reproduced(self.right, Join::TextKey, &other.client_key) {
                self.found = Some((Fault::OtherApp(other.name.clone()), None));
            }
        }
    }

    fn reproduced(&self, text: &[u8], join: Join, key: &ClientKey) -> bool {
        let digest = match self.sign_type {
            SignType::Md5 => joined::<Md5>(text, join, key, self.app),
            SignType::Sha256 => joined::<Sha256>(text, join, key, self.app),
        };
        bool::from(digest.ct_eq(self.digest))
    }
}

fn joined<D: Digest>(text: &[u8], join: Join, key: &ClientKey, app: &App) -> Vec<u8> {
    let mut hasher = D::new();
    let key_into = |hasher: &mut D| key.feed(hasher);
    match join {
        Join::Hmac => return hmac::<D>(text, key),
        Join::KeyText => {
            key_into(&mut hasher);
            hasher.update(text);
            return hasher.finalize().to_vec();
        }
        _ => hasher.update(text),
    }
    match join {
        Join::TextAppCode => hasher.update(app.app_code.as_str()),
        Join::TextKeyChanged(change) => {
            key.feed_changed(&mut hasher, change);
        }
        Join::TextBetweenKey(between) => {
            hasher.update(between);
            key_into(&mut hasher);
        }
        Join::TextKeyAfter(after) => {
            key_into(&mut hasher);
            hasher.update(after);
        }
        Join::TextKey | Join::KeyText | Join::Hmac => key_into(&mut hasher),
    }
    hasher.finalize().to_vec()
}

/// HMAC, over a text and not over the text with the key behind it.
fn hmac<D: Digest>(text: &[u8], key: &ClientKey) -> Vec<u8> {
    // A key that is longer than a block is hashed first; the digest of a key is as secret as the key.
    let mut short = D::new();
    key.feed(&mut short);
    let short = Zeroizing::new(short.finalize().to_vec());
    let padded = |pad: u8| {
        let mut hasher = D::new();
        let length = if key.fits(BLOCK) {
            key.feed_changed(&mut hasher, |byte| byte ^ pad)
        } else {
            short.iter().for_each(|byte| hasher.update([byte ^ pad]));
            short.len()
        };
        hasher.update(vec![pad; BLOCK - length]);
        hasher
    };
    let mut inner = padded(0x36);
    inner.update(text);
    let mut outer = padded(0x5c);
    outer.update(inner.finalize());
    outer.finalize().to_vec()
}

fn lower(byte: u8) -> u8 {
    byte.to_ascii_lowercase()
}

fn upper(byte: u8) -> u8 {
    byte.to_ascii_uppercase()
}
