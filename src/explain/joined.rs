//! Pairs put together as `name=value` with `&`, as most implementers do it, right or wrong.

use super::Pair;

/// The pairs and some more, sorted by name.
pub(super) fn with(sorted: &[Pair], more: &[Pair]) -> Vec<Pair> {
    let mut all = [sorted, more].concat();
    all.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    all
}

/// The text, with each value as `value` makes it.
pub(super) fn join(pairs: &[Pair], value: impl Fn(&Pair) -> String) -> String {
    let joined: Vec<String> = pairs.iter().map(|pair| format!("{}={}", pair.name, value(pair))).collect();
    joined.join("&")
}
