//! The styles in which libraries write JSON.

use std::fmt;

use super::json::Json;

/// How a library writes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// `", "` and `": "`, as Python does; otherwise no spaces.
    pub spaced: bool,
    /// Everything but ASCII as `\uXXXX`; otherwise raw UTF-8. None where it makes no difference.
    pub ascii: Option<bool>,
    /// `\/` for `/`, as PHP does. None where it makes no difference.
    pub slashes: Option<bool>,
    /// Members sorted by name.
    pub sorted: bool,
}

impl Style {
    /// Every style, those of well-known libraries first: JavaScript and Java, Python, PHP.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..16).map(|n: u8| Self {
            spaced: n & 1 != 0,
            ascii: Some(n & 2 != 0),
            slashes: Some(n & 4 != 0),
            sorted: n & 8 != 0,
        })
    }

    /// Without what makes no difference to this text.
    pub(super) fn told_of(self, json: &Json) -> Self {
        let flipped = |is: Option<bool>| is.map(|is| !is);
        let written = json.write(self);
        let ascii = self.ascii.filter(|_| json.write(Self { ascii: flipped(self.ascii), ..self }) != written);
        let slashes =
            self.slashes.filter(|_| json.write(Self { slashes: flipped(self.slashes), ..self }) != written);
        Self { ascii, slashes, ..self }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.spaced { "with a space after , and :" } else { "compact" })?;
        f.write_str(match self.ascii {
            None => "",
            Some(true) => ", \\u escapes",
            Some(false) => ", raw UTF-8",
        })?;
        f.write_str(match self.slashes {
            None => "",
            Some(true) => ", slashes escaped",
            Some(false) => ", slashes not escaped",
        })?;
        f.write_str(if self.sorted { ", members sorted" } else { "" })
    }
}
