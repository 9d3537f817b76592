//! The charsets of forms and queries. ASCII is the same in each that is taken; other bytes become UTF-8, which QFPay signs,
//! strictly or not at all.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_874, X_USER_DEFINED};

/// A charset whose ASCII is ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Passed on as it is; whether it is UTF-8 is asked of every parameter.
    Utf8,
    /// Bytes beyond ASCII have no meaning in it.
    Ascii,
    /// By the tables of the Encoding Standard. `iso`: without 0x80 to 0x9F, which that standard reads as windows-125x.
    Table { encoding: &'static Encoding, iso: bool },
}

impl Charset {
    /// What nothing is converted from.
    pub const UTF_8: Self = Self(Kind::Utf8);

    /// Reads a label such as `GBK`, `"Big5-HKSCS"` or `ISO-8859-1`; nothing for one that is not known, and for those whose
    /// ASCII is not ASCII: UTF-16, UTF-7, ISO-2022.
    pub fn of_label(label: &str) -> Option<Self> {
        let label = unquoted(label).to_ascii_lowercase();
        let standard =
            OTHER_LABELS.iter().find(|(other, _)| *other == label).map_or(&*label, |(_, name)| name);
        let encoding = Encoding::for_label(standard.as_bytes())?;
        if !encoding.is_ascii_compatible() || encoding == X_USER_DEFINED {
            return None;
        }
        let windows = ["windows-", "cp125", "x-cp125", "dos-"].iter().any(|name| label.starts_with(name));
        Some(Self(match label.as_str() {
            _ if encoding == UTF_8 => Kind::Utf8,
            "us-ascii" | "ascii" | "ansi_x3.4-1968" => Kind::Ascii,
            _ => Kind::Table {
                encoding,
                iso: encoding.is_single_byte() && !windows && !is_other_single_byte(encoding),
            },
        }))
    }

    /// Whether text in UTF-8 is mostly text in this charset as well, and hardly any that was written in it is UTF-8: so of the
    /// charsets of one byte a character, but for Thai, whose short words are UTF-8 by chance, as words in GBK are.
    pub(super) fn is_mistaken_for_utf8(self) -> bool {
        match self.0 {
            Kind::Utf8 => false,
            Kind::Ascii => true,
            Kind::Table { encoding, .. } => encoding.is_single_byte() && encoding != WINDOWS_874,
        }
    }

    /// The name of the charset, for people.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Utf8 => "UTF-8",
            Kind::Ascii => "US-ASCII",
            Kind::Table { encoding, iso } => match (encoding.name(), iso) {
                ("windows-1252", true) => "ISO-8859-1",
                ("windows-1254", true) => "ISO-8859-9",
                ("windows-874", true) => "ISO-8859-11",
                (name, _) => name,
            },
        }
    }

    /// The text in UTF-8; nothing where one sequence is none of this charset's. What is not ASCII under the label UTF-8 is
    /// passed on unread.
    pub(super) fn to_utf8<'t>(self, text: &'t [u8]) -> Option<Cow<'t, [u8]>> {
        let (encoding, iso) = match self.0 {
            Kind::Utf8 => return Some(Cow::Borrowed(text)),
            _ if text.is_ascii() => return Some(Cow::Borrowed(text)),
            Kind::Ascii => return None,
            Kind::Table { encoding, iso } => (encoding, iso),
        };
        let c1 = |byte: &u8| (0x80..=0x9f).contains(byte);
        if iso && text.iter().any(c1) {
            return None;
        }
        let decoded = encoding.decode_without_bom_handling_and_without_replacement(text)?;
        // A control character that was no byte of the input. Those below 0x80 stand for themselves in every table.
        let control = decoded.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c));
        (!control).then(|| Cow::Owned(decoded.into_owned().into_bytes()))
    }
}

/// A label without blanks, and without quotes of either kind, which some shops copy into it.
pub(super) fn unquoted(label: &str) -> &str {
    label.trim().trim_matches(['"', '\'']).trim()
}

