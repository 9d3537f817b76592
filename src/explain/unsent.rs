//! Parameters that were hashed but never sent: an absent value printed as text, where the HTTP library then left it out.

use super::search::Search;
use super::{Fault, Pair, joined};

/// What languages print for no value: PHP and JavaScript's join, Python, Java and JSON, JavaScript.
const NOTHING: [&str; 4] = ["", "None", "null", "undefined"];

/// Optional parameters of QFPay's calls and pages (protocol sheet, sections 3.1 and 3.9).
const OPTIONAL: [&str; 29] = [
    "mchid",
    "goods_name",
    "goods_info",
    "notify_url",
    "return_url",
    "failed_url",
    "cancel_url",
    "auth_code",
    "sub_openid",
    "openid",
    "expired_time",
    "udid",
    "limit_pay",
    "extend_info",
    "pay_tag",
    "rmb_tag",
    "txzone",
    "syssn",
    "out_trade_no",
    "pay_type",
    "respcd",
    "start_time",
    "end_time",
    "page",
    "page_size",
    "lang",
    "code",
    "note",
    "seller_id",
];

/// Two at once are only tried with texts up to this many bytes: there are 1,600 pairs.
const LONGEST_FOR_TWO: usize = 2048;

/// Tries one such parameter, then two, then every empty value as one of these words.
pub(super) fn try_all(search: &mut Search<'_>, sorted: &[Pair], empties: &[Pair]) {
    let sent = |name: &str| sorted.iter().chain(empties).any(|pair| pair.name == name);
    let unsent: Vec<&str> = OPTIONAL.into_iter().filter(|name| !sent(name)).collect();
    for word in NOTHING {
        for name in &unsent {
            try_these(search, sorted, &[name], word);
        }
    }
    for word in &NOTHING[1..] {
        search.text(Fault::EmptiesAs(word), || {
            let all = joined::with(sorted, empties);
            joined::join(&all, |pair| if pair.value.is_empty() { (*word).into() } else { pair.value.clone() })
        });
    }
    if search.right.len() > LONGEST_FOR_TWO {
        return;
    }
    for word in NOTHING {
        for (at, one) in unsent.iter().enumerate() {
            for other in &unsent[at + 1..] {
                try_these(search, sorted, &[one, other], word);
            }
        }
    }
}

fn try_these(search: &mut Search<'_>, sorted: &[Pair], names: &[&str], word: &'static str) {
    search.text(Fault::Unsent { names: names.join(" and "), word }, || {
        let more: Vec<Pair> = names
            .iter()
            .map(|name| Pair { name: (*name).to_owned(), value: word.to_owned(), wire: None })
            .collect();
        joined::join(&joined::with(sorted, &more), |pair| pair.value.clone())
    });
}
