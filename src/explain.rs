//! Explains signatures: given a text or a body and a signature, names the mistake that reproduces it.
//!
//! One engine for the `explain` and `verify` commands, the sandbox's answer 1108 and its console. Pure: no clock, no
//! files, no sockets. What it says never holds a key, nor a signature that was not given to it.

use std::fmt;
use std::sync::Arc;

use crate::credentials::{App, SignType};

mod bodies;
mod charset;
mod difference;
mod fault;
mod joined;
mod json;
mod pairs;
mod search;
mod sentence;
mod style;
mod texts;
mod unsent;
mod written;

pub use difference::Difference;
pub use fault::Fault;
pub use pairs::{BadPairs, Pair, add, canonical, pairs};
pub use style::Style;

use search::Search;

/// Longer texts of calls are not explained: there are several variants per parameter, each as long as the text.
const LONGEST_CALL: usize = 16_384;

/// What was signed.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The parameters of a call or of a browser URL.
    Call {
        /// In the order of arrival.
        sent: &'a [Pair],
        /// Names that do not belong to the text: `sign`, and whatever else is not signed.
        left_out: &'a [&'a str],
    },
    /// The raw body of a notification or of an answer (protocol sheet, sections 4 and 5).
    Body(&'a [u8]),
}

/// A signature, and all that is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The signature as received.
    pub received: &'a str,
    /// The hash that the request names, or that QFPay uses.
    pub sign_type: SignType,
    /// What was signed.
    pub subject: Subject<'a>,
    /// The app whose key should have signed.
    pub app: &'a Arc<App>,
    /// Every app whose key may have been taken instead.
    pub apps: &'a [Arc<App>],
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The signature is right.
    Right(HexCaseSeen),
    /// A known mistake reproduces it.
    Mistake {
        /// What was done wrong: one fault, or the algorithm and one more.
        faults: Vec<Fault>,
        /// Where the hashed text leaves the right one, if it does.
        difference: Option<Difference>,
    },
    /// It cannot be a signature.
    NotHex {
        /// The hash that was expected.
        sign_type: SignType,
        /// How many characters came.
        characters: usize,
    },
    /// It is one, but of what is not known.
    Unknown {
        /// The name of the app.
        app: String,
        /// The fingerprint of its key.
        fingerprint: String,
        /// The text was too long to try variants of it.
        too_long: bool,
    },
}

/// How a right signature was written. Never a fault by itself: QFPay's samples use both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexCaseSeen {
    /// As QFPay's samples print MD5.
    Upper,
    /// As QFPay's samples print SHA256.
    Lower,
    /// Both: no sample does that.
    Mixed,
}

impl Attempt<'_> {
    /// Tries what implementers are known to get wrong, the likely first.
    pub fn examine(&self) -> Finding {
        let right = match self.subject {
            Subject::Call { sent, left_out } => canonical(sent, left_out).into_bytes(),
            Subject::Body(body) => body.to_vec(),
        };
        let digest = hex::decode(self.received).unwrap_or_default();
        // The length says which hash it is, whatever the request says.
        let made = match digest.len() {
            16 => SignType::Md5,
            32 => SignType::Sha256,
            _ => {
                let characters = self.received.chars().count();
                return Finding::NotHex { sign_type: self.sign_type, characters };
            }
        };
        let mut search = Search::new(&digest, made, self.app, &right);
        if search.is_right() && made == self.sign_type {
            return Finding::Right(HexCaseSeen::of(self.received));
        }
        let too_long = matches!(self.subject, Subject::Call { .. }) && right.len() > LONGEST_CALL;
        if !search.is_right() {
            search.try_joins();
            search.try_keys(self.apps);
            match self.subject {
                _ if too_long => {}
                Subject::Call { sent, left_out } => texts::try_all(&mut search, sent, left_out, self.app),
                Subject::Body(body) => bodies::try_all(&mut search, body),
            }
        }
        let algorithm = Fault::Algorithm { made, said: self.sign_type };
        let wrong_algorithm = (made != self.sign_type).then_some(algorithm);
        match search.found {
            Some((fault, text)) => Finding::Mistake {
                faults: wrong_algorithm.into_iter().chain([fault]).collect(),
                difference: text.map(|text| Difference::between(&text, &right)),
            },
            None if wrong_algorithm.is_some() && search.is_right() => {
                Finding::Mistake { faults: wrong_algorithm.into_iter().collect(), difference: None }
            }
            None => Finding::Unknown {
                app: self.app.name.clone(),
                fingerprint: self.app.client_key.fingerprint(),
                too_long,
            },
        }
    }
}

impl HexCaseSeen {
    fn of(text: &str) -> Self {
        let upper = text.bytes().any(|b| b.is_ascii_uppercase());
        let lower = text.bytes().any(|b| b.is_ascii_lowercase());
        match (upper, lower) {
            (true, true) => Self::Mixed,
            (false, true) => Self::Lower,
            _ => Self::Upper,
        }
    }
}

impl fmt::Display for HexCaseSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upper => "upper case hex",
            Self::Lower => "lower case hex",
            Self::Mixed => "upper and lower case hex mixed, which no sample of QFPay's does; print one case",
        })
    }
}

impl fmt::Display for Finding {
    /// One sentence for the person who wrote the client.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(case) => write!(f, "the signature is right ({case})"),
            Self::Mistake { faults, difference } => {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                write!(f, "{}; ", faults.join(", and "))?;
                match difference {
                    Some(difference) => difference.fmt(f),
                    None => f.write_str("the text itself is right"),
                }
            }
            Self::NotHex { sign_type, characters } => {
                let digits = if *sign_type == SignType::Md5 { 32 } else { 64 };
                let name = sign_type.as_str();
                write!(f, "wrong signature: {name} wants {digits} hex digits, {characters} characters came")
            }
            Self::Unknown { too_long: true, .. } => {
                write!(
                    f,
                    "wrong signature; texts over {LONGEST_CALL} bytes are not compared with known mistakes"
                )
            }
            Self::Unknown { app, fingerprint, .. } => write!(
                f,
                "wrong signature, and no known mistake explains it: compare your text with this one byte by byte, and \
                 your key with the one of app '{app}' (fingerprint {fingerprint})"
            ),
        }
    }
}

#[cfg(test)]
#[path = "explain/tests.rs"]
mod tests;
