//! What receivers are known to hash in place of the raw body of a notification or an answer.

use super::json::Json;
use super::search::Search;
use super::{Fault, Style, charset};

/// Tries every variant.
pub(super) fn try_all(search: &mut Search<'_>, body: &[u8]) {
    search.text(Fault::NothingButTheKey, Vec::new);
    line_ends(search, body);
    if let Some(rest) = body.strip_prefix(b"\xEF\xBB\xBF") {
        search.text(Fault::ByteOrderMarkRemoved, || rest);
    }
    charset::try_all(search);
    // A text that lies about its character set still has its JSON.
    let text = String::from_utf8_lossy(body);
    let Some(json) = Json::read(text.trim_start_matches('\u{FEFF}')) else { return };
    for style in Style::all() {
        search.text(Fault::Rewritten(style), || json.write(style));
    }
    for fields in [Some(&json), json.member("data")].into_iter().flatten() {
        for empties in [true, false] {
            if let Some(joined) = fields.sorted_fields(empties) {
                search.text(Fault::SortedFields, || joined);
            }
        }
    }
    for style in Style::all() {
        search.text(Fault::Rewritten(style), || json.write(style) + "\n");
    }
    if let Some((Fault::Rewritten(style), _)) = &mut search.found {
        *style = style.told_of(&json);
    }
}

fn line_ends(search: &mut Search<'_>, body: &[u8]) {
    for end in ["\n", "\r\n"] {
        search.text(Fault::LineEndAdded, || [body, end.as_bytes()].concat());
    }
    search.text(Fault::LineEndRemoved, || body.strip_suffix(b"\n").unwrap_or(body));
    search.text(Fault::LineEndRemoved, || body.strip_suffix(b"\r\n").unwrap_or(body));
    search.text(Fault::LineEndRemoved, || body.trim_ascii_end());
    search.text(Fault::LineEndRemoved, || body.trim_ascii());
    let unix = || replaced(body, b"\r\n", b"\n");
    search.text(Fault::LineEndsChanged("LF"), unix);
    search.text(Fault::LineEndsChanged("CRLF"), || replaced(&unix(), b"\n", b"\r\n"));
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.extend_from_slice(to);
                rest = after;
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}
