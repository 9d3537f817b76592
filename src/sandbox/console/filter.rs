//! What of the sandbox's memory is asked for: a text, a merchant, an app, a state.

use super::super::State;
use super::super::html::{Fill, Html, render};
use super::super::orders::Order;
use super::super::received::Received;
use super::super::request::{pairs, value};

/// Stands for orders and requests without an `mchid`.
const NONE: &str = "-";

/// What is asked for; an empty field takes all.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub text: String,
    pub mchid: String,
    pub app: String,
    pub state: String,
}

impl Filter {
    /// Reads a query; what is none asks for all.
    pub(super) fn of(query: &str) -> Self {
        let read = pairs(query.trim_start_matches('?').as_bytes()).unwrap_or_default();
        let field = |name| value(&read, name).unwrap_or_default().trim().to_owned();
        Self { text: field("q"), mchid: field("mchid"), app: field("app"), state: field("state") }
    }

    /// The query that asks for this, with its `?`; nothing if it asks for all.
    pub(super) fn query(&self) -> String {
        let fields = [("q", &self.text), ("mchid", &self.mchid), ("app", &self.app), ("state", &self.state)];
        let encoded = |text: &str| -> String {
            let one = |byte: u8| match byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            };
            text.bytes().map(one).collect()
        };
        let given = fields.iter().filter(|(_, value)| !value.is_empty());
        let parts: Vec<String> = given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    fn takes_merchant(&self, mchid: Option<&str>) -> bool {
        self.mchid.is_empty() || mchid.unwrap_or(NONE) == self.mchid
    }

    /// Whether an order is asked for.
    pub(super) fn takes(&self, order: &Order) -> bool {
        let request = &order.request;
        let mut texts = [&request.out_trade_no, &order.syssn]
            .into_iter()
            .chain(&order.origssn)
            .chain(&request.goods_name);
        self.takes_merchant(request.mchid.as_deref())
            && (self.app.is_empty() || order.app.name == self.app)
            && (self.state.is_empty() || order.state() == self.state)
            && (self.text.is_empty() || texts.any(|text| text.contains(&self.text)))
    }

    /// The requests that are asked for, the newest first. A text or a state asks for those, too, that name such an order.
    pub(super) fn requests<'s>(&self, state: &'s State) -> Vec<&'s Received> {
        let by_order = !(self.text.is_empty() && self.state.is_empty());
        let such: Vec<&Order> = state.orders.listed().filter(|order| by_order && self.takes(order)).collect();
        let taken = |received: &&Received| {
            let named = &received.named;
            let of_such = such.iter().any(|order| named.names(&order.request.out_trade_no, &order.syssn));
            let mut texts =
                [&received.target].into_iter().chain(&received.canonical).chain(&named.out_trade_no);
            self.takes_merchant(named.mchid.as_deref())
                && (self.app.is_empty() || received.app.as_deref() == Some(self.app.as_str()))
                && (self.state.is_empty() || of_such)
                && (self.text.is_empty() || of_such || texts.any(|text| text.contains(&self.text)))
        };
        state.received.newest_first().filter(taken).collect()
    }
}

/// The choices of a field, with the chosen one kept even if nothing has it any more.
pub(super) fn options(chosen: &str, known: impl IntoIterator<Item = String>) -> Html {
    let mut values: Vec<String> = known.into_iter().collect();
    values.sort();
    values.dedup();
    if !chosen.is_empty() && !values.iter().any(|value| value == chosen) {
        values.push(chosen.to_owned());
    }
    let all = [String::new()].into_iter().chain(values);
    Html::joined(all.map(|value| {
        let label = match value.as_str() {
            "" => "all",
            NONE => "(none)",
            other => other,
        };
        let selected = if value == chosen { render(" selected", &[]) } else { Html::default() };
        let fills =
            [("value", Fill::Text(&value)), ("label", Fill::Text(label)), ("selected", Fill::Html(selected))];
        render(include_str!("../pages/console/option.html"), &fills)
    }))
}

/// The `mchid` of an order as the field names it.
pub(super) fn merchant_of(order: &Order) -> String {
    order.request.mchid.clone().unwrap_or_else(|| NONE.to_owned())
}
