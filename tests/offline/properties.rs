//! Properties of the signing core and the decoders, for arbitrary input.

use bytes::Bytes;
use hyper::http::HeaderMap;
use hyper::http::header::CONTENT_TYPE;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use qfpay_sidecar::decode::{Charset, DecodeError, Decoded, decode};
use qfpay_sidecar::sign::{Canonical, Params};

fn run(content_type: Option<&str>, query: Option<&str>, body: &[u8]) -> Result<Decoded, DecodeError> {
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(decode(false, query, &headers, Bytes::copy_from_slice(body), Charset::UTF_8))
}

fn params(pairs: &[(String, String)]) -> Params {
    let mut params = Params::new();
    for (name, value) in pairs {
        params.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    params
}

/// Names by QFPay's grammar but for the two that are left out, with values of any Unicode.
fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    btree_map("[A-Za-z0-9_.-]{1,64}", any::<String>(), 0..12)
        .prop_map(|map| map.into_iter().filter(|(name, _)| name != "sign" && name != "sign_type").collect())
}

proptest! {
    #[test]
    fn the_order_of_input_does_not_matter(
        (sorted, shuffled) in pairs().prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle()))
    ) {
        let (first, second) = (params(&sorted), params(&shuffled));
        prop_assert!(Canonical::of(&first) == Canonical::of(&second));
        prop_assert_eq!(first.to_form(), second.to_form());
    }

    #[test]
    fn a_form_decodes_to_what_was_encoded(pairs in pairs()) {
        let params = params(&pairs);
        let form = params.to_form();
        prop_assert!(run(None, None, form.as_bytes()).unwrap().params == params);
        prop_assert!(run(None, Some(&form), b"").unwrap().params == params);
    }

    #[test]
    fn a_form_is_written_as_the_library_writes_it(pairs in pairs()) {
        let params = params(&pairs);
        let sorted: Vec<_> = params.iter().collect();
        prop_assert_eq!(params.to_form(), serde_urlencoded::to_string(sorted).unwrap());
    }

    #[test]
    fn json_decodes_to_what_was_encoded(pairs in pairs()) {
        let map: serde_json::Map<_, _> = pairs.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
        let json = serde_json::Value::Object(map).to_string();
        prop_assert!(run(Some("application/json"), None, json.as_bytes()).unwrap().params == params(&pairs));
    }

    #[test]
    fn multipart_decodes_to_what_was_encoded(pairs in pairs().prop_filter("one part", |pairs| !pairs.is_empty())) {
        let mut body = String::new();
        for (name, value) in &pairs {
            body += &format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        body += "--b0undary--\r\n";
        prop_assume!(!pairs.iter().any(|(_, value)| value.contains("--b0undary")));
        let decoded = run(Some("multipart/form-data; boundary=b0undary"), None, body.as_bytes()).unwrap();
        prop_assert!(decoded.params == params(&pairs));
    }

    #[test]
    fn parsing_never_panics(
        content_type in proptest::sample::select(vec![
            "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x",
            "multipart/form-data; boundary=\"\"", "text/plain", "; charset=", "multipart/form-data; boundary=",
        ]),
        body in prop_oneof![
            vec(any::<u8>(), 0..400),
            "[{}\"a-c:,0-9\\\\u]{0,60}".prop_map(String::into_bytes),
            "(--x\r\n|Content-Disposition: form-data; name=\"a\"\r\n|\r\n|v|--x--){0,12}".prop_map(String::into_bytes),
            "[a-c%=&+0-9 ]{0,60}".prop_map(String::into_bytes),
        ],
        query in proptest::option::of("[a-c%=&+0-9 \u{e9}]{0,40}"),
    ) {
        // Whatever comes out, a decoded call has a canonical string without the caller's own signature.
        if let Ok(decoded) = run(Some(content_type), query.as_deref(), &body) {
            prop_assert!(decoded.params.get("sign").is_none());
            prop_assert!(decoded.params.get("sign_type").is_none());
        }
    }
}
