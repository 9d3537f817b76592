//! Any list of names and values: what is taken, how it is sorted, and that every way of writing it reads back.

use std::collections::BTreeMap;

use qfpay_sidecar::sign::{Canonical, EmptyPolicy, Params, VerifiedNotification};
use url::form_urlencoded;

use super::{canonical, decode_as, holds, is_for_people, is_legal, is_signature, pieces, same};

/// Names and values in turn, divided by 0xff.
pub fn check(input: &[u8]) {
    let mut pieces = pieces(input);
    let (mut params, mut expected) = (Params::new(), BTreeMap::new());
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        let new = is_signature(name) || !expected.contains_key(name);
        let legal = is_legal(name) && std::str::from_utf8(value).is_ok() && new;
        match params.push(name, value) {
            Ok(()) => assert!(legal, "taken, but not legal"),
            Err(error) => {
                assert!(!legal, "{error}");
                is_for_people(&error.to_string());
            }
        }
        if legal && !is_signature(name) {
            expected.insert(name, value);
        }
    }
    holds(&params);
    assert!(params.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).eq(expected), "the list is another");
    signs_as_it_reads(&params);
    round_trips(&params);
    empties(&params);
}

fn signs_as_it_reads(params: &Params) {
    let text = Canonical::of(params);
    assert!(text.as_str() == canonical(params.iter()));
    // Or the signature of a call would pass for that of a notification.
    assert!(!VerifiedNotification::may_be(text.as_str().as_bytes()));
    // Exactly where the text can be split in another way, a value is named as ambiguous.
    let split = text
        .as_str()
        .split('&')
        .filter(|part| part.split_once('=').is_some_and(|(n, _)| is_legal(n.as_bytes())));
    assert_eq!(split.count() > params.iter().count(), params.ambiguous().next().is_some());
}

fn round_trips(params: &Params) {
    let form = params.to_form();
    let as_read: Vec<_> = form_urlencoded::parse(form.as_bytes()).collect();
    assert!(as_read.iter().map(|(n, v)| (&**n, &**v)).eq(params.iter()), "the form is another list");
    same(&decode_as(None, form.as_bytes()).unwrap(), params);
    let object: serde_json::Map<_, _> = params.iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
    let json = serde_json::Value::Object(object).to_string();
    same(&decode_as(Some("application/json"), json.as_bytes()).unwrap(), params);
}

fn empties(params: &Params) {
    let empty = params.iter().filter(|(_, value)| value.is_empty()).count();
    let dropped = params.clone().apply(EmptyPolicy::Drop).unwrap();
    assert_eq!(dropped.iter().count() + empty, params.iter().count());
    assert!(dropped.iter().all(|(name, value)| !value.is_empty() && params.get(name) == Some(value)));
    assert!(params.clone().apply(EmptyPolicy::Keep).unwrap() == *params);
    assert_eq!(params.clone().apply(EmptyPolicy::Reject).is_err(), empty > 0);
}
