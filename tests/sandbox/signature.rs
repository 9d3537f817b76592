//! Signatures: right ones, and wrong ones that are explained.

use qfpay_sidecar::credentials::SignType;
use qfpay_sidecar::sandbox::{Options, SANDBOX_CLIENT_KEY, Sandbox, Verdict};
use serde_json::Value;

use crate::support::*;

/// Printed by Python: `urllib.parse.urlencode` over the parameters of a payment, in this order.
const BODY: &str = "txdtm=2026-01-02+03%3A04%3A05&txamt=100&pay_type=800201&txcurrcd=HKD&out_trade_no=T-1\
    &goods_name=+Tea+%E8%8C%B6+&a1=y&a=Z%2F%C3%A9&udid=";

/// The same, sorted by name and joined; with the key behind it, it gives the first digests below.
const CANONICAL: &str = "a=Z/é&a1=y&goods_name= Tea 茶 &out_trade_no=T-1&pay_type=800201&txamt=100&txcurrcd=HKD\
    &txdtm=2026-01-02 03:04:05&udid=";

const MD5: &str = "B8C9165BC9D768244F3783D22CA0B5F1";
const SHA256: &str = "704e3326be3aede1b4bc381a546165d2de159dd662b5bd049dcae40433199841";

/// What each mistake is called, and the digest that Python's hashlib gives when it is made, for example
/// `md5("&".join(sorted(f"{k}={v}" for k, v in params)) + key)` for pairs sorted as text.
const MISTAKES: &[(&str, &str)] = &[
    ("percent-encoded", "4c300465685c2c26721113922f34bd42"), // quote(v, safe='')
    ("percent-encoded", "2794ed15d0048199c02da87d43ba342d"), // quote_plus(v)
    ("percent-encoded", "f6204d5746ab256b669e40155601eae2"), // quote(v)
    ("in the order sent", "f2161b9798ba54553ea8c4d912fac214"),
    ("whole 'name=value' texts", "bfa9fd94aed69e429bf26a07baa2d621"),
    ("empty values were dropped", "0aa0906b941506a6b8923fe5acb63fc5"),
    ("white space", "e3cbae270f7f5f5461372c25a1d78d7f"),
    ("'&key=' before it", "c5ec9f0eaa6bacca7cbc49a4f0e904c7"),
    ("'&' before it", "6e30011540f99b6e6c75ac43196c5c78"),
    ("line end of the key file", "92cc38fbac8769104e2e7b69a71904b9"),
    ("before the text", "fbfae077a633e3eb633ee803438797ba"),
    ("the signature is SHA256, the request says MD5", SHA256),
    ("values were hashed in lower case", "911ad6fb4f5467eeee76a06b32d78d81"),
    ("key of app 'other'", "722a7eecfb8fe7a817f8ebb932681b59"),
    ("parameter goods_name was sent but not hashed", "d39a807b3173b106de93a075c463aba8"),
    ("app_code was hashed", "c1769ae45b879e80948761e5fdda7e2b"),
    ("no known mistake", "6c7ba9c5a141421e1c03cb9807c97c74"), // md5("something else")
    ("32 hex digits", "not a digest"),
];

#[test]
fn the_helper_signs_as_python_does() {
    let params = [
        ("a", "Z/é"),
        ("a1", "y"),
        ("goods_name", " Tea 茶 "),
        ("out_trade_no", "T-1"),
        ("pay_type", "800201"),
        ("txamt", "100"),
        ("txcurrcd", "HKD"),
        ("txdtm", TXDTM),
        ("udid", ""),
    ];
    assert_eq!(md5_sign(&params, SANDBOX_CLIENT_KEY), MD5);
}

#[tokio::test]
async fn right_signatures_are_verified_in_either_case() {
    let (md5_lower, sha_upper) = (MD5.to_lowercase(), SHA256.to_uppercase());
    for (sign, sign_type) in [
        (MD5, SignType::Md5),
        (md5_lower.as_str(), SignType::Md5),
        (SHA256, SignType::Sha256),
        (sha_upper.as_str(), SignType::Sha256),
    ] {
        let sandbox = sandbox();
        let got =
            signed(&sandbox, "/trade/v1/payment", BODY, sign, &[("x-qf-signtype", sign_type.as_str())]).await;
        assert_eq!(got.respcd(), "0000", "{}", got.text());
        assert_eq!(got.header("x-sandbox-signature"), "verified");
        let seen = sandbox.received().pop().unwrap();
        assert_eq!(seen.verdict, Verdict::Verified { sign_type });
        assert_eq!(seen.canonical.as_deref(), Some(CANONICAL));
        assert_eq!(seen.app.as_deref(), Some("shop"));
        assert_eq!(seen.body, BODY);
        assert_eq!(seen.header("x-qf-sign"), Some(sign));
        assert_eq!((seen.sequence, seen.status, seen.respcd.as_deref()), (1, Some(200), Some("0000")));
    }
}

#[tokio::test]
async fn all_parameters_may_be_in_the_query() {
    let sandbox = sandbox();
    let got = signed(&sandbox, &format!("/trade/v1/payment?{BODY}"), "", MD5, &[]).await;
    assert_eq!(got.respcd(), "0000", "{}", got.text());
}

