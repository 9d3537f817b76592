//! A shop whose old code signs as QFPay's samples do, with a key that is worth nothing there.

use super::*;

const ALONE: &str = r#"
[apps.agency]
app_code = "00112233445566778899AABBCCDDEEFF"
client_key_file = "{folder}/second"
[callers.shop-a]
local_key_file = "{folder}/local-a"
apps = ["agency"]
mchids = ["M0001"]
[callers.shop-b]
token_file = "{folder}/token-b"
"#;

fn pairs(form: &str) -> Vec<(String, String)> {
    decode(form.as_bytes())
}

fn signed(form: &str, sign: &str) -> String {
    format!("{form}&sign={sign}")
}

fn post(stage: &Stage, form: &str) -> Answer {
    stage.sidecar.curl(&["-d", form], PAYMENT)
}

#[test]
fn the_old_signature_says_who_calls() {
    let stage = stage_of(ALONE, &[]);
    let form = format!("{ORDER}&goods_name=%E5%A5%B6%E8%8C%B6%20bun");
    let list = pairs(&form);
    let md5 = md5_elsewhere(&list, KEY_A);
    for sign in [md5.clone(), md5.to_lowercase(), sha256_elsewhere(&list, KEY_A)] {
        let answer = post(&stage, &signed(&form, &sign));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let params = sent(&stage, SECOND_CODE, SECOND_KEY);
        assert_eq!((value(&params, "mchid"), value(&params, "sign")), (Some("M0001"), None));
    }
    stage.sidecar.wait_for_log(&["caller=\"shop-a\"", "app=\"agency\""]);
    // In the query as well, and as JSON.
    let query = stage.sidecar.curl(&["-X", "POST"], &format!("{PAYMENT}?{}", signed(&form, &md5)));
    assert_eq!(query.status, 200, "{}", query.text());
    sent(&stage, SECOND_CODE, SECOND_KEY);
    let json: serde_json::Map<_, _> =
        pairs(&signed(&form, &md5)).into_iter().map(|(name, value)| (name, value.into())).collect();
    let json = serde_json::Value::from(json).to_string();
    let answer = stage.sidecar.curl(&["-H", "Content-Type: application/json", "-d", &json], PAYMENT);
    assert_eq!(answer.status, 200, "{}", answer.text());
    sent(&stage, SECOND_CODE, SECOND_KEY);
}

#[test]
fn a_wrong_signature_proves_nobody() {
    let stage = stage_of(ALONE, &[]);
    let list = pairs(ORDER);
    let right = md5_elsewhere(&list, KEY_A);
    for sign in
        [md5_elsewhere(&list, CLIENT_KEY), md5_elsewhere(&list, SECOND_KEY), "00".repeat(16), String::new()]
    {
        unknown(&stage, &post(&stage, &signed(ORDER, &sign)));
    }
    unknown(&stage, &post(&stage, ORDER));
    unknown(&stage, &post(&stage, &signed(&format!("{ORDER}&txdtm=1"), &right)));
    unknown(&stage, &post(&stage, &signed(&ORDER.replace("txamt=100", "txamt=101"), &right)));
    unknown(&stage, &post(&stage, &signed(&signed(ORDER, &right), &right)));
    // Notifications are JSON, and hold no parameters that a local key could sign.
    unknown(&stage, &stage.sidecar.curl(&["-d", "{}"], "/sidecar/v1/verify"));
    // The rights of the section hold.
    let other = format!("{ORDER}&mchid=M0002");
    let answer = post(&stage, &signed(&other, &md5_elsewhere(&pairs(&other), KEY_A)));
    denied(&stage, &answer, "shop-a", "mchids");
}

#[test]
fn what_a_customer_holds_proves_no_call_however_it_is_cut() {
    let stage = stage_of(ALONE, &[]);
    let page = "appcode=00112233445566778899AABBCCDDEEFF&failed_url=https%3A%2F%2Fshop.test%2Ff&out_trade_no=1&\
                paysource=shop_checkout&return_url=https%3A%2F%2Fshop.test%2F&syssn=1&txamt=100&txcurrcd=HKD";
    let sign = md5_elsewhere(&pairs(page), KEY_A);
    // The same text, with the name of the page inside of the value before it.
    let recut =
        page.replace("out_trade_no=1&paysource=shop_checkout", "out_trade_no=1%26paysource%3Dshop_checkout");
    assert_eq!(md5_elsewhere(&pairs(&recut), KEY_A), sign, "a signature fits both");
    let sign_in = "app_code=00112233445566778899AABBCCDDEEFF&redirect_uri=https%3A%2F%2Fshop.test%2F";
    let sign_in_sign = md5_elsewhere(&pairs(sign_in), KEY_A);
    let recut_sign_in = sign_in.replace("&redirect_uri=", "%26redirect_uri%3D");
    for (form, sign) in [
        (page, &sign),
        (&*recut, &sign),
        (&*format!("{page}&cancel_url="), &sign),
        (sign_in, &sign_in_sign),
        (&*recut_sign_in, &sign_in_sign),
    ] {
        for path in [PAYMENT, QUERY, REFUND, "/trade/v1/close"] {
            unknown(&stage, &stage.sidecar.curl(&["-d", &signed(form, sign)], path));
        }
    }
    stage.assert_nothing_sent();
}

#[test]
fn beside_a_token_a_local_key_proves_every_call() {
    let both = ALONE.replace("[callers.shop-a]\n", "[callers.shop-a]\ntoken_file = \"{folder}/token-a\"\n");
    let stage = stage_of(&both, &[]);
    let form = format!("{ORDER}&redirect_uri=x");
    let form = signed(&form, &md5_elsewhere(&pairs(&form), KEY_A));
    unknown(&stage, &post(&stage, &form));
    unknown(&stage, &call(&stage, TOKEN_A, PAYMENT, ORDER));
    unknown(&stage, &call(&stage, TOKEN_A, PAYMENT, &signed(ORDER, &"0".repeat(32))));
    let answer = call(&stage, TOKEN_A, PAYMENT, &form);
    assert_eq!(answer.status, 200, "{}", answer.text());
    sent(&stage, SECOND_CODE, SECOND_KEY);
}

#[test]
fn shops_that_still_sign_with_what_nobody_knows_are_known_by_their_token() {
    let stage = stage_of(ALONE, &[]);
    let old = signed(ORDER, &md5_elsewhere(&pairs(ORDER), "the-key-that-it-had-before-00000"));
    let answer = call(&stage, TOKEN_B, PAYMENT, &old);
    assert_eq!(answer.status, 200, "{}", answer.text());
    sent(&stage, APP_CODE, CLIENT_KEY);
}

#[test]
fn the_sign_command_signs_as_a_callers_old_code_does() {
    let stage = stage_of(ALONE, &[]);
    let config = stage.sidecar.folder.path().join("sidecar.toml");
    let sign = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        command.env_clear().arg("sign").args(["--local-key", "--path", PAYMENT]).args(arguments);
        let output = command.arg("--config").arg(&config).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let expected = format!("signature  {}\n", md5_elsewhere(&pairs(ORDER), KEY_A));
    for caller in [&[][..], &["--caller", "shop-a"]] {
        let said = sign(&[caller, &["--form", ORDER]].concat());
        assert!(said.contains(&expected) && !said.contains(KEY_A), "{said}");
    }
    // What was pasted is not shown.
    let said = sign(&["--form", &format!("note={TOKEN_B}&{KEY_A}=1")]);
    assert!(!said.contains(TOKEN_B) && !said.contains(KEY_A), "{said}");
    assert!(sign(&["--caller", "shop-b", "--form", ORDER]).contains("--caller"));
}