/// Labels of Java and of Windows that the Encoding Standard does not know, each with its name of the same table.
const OTHER_LABELS: [(&str, &str); 16] = [
    ("x-windows-950", "big5"),
    ("windows-950", "big5"),
    ("ms950", "big5"),
    ("cp950", "big5"),
    ("windows-936", "gbk"),
    ("x-mswin-936", "gbk"),
    ("ms936", "gbk"),
    ("cp936", "gbk"),
    ("euc-cn", "gbk"),
    ("euc_cn", "gbk"),
    ("x-euc-cn", "gbk"),
    ("x-windows-949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("cp949", "euc-kr"),
    ("windows-932", "shift_jis"),
    ("cp932", "shift_jis"),
];

/// Single-byte charsets that are no ISO 8859, and use 0x80 to 0x9F.
fn is_other_single_byte(encoding: &'static Encoding) -> bool {
    matches!(encoding.name(), "IBM866" | "KOI8-R" | "KOI8-U" | "macintosh" | "x-mac-cyrillic")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(label: &str, bytes: &[u8]) -> Option<String> {
        let text = Charset::of_label(label).unwrap().to_utf8(bytes)?;
        Some(String::from_utf8(text.into_owned()).unwrap())
    }

    #[test]
    fn labels_are_read_and_those_without_ascii_are_not() {
        for (label, name) in [
            ("utf-8", "UTF-8"),
            (" \"UTF8\" ", "UTF-8"),
            ("US-ASCII", "US-ASCII"),
            ("gb2312", "GBK"),
            ("GB18030", "gb18030"),
            ("Big5-HKSCS", "Big5"),
            ("Shift_JIS", "Shift_JIS"),
            ("ISO-8859-1", "ISO-8859-1"),
            ("latin1", "ISO-8859-1"),
            ("windows-1252", "windows-1252"),
            ("iso-8859-9", "ISO-8859-9"),
            ("iso-8859-15", "ISO-8859-15"),
            ("koi8-r", "KOI8-R"),
            ("'utf-8'", "UTF-8"),
            ("x-windows-950", "Big5"),
            ("MS950", "Big5"),
            ("Cp936", "GBK"),
            ("x-mswin-936", "GBK"),
            ("EUC_CN", "GBK"),
            ("MS949", "EUC-KR"),
            ("windows-949", "EUC-KR"),
            ("MS932", "Shift_JIS"),
            ("windows-932", "Shift_JIS"),
        ] {
            assert_eq!(Charset::of_label(label).map(Charset::name), Some(name), "{label}");
        }
        for label in [
            "utf-16",
            "utf-16le",
            "UTF-16BE",
            "utf-7",
            "utf-32",
            "iso-2022-jp",
            "iso-2022-kr",
            "iso-2022-cn",
            "hz-gb-2312",
            "x-user-defined",
            "ebcdic",
            "",
            "\"",
        ] {
            assert_eq!(Charset::of_label(label), None, "{label}");
        }
    }

    #[test]
    fn the_other_labels_are_none_of_the_standards() {
        for (label, name) in OTHER_LABELS {
            assert_eq!(Encoding::for_label(label.as_bytes()), None, "{label}");
            assert!(Encoding::for_label(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn one_sequence_that_the_charset_lacks_refuses_the_text() {
        assert_eq!(text("gbk", b"a\xb2\xe8b").as_deref(), Some("a\u{8336}b"));
        assert_eq!(text("gbk", b"a\xb2"), None);
        assert_eq!(text("gbk", b"\xff"), None);
        assert_eq!(text("us-ascii", b"\xa0"), None);
        assert_eq!(text("iso-8859-1", b"caf\xe9").as_deref(), Some("caf\u{e9}"));
        assert_eq!(text("iso-8859-1", b"\x80"), None);
        assert_eq!(text("iso-8859-15", b"\x85"), None);
        assert_eq!(text("windows-1252", b"\x80").as_deref(), Some("\u{20ac}"));
        // No character, and yet the Encoding Standard's table has U+0081.
        assert_eq!(text("windows-1252", b"\x81"), None);
        assert_eq!(text("shift_jis", b"\x80"), None);
        assert_eq!(text("gb18030", b"\x81\x30\x81\x30"), None);
        // No byte order mark is looked for.
        assert_eq!(text("iso-8859-1", b"\xef\xbb\xbfa").as_deref(), Some("\u{ef}\u{bb}\u{bf}a"));
    }
}
