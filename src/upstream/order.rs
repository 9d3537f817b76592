//! Whose answer it is, as far as it says so.
//!
//! HTTP/1.1 has no mark that ties an answer to its request: after one answer too many on a kept connection, each call would
//! get the answer of the call before it. QFPay's answers to payments may name the order; one that names another is nobody's.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Answer {
    out_trade_no: Option<Value>,
    /// QFPay's page on the format of answers has the fields one level down, its samples have not.
    data: Option<Value>,
}

/// Whether an answer names an order, and it is not this one. What cannot be read names none.
pub(super) fn is_another(out_trade_no: &str, body: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return false };
    let inner = answer.data.as_ref().and_then(|data| data.get("out_trade_no"));
    let named = [answer.out_trade_no.as_ref(), inner].into_iter().flatten().filter_map(Value::as_str);
    let mut named = named.filter(|name| !name.is_empty()).peekable();
    named.peek().is_some() && named.all(|name| name != out_trade_no)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_names_another_order_is_anothers() {
        for own in [
            r#"{"respcd": "0000", "out_trade_no": "A-1"}"#,
            r#"{"respcd": "0000", "data": {"out_trade_no": "A-1"}}"#,
            r#"{"respcd": "0000"}"#,
            r#"{"respcd": "0000", "out_trade_no": ""}"#,
            r#"{"respcd": "0000", "out_trade_no": null, "data": []}"#,
            r#"{"respcd": "0000", "out_trade_no": "A-1",}"#,
            "<html>",
            "",
        ] {
            assert!(!is_another("A-1", own.as_bytes()), "{own}");
        }
        for other in [r#"{"out_trade_no": "A-2"}"#, r#"{"data": {"out_trade_no": "a-1", "txamt": 1}}"#] {
            assert!(is_another("A-1", other.as_bytes()), "{other}");
        }
    }
}
