//! The sentence that tells of each mistake.

use std::fmt;

use super::Fault;

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
            Self::Reversed => "the pairs were sorted in descending order; sort the names ascending",
            Self::AsJson => {
                "the parameters were hashed as JSON; hash them as name=value, sorted by name, joined by '&'"
            }
            Self::ValuesOnly => "only the values were hashed, without their names; hash name=value",
            Self::Unsent { names, word: "" } => {
                return write!(f, "{names} was hashed with an empty value, but not sent");
            }
            Self::Unsent { names, word } => {
                return write!(
                    f,
                    "{names} was hashed as '{word}', but not sent; leave absent values out of both"
                );
            }
            Self::EmptiesAs(word) => return write!(f, "empty values were hashed as '{word}'"),
            Self::ForHtml => "the text was escaped for HTML ('&amp;' for '&') before hashing; hash it raw",
            Self::SlashesEscaped => "'/' was hashed as '\\/', as in JSON; hash values raw",
            Self::Decimals { of, decimals } => {
                return write!(
                    f,
                    "{of} was hashed with '{decimals}' behind it, as a decimal number; hash what is sent"
                );
            }
            Self::KeyBlank => "a space beside the key was hashed with it",
            Self::KeyCase(case) => {
                return write!(
                    f,
                    "the key was hashed in {case} case; take it letter by letter as it was issued"
                );
            }
            Self::Hmac(made) => {
                let made = made.as_str();
                return write!(
                    f,
                    "HMAC-{made} was used; take the plain {made} of the text with the key appended"
                );
            }
            Self::AppCodeAsKey => "the app_code was hashed in place of the client_key",
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
