//! The mistakes that are known. `sentence.rs` tells of each.
//!
//! They come from QFPay's own samples and from third-party code (protocol sheet, sections 2, 4 and 5).

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
    /// The pairs were sorted in descending order.
    Reversed,
    /// The parameters were hashed as a JSON object.
    AsJson,
    /// Only the values were hashed, without their names.
    ValuesOnly,
    /// Absent parameters were hashed with a word for nothing.
    Unsent {
        /// One name, or two.
        names: String,
        /// What the language prints for no value; may be empty.
        word: &'static str,
    },
    /// Empty values were hashed as a word for nothing.
    EmptiesAs(&'static str),
    /// `&` and its kin were escaped for HTML.
    ForHtml,
    /// `/` was hashed as `\/`.
    SlashesEscaped,
    /// Whole numbers were hashed with decimals.
    Decimals {
        /// The name of the parameter, or that it was all of them.
        of: String,
        /// `.0` or `.00`.
        decimals: &'static str,
    },
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
    /// A space before or behind the key was hashed with it.
    KeyBlank,
    /// The key was hashed in this case of letters, and was issued in the other.
    KeyCase(&'static str),
    /// HMAC in place of the plain hash.
    Hmac(SignType),
    /// The `app_code` stands where the key belongs.
    AppCodeAsKey,
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