#[tokio::test]
async fn each_known_mistake_is_named_and_no_secret_is_shown() {
    for (name, sign) in MISTAKES {
        let sandbox = sandbox();
        let got = signed(&sandbox, "/trade/v1/payment", BODY, sign, &[]).await;
        assert_eq!((got.status.as_u16(), got.respcd().as_str()), (200, "1108"));
        assert_eq!(got.header("x-sandbox-signature"), "failed");
        let said = got.json()["respmsg"].as_str().unwrap().to_owned();
        assert!(said.contains(name), "{name}: {said}");
        assert!(said.contains(CANONICAL), "{said}");
        let all = format!("{}{:?}{:?}", got.text(), got.headers, sandbox.received().pop().unwrap().verdict);
        assert!(!all.contains(SANDBOX_CLIENT_KEY) && !all.to_uppercase().contains(MD5), "{all}");
    }
}

#[tokio::test]
async fn the_first_difference_is_told() {
    // quote(v, safe=''): 'a=Z%2F%C3%A9...' was hashed where 'a=Z/é...' was expected.
    let got = signed(&sandbox(), "/trade/v1/payment", BODY, MISTAKES[0].1, &[]).await;
    let said = got.json()["respmsg"].as_str().unwrap().to_owned();
    assert!(
        said.contains("at byte 3: '%2F%C3%A9&a1=y&g' was hashed where '/é&a1=y&goods_na' was expected"),
        "{said}"
    );
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused_clearly() {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let (code, sign) = (("x-qf-appcode", qfpay_sidecar::sandbox::SANDBOX_APP_CODE), ("x-qf-sign", MD5));
    let unknown = ("x-qf-appcode", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    let json = ("content-type", "application/json");
    let multipart = ("content-type", "multipart/form-data; boundary=x");
    let sha1 = ("x-qf-signtype", "SHA1");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str, &'a str);
    let cases: [Case<'_>; 12] = [
        (&[form, code], BODY, "1108", "X-QF-SIGN is missing", "absent"),
        (&[form, sign], BODY, "1108", "X-QF-APPCODE is missing", "failed"),
        (&[form], BODY, "1108", "X-QF-APPCODE is missing", "absent"),
        (&[form, unknown, sign], BODY, "1108", "shop (5A4D..B0C5)", "failed"),
        (&[form, code, code, sign], BODY, "1108", "x-qf-appcode came more than once", "failed"),
        (&[form, code, sign, sha1], BODY, "1108", "neither MD5 nor SHA256", "failed"),
        (&[json, code, sign], "{\"txamt\": 1}", "1103", "QFPay takes forms", "failed"),
        (&[multipart, code, sign], "--x--", "1103", "QFPay takes forms", "failed"),
        (&[form, code, sign], "txamt=1&txamt=2", "1103", "txamt came twice", "failed"),
        (&[form, code, sign], "goods_name=%ff", "1103", "goods_name is not UTF-8", "failed"),
        (&[form, code, sign], "goods_name=100%", "1103", "two hex digits", "failed"),
        (&[form, code], "goods_name=%ff", "1103", "not UTF-8", "absent"),
    ];
    for (headers, body, respcd, says, word) in cases {
        let got = send(&sandbox(), "POST", "/trade/v1/payment", headers, body).await.unwrap();
        let said = got.json()["respmsg"].as_str().unwrap().to_owned();
        assert_eq!((got.respcd().as_str(), got.header("x-sandbox-signature")), (respcd, word), "{said}");
        assert!(said.contains(says), "{said}");
    }
    let both = signed(&sandbox(), "/trade/v1/payment?txamt=1", BODY, MD5, &[]).await;
    assert!(both.respcd() == "1103" && both.text().contains("query and in the body"));
}

/// Vectors that were made outside this project: the digest must verify for the key that it was made with.
///
/// Their keys are no sandbox keys, so the check is made with the answer's canonical string.
#[tokio::test]
async fn canonical_strings_equal_the_vectors() {
    let mut seen = 0;
    for line in include_str!("../vectors/sign.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let (Some(form), Some(canonical)) = (vector["form"].as_str(), vector["canonical"].as_str()) else {
            continue;
        };
        let name = vector["name"].as_str().unwrap();
        if vector["alg"] == "md5-body" || form.is_empty() || name.contains("lang_not_signed") {
            continue;
        }
        let sandbox = sandbox();
        signed(&sandbox, "/trade/v1/query", form, "00", &[]).await;
        assert_eq!(sandbox.received()[0].canonical.as_deref(), Some(canonical), "{name}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} vectors");
}

#[tokio::test]
async fn answers_are_signed_over_their_bytes() {
    let got = signed(&sandbox(), "/trade/v1/query", "syssn=none", "00", &[]).await;
    let body = format!("{}{SANDBOX_CLIENT_KEY}", got.text());
    let expected = hex::encode_upper(<md5::Md5 as md5::Digest>::digest(body));
    assert_eq!(got.header("x-qf-sign"), expected);
}

#[test]
fn real_keys_are_refused_without_being_shown() {
    let real = "0123456789ABCDEF0123456789ABCDEF";
    let app = app("live", "11111111111111111111111111111111", real, None);
    let options = Options { base: BASE.into(), ..Options::default() };
    let refused = Sandbox::new(&[app], options).err().unwrap();
    let said = format!("{refused} {refused:?}");
    assert!(said.contains("live") && said.contains("the test") && said.contains("SANDBOX"), "{said}");
    assert!(!said.contains(real));
}
