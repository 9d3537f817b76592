//! Every `wrong` digest of `tests/vectors/sign.jsonl`, which Python computed and Perl checked, is explained.

use serde_json::Value;

use super::*;
use crate::credentials::{AppCode, ClientKey, HexCase};

const VECTORS: &str = include_str!("../../tests/vectors/sign.jsonl");

/// The vectors' names of faults, and what the engine calls them.
fn expected(mistake: &str) -> &'static [fn(&Fault) -> bool] {
    const ENCODED: &[fn(&Fault) -> bool] =
        &[|fault| matches!(fault, Fault::ValuesEncoded { .. } | Fault::ValueEncoded(_) | Fault::WireHashed)];
    match mistake {
        "percent-encoded values" | "percent-encoded value" | "signed percent-encoded redirect_uri" => ENCODED,
        "empty value dropped" => &[|fault| *fault == Fault::EmptiesDropped],
        "trailing space trimmed" => &[|fault| *fault == Fault::Trimmed],
        "GBK bytes" => &[|fault| *fault == Fault::Charset("GBK")],
        "with &key= separator" => &[|fault| *fault == Fault::Separator("&key=")],
        "signed with the sign parameter itself as empty" => {
            &[|fault| *fault == Fault::Included("sign".into())]
        }
        "lang signed" => &[|fault| *fault == Fault::Included("lang".into())],
        "zero dropped" => &[|fault| *fault == Fault::ZerosDropped],
        "sorted as k=v strings" => &[|fault| *fault == Fault::SortedAsText],
        "case-insensitive order" => &[|fault| *fault == Fault::SortedWithoutCase],
        "sorted fields joined (the rule of the newer response-format page)"
        | "sorted fields (old QFPAY_Global notify.php)" => &[|fault| *fault == Fault::SortedFields],
        "unescaped UTF-8 re-serialisation" | "decoded before hashing" => {
            &[|fault| matches!(fault, Fault::Rewritten(style) if style.spaced && style.ascii == Some(false))]
        }
        "compact re-serialisation" => &[|fault| matches!(fault, Fault::Rewritten(style) if !style.spaced)],
        "escaped before hashing" => {
            &[|fault| matches!(fault, Fault::Rewritten(style) if style.ascii == Some(true))]
        }
        "slashes unescaped" => {
            &[|fault| matches!(fault, Fault::Rewritten(style) if style.slashes == Some(false))]
        }
        other => panic!("the table has no row for {other}"),
    }
}

fn app(name: &str, key: &str) -> Arc<App> {
    Arc::new(App {
        name: name.into(),
        app_code: AppCode::new(name).unwrap(),
        client_key: ClientKey::new(key.as_bytes().to_vec().into(), true).unwrap(),
        key_source: "the vectors".into(),
        mchid: None,
        sign_type: SignType::Md5,
        hex_case: HexCase::Upper,
    })
}

fn sent(vector: &Value) -> Vec<Pair> {
    if let Some(form) = vector["form"].as_str() {
        return pairs(form.as_bytes()).unwrap();
    }
    let params = vector["params"].as_object().unwrap().iter();
    let pair = |(name, value): (&String, &Value)| Pair {
        name: name.clone(),
        value: value.as_str().unwrap().to_owned(),
        wire: None,
    };
    params.map(pair).collect()
}

#[test]
fn every_wrong_digest_of_the_vectors_is_explained() {
    let mut explained = 0;
    for line in VECTORS.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let name = vector["name"].as_str().unwrap();
        let app = app("vector", vector["client_key"].as_str().unwrap());
        let sign_type = if vector["alg"] == "sha256" { SignType::Sha256 } else { SignType::Md5 };
        let sent = sent(&vector);
        let left_out: &[&str] = if name.contains("lang_not_signed") { &["sign", "lang"] } else { &["sign"] };
        let subject = match vector["alg"].as_str().unwrap() {
            "md5-body" => Subject::Body(vector["body"].as_str().unwrap().as_bytes()),
            _ => {
                assert_eq!(canonical(&sent, left_out), vector["canonical"].as_str().unwrap(), "{name}");
                Subject::Call { sent: &sent, left_out }
            }
        };
        let examine = |received: &str| {
            let apps = std::slice::from_ref(&app);
            Attempt { received, sign_type, subject, app: &app, apps }.examine()
        };
        let sign = vector["sign"].as_str().unwrap();
        assert!(matches!(examine(sign), Finding::Right(_)), "{name}");
        for (mistake, digest) in vector["wrong"].as_object().into_iter().flatten() {
            let digest = digest.as_str().unwrap();
            let found = examine(digest);
            let Finding::Mistake { faults, difference } = &found else {
                panic!("{name}, {mistake}: {found}")
            };
            assert_eq!(faults.len(), 1, "{name}, {mistake}: {found}");
            assert!(expected(mistake).iter().any(|is| is(&faults[0])), "{name}, {mistake}: {found}");
            assert_eq!(difference.is_none(), mistake.contains("&key="), "{name}, {mistake}: {found}");
            let said = found.to_string();
            assert!(!said.contains(vector["client_key"].as_str().unwrap()), "{said}");
            assert!(!said.to_lowercase().contains(&sign.to_lowercase()), "{said}");
            explained += 1;
        }
    }
    assert!(explained > 25, "{explained}");
}

