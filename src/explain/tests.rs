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
    let shop = "goods_name=Tea+%26+bun%27s&notify_url=https%3A%2F%2Fshop.test%2Fn&out_trade_no=A-7&pay_type=800201&return_url=\
                &txamt=1000&txcurrcd=HKD";
    let shop = pairs(shop.as_bytes()).unwrap();
    let shops = Subject::Call { sent: &shop, left_out: &["sign", "return_url"] };
    let cases = include_str!("../../tests/vectors/mistakes.tsv")
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let mut seen = 0;
    for case in cases {
        let [what, digest, says] = case[..] else { panic!("{case:?}") };
        let subject = match what {
            "call" => calls,
            "shop" => shops,
            _ => Subject::Body(body),
        };
        let attempt = Attempt { received: digest, sign_type: SignType::Md5, subject, app: &app, apps: &apps };
        let said = attempt.examine().to_string();
        assert!(said.contains(says), "{what}, {says}: {said}");
        seen += 1;
    }
    assert_eq!(seen, 59);
}

/// The dearest call: as long as is looked into, as many parameters as there may be, all of them with variants.
#[test]
fn the_search_is_bounded() {
    let app = app("shop", "0123456789ABCDEF0123456789ABCDEF");
    let form: String = (0..255).map(|i| format!("p{i}={}&", "1/ '\u{8336}".repeat(3))).collect();
    let sent: Vec<Pair> = form
        .split_terminator('&')
        .filter_map(|piece| piece.split_once('='))
        .map(|(name, value)| Pair {
            name: name.into(),
            value: format!("{value}12345678901234"),
            wire: Some(value.into()),
        })
        .collect();
    assert!(canonical(&sent, &[]).len() < LONGEST_CALL);
    let subject = Subject::Call { sent: &sent, left_out: &["sign"] };
    let begun = std::time::Instant::now();
    let attempt =
        Attempt { received: &"0".repeat(32), sign_type: SignType::Md5, subject, app: &app, apps: &[] };
    assert!(matches!(attempt.examine(), Finding::Unknown { too_long: false, .. }));
    // 1.4 s without optimisation; a loaded machine takes longer.
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
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

    /// Nothing that is tried may take a right signature for a mistake, nor a random one for any: signed here by other code.
    #[test]
    fn a_right_signature_is_never_explained_and_a_random_one_by_nothing(
        form in "([a-e]{1,3}=[0-9A-Za-z/&amp;. ]{0,6}&?){0,6}", random: [u8; 16]
    ) {
        let key = "0123456789ABCDEF0123456789ABCDEF";
        let app = app("shop", key);
        let sent = pairs(form.as_bytes()).unwrap_or_default();
        let mut sorted: Vec<_> = sent.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect();
        sorted.sort_unstable();
        let text = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let right = hex::encode(<md5::Md5 as md5::Digest>::digest(format!("{text}{key}")));
        let subject = Subject::Call { sent: &sent, left_out: &["sign"] };
        let examine = |received: &str| {
            Attempt { received, sign_type: SignType::Md5, subject, app: &app, apps: &[] }.examine()
        };
        proptest::prop_assert!(matches!(examine(&right), Finding::Right(_)));
        let random = examine(&hex::encode(random));
        proptest::prop_assert!(matches!(random, Finding::Unknown { too_long: false, .. }), "{}", random);
    }

    #[test]
    fn any_two_texts_have_their_first_difference(a: String, b: String) {
        let difference = Difference::between(a.as_bytes(), b.as_bytes());
        proptest::prop_assert!(difference.at <= a.len().min(b.len()));
let torn = difference.to_string().contains(char::REPLACEMENT_CHARACTER);
        proptest::prop_assert!(!torn || (a + &b).contains(char::REPLACEMENT_CHARACTER));
    }
}
