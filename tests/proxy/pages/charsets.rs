//! The shop signs bytes, and a label that the customer writes makes no other text of them.

use super::*;

/// A word in GBK, from Python's codec of that name, and what it is.
const GBK: &[u8] = b"\xb2\xe2\xca\xd4";
const TEXT: &str = "测试";
const FORM: &str = "application/x-www-form-urlencoded";

/// A checkout whose `goods_name` is these bytes, as a form that the shop's server signed by `md5sum`.
fn form(goods_name: &[u8]) -> String {
    let mut list = without(checkout(), "goods_name");
    list.push(("goods_name".to_owned(), "@".to_owned()));
    list.sort();
    let signed: Vec<_> = list.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (before, behind) =
        signed.join("&").split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let sign = md5_of_body(&[before.as_bytes(), goods_name, behind.as_bytes()].concat(), LOCAL);
    let escaped: String = goods_name.iter().map(|byte| format!("%{byte:02X}")).collect();
    let sent = without(list, "goods_name");
    let sent: Vec<_> = sent.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("{}&goods_name={escaped}&sign={sign}", sent.join("&"))
}

fn post(stage: &Stage, content_type: &str, form: &str) -> Answer {
    let header = format!("Content-Type: {content_type}");
    stage.sidecar.curl(&["-H", &header, "-d", form], &format!("/pay{CHECKOUT}"))
}

#[test]
fn a_page_of_a_shop_that_writes_gbk_is_verified_as_it_was_received() {
    let stage = stage(&["parameters.charset=GBK"]);
    let form = form(GBK);
    let expected = sorted(with(checkout(), "goods_name", TEXT));
    let opened = stage.sidecar.curl(&[], &format!("/pay{CHECKOUT}?{form}"));
    assert_eq!(made(&opened, CHECKOUT, CLIENT_KEY), expected);
    for content_type in [FORM.to_owned(), format!("{FORM}; charset=gb2312")] {
        assert_eq!(made(&post(&stage, &content_type, &form), CHECKOUT, CLIENT_KEY), expected);
    }
    // The same text in other bytes is not what was signed.
    let utf8 = form.replace("%B2%E2%CA%D4", "%E6%B5%8B%E8%AF%95");
    not_vouched(&post(&stage, &format!("{FORM}; charset=UTF-8"), &utf8), "other bytes");
}

#[test]
fn a_label_of_the_customers_makes_no_other_text_of_what_was_signed() {
    let utf8 = stage(&[]);
    let gbk = stage(&["parameters.charset=GBK"]);
    for (stage, goods_name, labels) in [
        (&utf8, TEXT.as_bytes(), &["GBK", "Big5", "windows-1252", "koi8-r"][..]),
        // These bytes are one character in GBK and another one in UTF-8.
        (&gbk, b"\xc2\xa9", &["UTF-8", "ISO-8859-1"][..]),
    ] {
        let form = form(goods_name);
        assert_eq!(post(stage, FORM, &form).status, 302);
        for label in labels {
            let answer = post(stage, &format!("{FORM}; charset={label}"), &form);
            assert!(
                answer.status == 400 || answer.header("X-Sidecar-Error") == Some("page_not_vouched"),
                "{label}"
            );
            assert_eq!(answer.header("Location"), None, "{label}");
        }
    }
    // Nor does JSON, which is UTF-8 by definition.
    let pairs: Vec<_> = form(b"\xc2\xa9")
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap().replace('"', "");
            format!("\"{name}\":\"{value}\"")
        })
        .collect();
    let json = format!("{{{}}}", pairs.join(","));
    not_vouched(&post(&gbk, "application/json", &json), "JSON");
    assert_eq!(post(&utf8, "application/json", &json).status, 302);
    // ASCII is the same under every label.
    let ascii = form(b"Tea");
    for label in ["GBK", "ISO-8859-1", "UTF-8"] {
        assert_eq!(post(&utf8, &format!("{FORM}; charset={label}"), &ascii).status, 302, "{label}");
    }
}