/// Signed by Python: `tests/vectors/mistakes.py`.
#[test]
fn what_the_vectors_lack_is_explained_too() {
    let (app, other) =
        (app("shop", "0123456789ABCDEF0123456789ABCDEF"), app("other", "SANDBOX0OTHER0KEY0NOT0SECRET0000"));
    let apps = [app.clone(), other];
    let call = pairs("b=&a=%E8%8C%B6&c=0".as_bytes()).unwrap();
    let body = "{\"b\": \"\\u8336/\", \"a\": 1.10}\n".as_bytes();
    let calls = Subject::Call { sent: &call, left_out: &["sign", "b"] };
    let cases = include_str!("../../tests/vectors/mistakes.tsv")
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let mut seen = 0;
    for case in cases {
        let [what, digest, says] = case[..] else { panic!("{case:?}") };
        let subject = if what == "call" { calls } else { Subject::Body(body) };
        let attempt = Attempt { received: digest, sign_type: SignType::Md5, subject, app: &app, apps: &apps };
        let said = attempt.examine().to_string();
        assert!(said.contains(says), "{what}, {says}: {said}");
        seen += 1;
    }
    assert_eq!(seen, 24);
}

#[test]
fn the_case_of_the_digits_is_told_and_no_fault() {
    let app = app("shop", "0123456789ABCDEF0123456789ABCDEF");
    // The vector no_params: the digest over the key alone.
    let subject = Subject::Call { sent: &[], left_out: &[] };
    for (received, case) in [
        ("5392FAD6BEE373074DBD3EDFAE6506F2", HexCaseSeen::Upper),
        ("5392fad6bee373074dbd3edfae6506f2", HexCaseSeen::Lower),
        ("5392fad6bee373074dbd3edfAE6506F2", HexCaseSeen::Mixed),
    ] {
        let attempt = Attempt { received, sign_type: SignType::Md5, subject, app: &app, apps: &[] };
        assert_eq!(attempt.examine(), Finding::Right(case));
    }
}

proptest::proptest! {
    /// `md5(text + key)` of a text that no variant has: everything is tried.
    #[test]
    fn no_body_and_no_form_upsets_the_search(body: Vec<u8>, form in "[a-c&=%20+\u{8336} ]{0,40}", received in "\\PC{0,70}") {
        let app = app("shop", "0123456789ABCDEF0123456789ABCDEF");
        let sent = pairs(form.as_bytes()).unwrap_or_default();
        let call = Subject::Call { sent: &sent, left_out: &["sign"] };
        for subject in [Subject::Body(&body), call] {
            for received in [received.as_str(), "00000000000000000000000000000000"] {
                let attempt = Attempt { received, sign_type: SignType::Md5, subject, app: &app, apps: &[] };
                proptest::prop_assert!(!attempt.examine().to_string().contains("0123456789ABCDEF"));
            }
        }
    }

    #[test]
    fn any_two_texts_have_their_first_difference(a: String, b: String) {
        let difference = Difference::between(a.as_bytes(), b.as_bytes());
        proptest::prop_assert!(difference.at <= a.len().min(b.len()));
let torn = difference.to_string().contains(char::REPLACEMENT_CHARACTER);
        proptest::prop_assert!(!torn || (a + &b).contains(char::REPLACEMENT_CHARACTER));
    }
}
