//! The texts that implementers are known to hash in place of the canonical string of a call.

use super::joined::{join, with};
use super::search::Search;
use super::{Fault, Pair, charset, unsent, written};
use crate::credentials::App;

/// What common libraries leave alone besides letters and digits, and how they write a space.
const ENCODINGS: [(&str, &str); 4] = [("-_.~", "%20"), ("-_.", "+"), ("-_.!~*'()", "%20"), ("-_.~/", "%20")];

/// Tries every text.
pub(super) fn try_all(search: &mut Search<'_>, sent: &[Pair], left_out: &[&str], app: &App) {
    let belongs = |pair: &&Pair| !left_out.contains(&pair.name.as_str());
    let as_sent: Vec<Pair> = sent.iter().filter(belongs).cloned().collect();
    let mut sorted = as_sent.clone();
    sorted.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    encodings(search, &sorted);
    orders(search, &as_sent, &sorted);
    values(search, &sorted);
    charset::try_all(search);
    members(search, &sorted, sent, left_out, app);
    search.text(Fault::NothingButTheKey, String::new);
    let unsigned = |pair: &&Pair| pair.name != "sign" && (belongs(pair) || pair.value.is_empty());
    let whole: Vec<Pair> = sent.iter().filter(unsigned).cloned().collect();
    written::try_all(search, &[&as_sent, &whole], &sorted);
    let empty = |pair: &&Pair| !belongs(pair) && pair.value.is_empty() && pair.name != "sign";
    let empties: Vec<Pair> = sent.iter().filter(empty).cloned().collect();
    unsent::try_all(search, &sorted, &empties);
}

fn encodings(search: &mut Search<'_>, sorted: &[Pair]) {
    for (unreserved, space) in ENCODINGS {
        let encode = |pair: &Pair| percent(&pair.value, unreserved, space);
        search.text(Fault::ValuesEncoded { space }, || join(sorted, encode));
        // QFPay's PHP samples encode every value but the date.
        let but_date = |pair: &Pair| if pair.name == "txdtm" { pair.value.clone() } else { encode(pair) };
        search.text(Fault::ValuesEncoded { space }, || join(sorted, but_date));
        for one in sorted {
            let only = |pair: &Pair| if pair.name == one.name { encode(pair) } else { pair.value.clone() };
            search.text(Fault::ValueEncoded(one.name.clone()), || join(sorted, only));
        }
    }
    if sorted.iter().all(|pair| pair.wire.is_some()) {
        search.text(Fault::WireHashed, || join(sorted, |pair| pair.wire.clone().unwrap_or_default()));
    }
}

fn orders(search: &mut Search<'_>, as_sent: &[Pair], sorted: &[Pair]) {
    search.text(Fault::Unsorted, || join(as_sent, value));
    search.text(Fault::SortedAsText, || {
        let mut lines: Vec<String> =
            sorted.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
        lines.sort();
        lines.join("&")
    });
    search.text(Fault::SortedWithoutCase, || {
        let mut caseless = sorted.to_vec();
        caseless.sort_by_key(|pair| pair.name.to_lowercase());
        join(&caseless, value)
    });
    search.text(Fault::Reversed, || join(&sorted.iter().rev().cloned().collect::<Vec<_>>(), value));
}

fn values(search: &mut Search<'_>, sorted: &[Pair]) {
    search.text(Fault::EmptiesDropped, || join(&but(sorted, |pair| pair.value.is_empty()), value));
    search.text(Fault::ZerosDropped, || {
        join(&but(sorted, |pair| matches!(pair.value.as_str(), "" | "0")), value)
    });
    search.text(Fault::Trimmed, || join(sorted, |pair| pair.value.trim().to_owned()));
    search.text(Fault::Trimmed, || join(sorted, value).trim().to_owned());
    search.text(Fault::Trimmed, || join(sorted, value).trim_end().to_owned());
    search.text(Fault::LastAmpersandTrimmed, || join(sorted, value).trim_end_matches('&').to_owned());
    search.text(Fault::ValuesInLowerCase, || join(sorted, |pair| pair.value.to_lowercase()));
    search.text(Fault::TextInLowerCase, || join(sorted, value).to_lowercase());
}

/// One parameter too few, or one too many.
fn members(search: &mut Search<'_>, sorted: &[Pair], sent: &[Pair], left_out: &[&str], app: &App) {
    for one in sorted {
        search.text(Fault::LeftOut(one.name.clone()), || {
            join(&but(sorted, |pair| pair.name == one.name), value)
        });
    }
    let unsigned: Vec<&Pair> = sent.iter().filter(|pair| left_out.contains(&pair.name.as_str())).collect();
    let empties = unsigned.iter().filter(|pair| pair.value.is_empty() && pair.name != "sign");
    let empties: Vec<Pair> = empties.map(|pair| (*pair).clone()).collect();
    search.text(Fault::EmptiesKept, || join(&with(sorted, &empties), value));
    for pair in unsigned.iter().filter(|pair| pair.name != "sign") {
        let one = std::slice::from_ref(*pair);
        search.text(Fault::Included(pair.name.clone()), || join(&with(sorted, one), value));
    }
    let code = app.app_code.as_str();
    let unsent =
        [("app_code", code), ("appcode", code), ("sign", ""), ("sign_type", "MD5"), ("sign_type", "SHA256")];
    let unsent = unsent.into_iter().chain(app.mchid.as_deref().map(|mchid| ("mchid", mchid)));
    for (name, text) in unsent.filter(|(name, _)| !sorted.iter().any(|pair| pair.name == *name)) {
        let pair = Pair { name: name.to_owned(), value: text.to_owned(), wire: None };
        search.text(Fault::Included(name.to_owned()), || join(&with(sorted, &[pair]), value));
    }
}

fn value(pair: &Pair) -> String {
    pair.value.clone()
}

fn but(pairs: &[Pair], dropped: impl Fn(&Pair) -> bool) -> Vec<Pair> {
    pairs.iter().filter(|pair| !dropped(pair)).cloned().collect()
}

/// Percent-encodes all but letters, digits, spaces and `unreserved`.
fn percent(text: &str, unreserved: &str, space: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b if b.is_ascii_alphanumeric() || unreserved.as_bytes().contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
