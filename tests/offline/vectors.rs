//! Every signature vector that was made outside this project, asserted at each stage of the pipeline.
//!
//! Three were printed by QFPay in its own documents; the others were computed by Python and checked by Perl.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::http::HeaderMap;
use qfpay_sidecar::credentials::{ClientKey, HexCase, SignType};
use qfpay_sidecar::decode::{Charset, decode};
use qfpay_sidecar::sign::{Canonical, EmptyPolicy, Params, Signer};
use serde::Deserialize;
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct Vector {
    name: String,
    alg: String,
    hex_case: String,
    params: BTreeMap<String, String>,
    client_key: String,
    canonical: String,
    sign: String,
    empty_policy: Option<String>,
    form: Option<String>,
    body: Option<String>,
    #[serde(default)]
    wrong: BTreeMap<String, String>,
}

impl Vector {
    fn key(&self) -> ClientKey {
        ClientKey::new(Zeroizing::new(self.client_key.clone().into_bytes()), true).unwrap()
    }

    fn sign_type(&self) -> SignType {
        match self.alg.as_str() {
            "md5" | "md5-body" => SignType::Md5,
            "sha256" => SignType::Sha256,
            other => panic!("{}: unknown alg {other}", self.name),
        }
    }

    fn hex_case(&self) -> HexCase {
        match self.hex_case.as_str() {
            "upper" => HexCase::Upper,
            "lower" => HexCase::Lower,
            other => panic!("{}: unknown hex_case {other}", self.name),
        }
    }

    fn empty_policy(&self) -> EmptyPolicy {
        match self.empty_policy.as_deref() {
            Some("keep") => EmptyPolicy::Keep,
            Some("drop") | None => EmptyPolicy::Drop,
            Some(other) => panic!("{}: unknown empty_policy {other}", self.name),
        }
    }

    /// The parameters as the sidecar holds them once decoded. `sign_type` is signed in checkout URLs, where the
    /// sidecar sets it itself.
    fn params(&self) -> Params {
        let mut params = Params::new();
        for (name, value) in &self.params {
            match name.as_str() {
                "sign_type" => params.set("sign_type", value.clone()),
                "lang" if self.name == "checkout_sha256_lang_not_signed" => {}
                _ => params.push(name.as_bytes(), value.as_bytes()).unwrap(),
            }
        }
        params.apply(self.empty_policy()).unwrap()
    }

    /// What is hashed before the key: the canonical string of a call, the raw body of a notification or an answer.
    fn signed_bytes(&self) -> Vec<u8> {
        match &self.body {
            Some(body) => body.clone().into_bytes(),
            None => Canonical::of(&self.params()).as_str().as_bytes().to_vec(),
        }
    }
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../vectors/sign.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn there_are_vectors_of_every_kind() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 59);
    for alg in ["md5", "sha256", "md5-body"] {
        assert!(vectors.iter().filter(|v| v.alg == alg).count() >= 5, "{alg}");
    }
    assert_eq!(vectors.iter().filter(|v| v.name.starts_with("published_")).count(), 3);
    assert!(vectors.iter().map(|v| v.wrong.len()).sum::<usize>() > 30);
}

#[test]
fn canonical_strings_are_those_of_the_vectors() {
    for vector in vectors().iter().filter(|v| v.body.is_none()) {
        assert_eq!(Canonical::of(&vector.params()).as_str(), vector.canonical, "{}", vector.name);
    }
}

#[test]
fn digests_are_those_of_the_vectors_and_none_of_the_wrong_ones() {
    for vector in vectors() {
        let key = vector.key();
        let signature = Signer { key: &key, sign_type: vector.sign_type() }.sign(&vector.signed_bytes());
        let hex = signature.to_hex(vector.hex_case());
        assert_eq!(hex, vector.sign, "{}", vector.name);
        assert!(signature.matches(&vector.sign.to_lowercase()), "{}", vector.name);
        assert!(signature.matches(&vector.sign.to_uppercase()), "{}", vector.name);
        for (fault, digest) in &vector.wrong {
            assert_ne!(hex.to_lowercase(), digest.to_lowercase(), "{}: {fault}", vector.name);
            assert!(!signature.matches(digest), "{}: {fault}", vector.name);
        }
        assert!(!signature.matches(&vector.sign[1..]), "{}: a shorter text", vector.name);
        assert!(!signature.matches(""), "{}: no text", vector.name);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn forms_decode_to_the_parameters_of_the_vectors() {
    let mut checked = 0;
    for vector in vectors() {
        let Some(form) = &vector.form else { continue };
        let decoded =
            decode(false, None, &HeaderMap::new(), Bytes::from(form.clone()), Charset::UTF_8).await.unwrap();
        let mut expected = vector.params();
        expected.remove("sign_type");
        let mut params = decoded.params;
        if vector.name == "checkout_sha256_lang_not_signed" {
            params.remove("lang");
        }
        assert!(params == expected, "{}: {params:?}", vector.name);
        checked += 1;
    }
    assert!(checked > 40, "only {checked} vectors had a form");
}

#[tokio::test(flavor = "current_thread")]
async fn what_goes_on_the_wire_decodes_to_what_was_signed() {
    for vector in vectors().iter().filter(|v| v.body.is_none()) {
        let mut params = vector.params();
        params.remove("sign_type");
        let wire = Bytes::from(params.to_form());
        let back = decode(false, None, &HeaderMap::new(), wire, Charset::UTF_8).await.unwrap();
        assert!(back.params == params, "{}", vector.name);
    }
}
