//! `Accept` with its weights (RFC 9110 section 12.5.1).

use hyper::http::HeaderMap;
use hyper::http::header::ACCEPT;

/// Whether JSON is asked for by name, and HTML is not wanted more.
pub fn prefers_json(headers: &HeaderMap) -> bool {
    let ranges = Ranges::of(headers);
    // The most specific range counts.
    let html = ["text/html", "text/*", "*/*"].iter().find_map(|name| ranges.weight(name)).unwrap_or(0.0);
    ranges.weight("application/json").is_some_and(|json| json > 0.0 && json >= html)
}

/// Whether HTML is asked for by name, as browsers do, and JSON is not preferred.
pub fn prefers_html(headers: &HeaderMap) -> bool {
    Ranges::of(headers).weight("text/html").is_some_and(|html| html > 0.0) && !prefers_json(headers)
}

/// Media ranges and their weights.
struct Ranges<'h>(Vec<(&'h str, f32)>);

impl<'h> Ranges<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
        Self(accepts.flat_map(|accept| accept.split(',')).map(range).collect())
    }

    fn weight(&self, name: &str) -> Option<f32> {
        self.0.iter().find(|(range, _)| range.eq_ignore_ascii_case(name)).map(|(_, weight)| *weight)
    }
}

/// A media range and its weight; one that cannot be read weighs 1, as none does.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().ok())?
    });
    (name, weight.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavier_one_is_preferred() {
        for (accept, json) in [
            ("application/json", true),
            ("application/json, text/plain, */*", true), // axios
            ("application/json, text/javascript, */*; q=0.01", true), // jQuery
            ("text/html, application/json", true),
            ("APPLICATION/JSON;charset=utf-8", true),
            ("text/html;q=0.4, application/json;q=.5", true),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false), // browsers
            ("text/html, application/json;q=0.9", false),
            ("application/json;q=0", false),
            ("application/json; q=0.5, */*", false),
            ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", false), // Java
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(prefers_json(&headers), json, "{accept}");
            assert_eq!(prefers_html(&headers), !json && accept.contains("text/html"), "{accept}");
        }
    }
}
