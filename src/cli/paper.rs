//! Output for people at a terminal: colour, and lines that wrap below their own text. Elsewhere it is plain lines.

use std::io::{IsTerminal, stdout};

/// The columns of a label and of the space before it.
const INDENT: usize = 2;

/// Where a long text may go on in the next row: after these.
const BREAKS: [char; 5] = [' ', '&', ',', '?', ';'];

/// How standard output looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper {
    /// The columns of the terminal; nothing where lines do not wrap.
    columns: Option<usize>,
    colours: bool,
}

/// What a label or a title looks like in colour.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ink {
    Title,
    Label,
    Good,
    Bad,
}

impl Paper {
    /// Looks at standard output, and heeds `NO_COLOR` (no-color.org) and `TERM=dumb`.
    pub(super) fn of_stdout() -> Self {
        if !stdout().is_terminal() {
            return Self { columns: None, colours: false };
        }
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = rustix::termios::tcgetwinsize(stdout()).ok();
        let columns = size.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0);
        Self { columns, colours: !is_set("NO_COLOR") && !is_dumb }
    }

    /// A text in colour.
    pub(super) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Title => "1",
            Ink::Label => "2",
            Ink::Good => "32",
            Ink::Bad => "31",
        };
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A line of a label, `width` columns wide, and a text, which goes on below itself where it is too long.
    pub(super) fn line(&self, ink: Ink, label: &str, width: usize, text: &str) -> String {
        let blank = " ".repeat(width.saturating_sub(label.len()));
        let margin = INDENT + width;
        // A narrow terminal wraps better by itself.
        let room = self.columns.and_then(|columns| columns.checked_sub(margin)).filter(|&room| room >= 20);
        let rows = room.map_or_else(|| vec![text], |room| wrap(text, room));
        let rows = rows.join(&format!("\n{}", " ".repeat(margin)));
        format!("{}{}{blank}{rows}", " ".repeat(INDENT), self.ink(ink, label))
    }
}

/// Cuts a text into rows of so many columns.
fn wrap(text: &str, room: usize) -> Vec<&str> {
    let mut rows = Vec::new();
    let mut rest = text;
    loop {
        let (mut used, mut cut, mut fits) = (0, None, None);
        for (at, char) in rest.char_indices() {
            used += columns(char);
            if used > room {
                fits = Some(at);
                break;
            }
            if BREAKS.contains(&char) {
                cut = Some(at + char.len_utf8());
            }
        }
        let Some(fits) = fits else {
            rows.push(rest);
            return rows;
        };
        let (row, next) = rest.split_at(cut.unwrap_or(fits));
        rows.push(row.trim_end());
        rest = next.trim_start_matches(' ');
    }
}

/// Chinese characters and full-width signs take two columns.
fn columns(char: char) -> usize {
    match char {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// JSON with its `\uXXXX` as the characters that they stand for, for people; no control character and no quote is made.
pub(super) fn readable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut units = Vec::new();
        let mut after = rest;
        while let Some(unit) = escaped(after) {
            units.push(unit);
            after = &after[6..];
        }
        let plain: Option<String> = char::decode_utf16(units.iter().copied()).collect::<Result<_, _>>().ok();
        let is_plain = |text: &String| {
            !text.is_empty() && !text.contains(|c: char| c.is_control() || "\"\\".contains(c))
        };
        match plain.filter(is_plain) {
            Some(text) => {
                out.push_str(&text);
                rest = after;
            }
            // Another escape, or one that says more as it is: it is two characters at least, of which the second may be '\'.
            None => {
                let end = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    out + rest
}

/// The code unit of a `\uXXXX` at the beginning.
fn escaped(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_readable_and_nothing_else_changes() {
        for (json, shown) in [
            (r#"{"resperr": "\u4ea4\u6613\u6210\u529f"}"#, r#"{"resperr": "交易成功"}"#),
            (r#""\ud83c\udf75 tea""#, "\"\u{1f375} tea\""),
            (r#""a\\u4ea4""#, r#""a\\u4ea4""#),
            (r#""\u0022\u001b\n\ud83c""#, r#""\u0022\u001b\n\ud83c""#),
            (r#""\u12\"#, r#""\u12\"#),
            ("茶", "茶"),
        ] {
            assert_eq!(readable(json), shown);
        }
    }

    #[test]
    fn rows_break_where_a_reader_would() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("a=1&b=2&c=3", 8), ["a=1&b=2&", "c=3"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("奶茶奶茶", 4), ["奶茶", "奶茶"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_line_without_a_terminal_is_one_line() {
        let paper = Paper { columns: None, colours: false };
        assert_eq!(
            paper.line(Ink::Label, "came in", 11, &"x".repeat(300)),
            format!("  came in    {}", "x".repeat(300))
        );
        let paper = Paper { columns: Some(40), colours: true };
        let line = paper.line(Ink::Label, "came in", 11, &"x".repeat(30));
        assert_eq!(line, format!("  \x1b[2mcame in\x1b[0m    {}\n             xxx", "x".repeat(27)));
    }
}
