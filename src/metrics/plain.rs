//! The same metrics in Prometheus's older text format, which `promtool check metrics`, `curl` and people read.

/// Rewrites OpenMetrics text as text format 0.0.4: there a counter's own lines carry `_total` as its samples do, and neither
/// units nor an end are written.
pub(super) fn from_openmetrics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            push(&mut plain, &[line]);
            continue;
        };
        match *comment.splitn(3, ' ').collect::<Vec<_>>() {
            // Its name depends on the type, which comes after it.
            ["HELP", _, words] => help = Some(words),
            ["TYPE", name, kind] => {
                let total = if kind == "counter" { "_total" } else { "" };
                if let Some(words) = help.take() {
                    push(&mut plain, &["# HELP ", name, total, " ", words]);
                }
                push(&mut plain, &["# TYPE ", name, total, " ", kind]);
            }
            _ => {}
        }
    }
    plain
}

fn push(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
    text.push('\n');
}

/// Whether an `Accept` asks for OpenMetrics rather than for plain text, as Prometheus's own does.
pub(super) fn prefers_openmetrics(accept: &str) -> bool {
    let weight = |kind: &str| accept.split(',').filter_map(|range| weight(range, kind)).fold(0.0, f32::max);
    let openmetrics = weight("application/openmetrics-text");
    openmetrics > 0.0 && openmetrics >= weight("text/plain")
}

/// The weight of a range of `Accept`, if it is for this kind.
fn weight(range: &str, kind: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(kind) {
        return None;
    }
    let given = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    given.map_or(Some(1.0), |weight| weight.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::prefers_openmetrics;

    #[test]
    fn openmetrics_is_for_who_asks_for_it() {
        // What Prometheus 2.42 sends, and its protocols in other orders.
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for accept in [
            prometheus,
            "application/openmetrics-text",
            "text/plain;q=0.2, application/openmetrics-text; q=0.3",
        ] {
            assert!(prefers_openmetrics(accept), "{accept}");
        }
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let refused = "application/openmetrics-text;q=0";
        let less = "application/openmetrics-text;q=0.4,text/plain;q=0.5";
        for accept in ["", "*/*", "text/plain", browser, refused, less, "application/openmetrics-text;q=high"]
        {
            assert!(!prefers_openmetrics(accept), "{accept}");
        }
    }
}
