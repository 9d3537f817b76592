//! The mistakes that are known, each with the sentence that tells of it.
//!
//! They come from QFPay's own samples and from third-party code (protocol sheet, sections 2, 4 and 5).

use std::fmt;

use super::Style;
use crate::credentials::SignType;

/// What was done wrong. Holds names of parameters and apps, never values and never a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// All values were hashed percent-encoded.
    ValuesEncoded {
        /// How a space was written.
        space: &'static str,
    },
    /// All values were hashed exactly as they stood on the wire.
    WireHashed,
    /// One value was hashed percent-encoded.
    ValueEncoded(String),
    /// The pairs were not sorted.
    Unsorted,
    /// Whole `name=value` texts were sorted: `a1=` comes before `a=`.
    SortedAsText,
    /// Upper and lower case were taken for the same.
    SortedWithoutCase,
    /// Empty values were sent, or belong to the text, but were not hashed.
    EmptiesDropped,
    /// Empty values were hashed although they are neither signed nor sent.
    EmptiesKept,
    /// What PHP and JavaScript take for false was dropped: `0` as well as the empty text.
    ZerosDropped,
    /// White space around values was trimmed.
    Trimmed,
    /// A trailing `&`, part of the last value, was trimmed.
    LastAmpersandTrimmed,
    /// The values were hashed in lower case.
    ValuesInLowerCase,
    /// The whole text was hashed in lower case.
    TextInLowerCase,
    /// A parameter was sent but not hashed.
    LeftOut(String),
    /// Something was hashed that does not belong to the text.
    Included(String),
    /// Only the key was hashed: the text was empty, perhaps because the body had been read before.
    NothingButTheKey,
    /// Another character set than UTF-8.
    Charset(&'static str),
    /// UTF-8 bytes were taken for Latin-1 and encoded again.
    Utf8Twice,
    /// The other hash.
    Algorithm {
        /// What the signature is.
        made: SignType,
        /// What the request says, or QFPay expects.
        said: SignType,
    },
    /// Something stands between text and key.
    Separator(&'static str),
    /// The key comes before the text.
    KeyFirst,
    /// The line end of the key file was hashed.
    KeyLineEnd,
    /// The key of another configured app.
    OtherApp(String),
    /// The JSON was parsed and written anew.
    Rewritten(Style),
    /// The fields of the JSON were sorted and joined, as QFPay's notify sample of 2017 does.
    SortedFields,
    /// A line end was added to the body.
    LineEndAdded,
    /// The line end of the body was removed, or its white space trimmed.
    LineEndRemoved,
    /// The line ends of the body were changed.
    LineEndsChanged(&'static str),
    /// The byte order mark before the body was removed.
    ByteOrderMarkRemoved,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::ValuesEncoded { space } => {
                return write!(
                    f,
                    "the values were hashed percent-encoded (a space as {space}); hash them raw"
                );
            }
            Self::WireHashed => {
                "the values were hashed percent-encoded, as they stood on the wire; hash them raw"
            }
            Self::ValueEncoded(name) => {
                return write!(f, "the value of {name} was hashed percent-encoded; hash it raw");
            }
            Self::Unsorted => "the pairs were hashed in the order sent, not sorted by name",
            Self::SortedAsText => "the pairs were sorted as whole 'name=value' texts, not by name",
            Self::SortedWithoutCase => "the names were sorted without regard to case",
            Self::EmptiesDropped => "empty values were dropped before hashing but sent",
            Self::EmptiesKept => "empty values were hashed, but they are neither signed nor sent",
            Self::ZerosDropped => "values of 0 were dropped before hashing as if they were empty",
            Self::Trimmed => "white space around values was trimmed before hashing",
            Self::LastAmpersandTrimmed => "a '&' at the end of the last value was trimmed",
            Self::ValuesInLowerCase => "the values were hashed in lower case",
            Self::TextInLowerCase => "the whole text was hashed in lower case",
            Self::LeftOut(name) => return write!(f, "the parameter {name} was sent but not hashed"),
            Self::Included(name) => {
                return write!(f, "{name} was hashed although no such parameter belongs to the signature");
            }
            Self::NothingButTheKey => {
                "only the key was hashed: the text was empty, as when a body is read a second time"
            }
            Self::Charset(name) => return write!(f, "the text was hashed as {name} bytes, not as UTF-8"),
            Self::Utf8Twice => {
                "the text was encoded as UTF-8 twice: its bytes were taken for Latin-1 in between"
            }
            Self::Algorithm { made, said } => {
                let (made, said) = (made.as_str(), said.as_str());
                return write!(f, "wrong algorithm: the signature is {made}, the request says {said}");
            }
            Self::Separator(between) => {
                return write!(f, "the key was appended with '{between}' before it; append it directly");
            }
            Self::KeyFirst => "the key was put before the text; it belongs behind it",
            Self::KeyLineEnd => "the line end of the key file was hashed with the key",
            Self::OtherApp(name) => return write!(f, "signed with the key of app '{name}'"),
            Self::Rewritten(style) => {
                return write!(
                    f,
                    "the JSON was parsed and written anew ({style}); hash the bytes as received"
                );
            }
            Self::SortedFields => {
                "the fields of the JSON were sorted and joined, as QFPay's sample of 2017 did; hash the bytes as received"
            }
            Self::LineEndAdded => "a line end was added behind the body",
            Self::LineEndRemoved => "white space or the line end behind the body was removed",
            Self::LineEndsChanged(to) => return write!(f, "the line ends of the body were changed to {to}"),
            Self::ByteOrderMarkRemoved => "the byte order mark before the body was removed",
        };
        f.write_str(text)
    }
}
