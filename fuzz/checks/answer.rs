//! Answers of QFPay's beside serde_json's own reading of them.

use hyper::StatusCode;
use qfpay_sidecar::api::answer_checks::{Asked, Verdict};
use qfpay_sidecar::endpoint;
use qfpay_sidecar::sign::Params;
use serde_json::Value;

/// The number that the call names.
const OWN: &str = "A-1";

/// The input is the body.
pub fn check(input: &[u8]) {
    let mut params = Params::new();
    params.push(b"out_trade_no", OWN.as_bytes()).unwrap();
    let asked = |path| Asked::of(endpoint::find(path).unwrap(), &params);
    let payment = asked("/trade/v1/payment");
    for status in [StatusCode::OK, StatusCode::BAD_GATEWAY] {
        let judged = payment.judge(status, input);
        assert_eq!(judged.respcd.is_none(), matches!(judged.verdict, Verdict::Unclear(_)), "{status}");
    }
    assert!(matches!(payment.judge(StatusCode::FOUND, input).verdict, Verdict::Unclear(_)));
    assert!(!matches!(asked("/trade/v1/query").judge(StatusCode::OK, input).verdict, Verdict::Unclear(_)));

    let judged = payment.judge(StatusCode::OK, input);
    if let Some(respcd) = &judged.respcd {
        assert!(!respcd.is_empty() && respcd.bytes().all(|b| b.is_ascii_digit()), "{respcd:?}");
    }
    // What is valid JSON says the same to others. serde_json keeps the last of a repeated name, and not every digit of a
    // long number: then it is no judge.
    let Ok(Value::Object(answer)) = serde_json::from_slice(input) else { return };
    let has_long_number = input.windows(19).any(|digits| digits.iter().all(u8::is_ascii_digit));
    if has_long_number || has_repeats(input, answer.len()) {
        return;
    }
    let respcd =
        answer.get("respcd").and_then(scalar).filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(judged.respcd, respcd.as_deref().map(Into::into));
    if respcd.is_none() || answer.contains_key("data") {
        return;
    }
    let named = |name| answer.get(name).into_iter().flat_map(scalars);
    let numbers: Vec<_> = named("out_trade_no").collect();
    let own =
        numbers.iter().cloned().chain(named("syssn")).chain(named("orig_syssn")).any(|number| number == OWN);
    let expected = match (own, numbers.is_empty()) {
        (true, _) => Verdict::Clear,
        (false, false) => Verdict::OrderMismatch,
        (false, true) => Verdict::Unnamed,
    };
    assert_eq!(judged.verdict, expected);
}

/// A text, or a number that is written in digits.
fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => {
            Some(number.to_string()).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?
        }
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn scalars(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect(),
    }
}

/// Whether an object has more members than serde_json kept.
fn has_repeats(input: &[u8], kept: usize) -> bool {
    let members = serde_json::from_slice::<super::json::Members>(input);
    members.is_ok_and(|members| members.0.len() != kept)
}
