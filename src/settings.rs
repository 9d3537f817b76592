//! What the settings of a subsystem are made of. Each subsystem lists its own with `section!`; `config` reads them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// What a time in milliseconds may be, unless there is a reason for other bounds: up to ten minutes.
pub const TIME: RangeInclusive<u64> = 1..=600_000;

/// Reads single settings by their full key. What is wrong is recorded with its place, and the answer is `None`, so that
/// one run finds every problem.
pub trait Reader: Sized {
    /// Text as written.
    fn text(&mut self, key: &str) -> Option<String>;

    /// Text that means something to `parse`; its error says what is wrong with it.
    fn parsed<T, E: Display>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T>;

    /// Like [`Reader::parsed`]; empty text means "none".
    fn optional<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        self.parsed(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// One of a few words, to the letter.
    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T>;

    /// `true` or `false`.
    fn flag(&mut self, key: &str) -> Option<bool>;

    /// A whole number of `unit`s within `range`.
    fn number<N: TryFrom<u64>>(&mut self, key: &str, unit: &str, range: RangeInclusive<u64>) -> Option<N>;

    /// A time in milliseconds.
    fn milliseconds(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<Duration> {
        self.number(key, "milliseconds", range).map(Duration::from_millis)
    }

    /// A list of texts that means something to `parse`; its error names the entry at fault, if it is a single one.
    fn list<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(Vec<String>) -> Result<T, (Option<String>, E)>,
    ) -> Option<T>;

    /// Settings that belong together and are read by a function of their own.
    fn section<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        read(self)
    }

    /// The name of a file with certificate authorities, which was read and holds a certificate; empty means "none".
    fn ca_file(&mut self, key: &str) -> Option<Option<PathBuf>>;
}

/// A struct of settings, and its reader: each field names the method of [`Reader`] that reads it, with the key and what the
/// method needs beside it.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* pub $field:ident: $type:ty = $method:ident($($argument:expr),* $(,)?),)*
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $name {
            /// Reads every setting before it ends with `None` because of a problem.
            pub fn read(from: &mut impl $crate::settings::Reader) -> Option<Self> {
                $(let $field = from.$method($($argument),*);)*
                Some(Self { $($field: $field?,)* })
            }
        }
    };
}

pub(crate) use section;
