//! Parameters that were written otherwise before they were hashed: as JSON, without names, for HTML, with decimals.

use super::json::Json;
use super::search::Search;
use super::{Fault, Pair, Style, joined};

/// Tries every way of writing. `as_sent` are the parameters in the order sent, without and with empty ones.
pub(super) fn try_all(search: &mut Search<'_>, as_sent: &[&[Pair]; 2], sorted: &[Pair]) {
    as_sent.iter().for_each(|pairs| json(search, pairs));
    for between in ["", "&", ","] {
        for pairs in [sorted, as_sent[0]] {
            search.text(Fault::ValuesOnly, || {
                pairs.iter().map(|pair| pair.value.as_str()).collect::<Vec<_>>().join(between)
            });
        }
    }
    escapes(search, sorted);
    decimals(search, sorted);
}

fn json(search: &mut Search<'_>, pairs: &[Pair]) {
    for numbers in [false, true] {
        let value = |pair: &Pair| match numbers && is_whole(&pair.value) {
            true => Json::Other(pair.value.clone()),
            false => Json::Text(pair.value.clone()),
        };
        let object = Json::Object(pairs.iter().map(|pair| (pair.name.clone(), value(pair))).collect());
        for style in Style::all() {
            search.text(Fault::AsJson, || object.write(style));
        }
    }
}

fn escapes(search: &mut Search<'_>, sorted: &[Pair]) {
    // PHP's htmlspecialchars, with and without quotes, and Python's html.escape.
    for apostrophe in ["'", "&#039;", "&#39;", "&#x27;"] {
        for quote in ["&quot;", "\""] {
            let html = |text: &str| {
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                text.replace('"', quote).replace('\'', apostrophe)
            };
            search.text(Fault::ForHtml, || html(&joined::join(sorted, |pair| pair.value.clone())));
            search.text(Fault::ForHtml, || joined::join(sorted, |pair| html(&pair.value)));
        }
    }
    search.text(Fault::SlashesEscaped, || joined::join(sorted, |pair| pair.value.replace('/', "\\/")));
}

/// `1000.0` for `1000`: one value, as a rule the amount, or every whole number.
fn decimals(search: &mut Search<'_>, sorted: &[Pair]) {
    for decimals in [".0", ".00"] {
        for one in sorted.iter().filter(|pair| is_whole(&pair.value)) {
            let longer = |pair: &Pair| match pair.name == one.name {
                true => format!("{}{decimals}", pair.value),
                false => pair.value.clone(),
            };
            search.text(Fault::Decimals { of: one.name.clone(), decimals }, || joined::join(sorted, longer));
        }
        let every = |pair: &Pair| match is_whole(&pair.value) {
            true => format!("{}{decimals}", pair.value),
            false => pair.value.clone(),
        };
        let of = "every whole number".to_owned();
        search.text(Fault::Decimals { of, decimals }, || joined::join(sorted, every));
    }
}

/// Whether a library that guesses types would take the text for a whole number.
fn is_whole(text: &str) -> bool {
    let digits = !text.is_empty() && text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}
