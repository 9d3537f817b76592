//! Output to people.

use std::borrow::Cow;

use crate::config::is_bidirectional;

/// Writes a line to standard output. A reader that went away (`qfpay-sidecar check | head -1`) is no reason to fail:
/// `println!` would panic.
macro_rules! outln {
    () => { outln!("") };
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::cli::output::in_its_order(&format!($($text)*)));
    }};
}

/// The same to standard error.
macro_rules! errln {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", $crate::cli::output::in_its_order(&format!($($text)*)));
    }};
}

/// A text with bidirectional marks written out, such as `\u{202e}`: a value that was sent could otherwise make a
/// terminal show an amount or a host backwards.
pub(super) fn in_its_order(text: &str) -> Cow<'_, str> {
    match text.contains(is_bidirectional) {
        false => text.into(),
        true => {
            let written =
                |c: char| if is_bidirectional(c) { c.escape_unicode().to_string() } else { c.to_string() };
            text.chars().map(written).collect::<String>().into()
        }
    }
}
