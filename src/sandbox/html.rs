//! Templates and escaping.

use bytes::Bytes;

/// Text that is HTML already. Only [`render`] and [`Html::joined`] make it, so nothing gets in unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl From<Html> for Bytes {
    fn from(html: Html) -> Self {
        html.0.into()
    }
}

impl Html {
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        Self(parts.into_iter().map(|part| part.0).collect())
    }
}

/// What a placeholder is replaced by.
pub(super) enum Fill<'a> {
    /// Escaped.
    Text(&'a str),
    /// As it is.
    Html(Html),
}

/// Replaces `{{name}}` once, from left to right; what was put in is not looked at again.
pub(super) fn render(template: &'static str, fills: &[(&str, Fill<'_>)]) -> Html {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        out.push_str(before);
        match fills.iter().find(|(known, _)| *known == name) {
            Some((_, Fill::Text(text))) => escape(text, &mut out),
            Some((_, Fill::Html(html))) => out.push_str(&html.0),
            None => {}
        }
        rest = after;
    }
    out.push_str(rest);
    Html(out)
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

/// An amount as people read it: QFPay's minor units are hundredths, but the yen has none.
pub(super) fn amount(txamt: u64, txcurrcd: &str) -> String {
    match txcurrcd {
        "JPY" => format!("JPY {txamt}"),
        _ => format!("{txcurrcd} {}.{:02}", txamt / 100, txamt % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_escaped_and_not_expanded() {
        let html =
            render("<p>{{a}}{{b}}{{none}}</p>", &[("a", Fill::Text("<\"'&>{{b}}")), ("b", Fill::Text("B"))]);
        assert_eq!(html.0, "<p>&lt;&quot;&#39;&amp;&gt;{{b}}B</p>");
    }

    #[test]
    fn amounts_have_their_decimals() {
        assert_eq!(amount(100_005, "HKD"), "HKD 1000.05");
        assert_eq!(amount(100, "JPY"), "JPY 100");
    }
}
