//! URLs for the customer's browser: read by a browser's rules, they hold what was given, signed.

use qfpay_sidecar::base_url::UpstreamUrl;
use qfpay_sidecar::browser::{BrowserUrl, Checkout, Pages, Settings};
use qfpay_sidecar::credentials::SignType;
use qfpay_sidecar::endpoint::BrowserPage;
use qfpay_sidecar::sign::Params;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::signature::{app, digest};
use super::{canonical, decode_as, is_for_people};

const NOW: &str = "2026-01-02 03:04:05";

/// The first byte chooses the page (modulo 3) and what is configured (its bits from 0x10); a form follows.
pub fn check(input: &[u8]) {
    let Some((&choice, form)) = input.split_first() else { return };
    let Ok(params) = decode_as(None, form) else { return };
    let page =
        [BrowserPage::WeixinOauth, BrowserPage::Checkstand, BrowserPage::Direct][usize::from(choice % 3)];
    let (sign_lang, sha256, any_host) = (choice & 0x10 != 0, choice & 0x20 != 0, choice & 0x40 != 0);
    let pages = Pages {
        base: UpstreamUrl::parse("https://api.test").unwrap(),
        browser_base: UpstreamUrl::parse("https://pages.test").unwrap(),
        settings: Settings {
            pages: vec![page],
            allowed_redirect_hosts: if any_host { vec![] } else { vec!["shop.example".to_owned()] },
            public_prefix: None,
            allowed_in_urls: Vec::new(),
        },
        checkout: Checkout {
            sign_type: if sha256 { SignType::Sha256 } else { SignType::Md5 },
            sign_type_spelling: "sha256".to_owned(),
            sign_lang,
        },
    };
    let made = match pages.url(page, params.clone(), &app(), NOW) {
        Ok(made) => made,
        Err(error) => return is_for_people(&error.to_string()),
    };
    let (url, pairs) = read(page, &made);
    let get = |name: &str| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    unchanged(page, &params, &pairs);
    redirects(&pages, &pairs);
    let host = if page == BrowserPage::Direct { "pages.test" } else { "api.test" };
    assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some(host), None));

    let signed = |left_out: &[&str]| {
        canonical(
            pairs
                .iter()
                .filter(|(n, _)| !left_out.contains(&n.as_str()))
                .map(|(n, v)| (n.as_str(), v.as_str())),
        )
    };
    let expected = match page {
        BrowserPage::WeixinOauth => Some(digest(signed(&["sign"]).as_bytes(), SignType::Md5)),
        BrowserPage::Checkstand if sign_lang => {
            Some(digest(signed(&["sign"]).as_bytes(), pages.checkout.sign_type))
        }
        BrowserPage::Checkstand => {
            Some(digest(signed(&["sign", "lang"]).as_bytes(), pages.checkout.sign_type))
        }
        BrowserPage::Direct => None,
    };
    assert_eq!(get("sign").map(str::to_lowercase), expected);
}

/// The URL as a browser reads it, and the pairs of its query or, for the checkout, of its fragment.
fn read(page: BrowserPage, made: &BrowserUrl) -> (Url, Vec<(String, String)>) {
    assert!(made.as_str().bytes().all(|b| b.is_ascii_graphic()), "not only visible ASCII");
    let url = Url::parse(made.as_str()).unwrap();
    assert_eq!(url.as_str(), made.as_str(), "a browser changes it");
    let (path, query) = match page {
        BrowserPage::Checkstand => {
            assert_eq!(url.query(), None);
            ("/checkstand/", url.fragment().unwrap().strip_prefix("/?").unwrap())
        }
        _ => {
            assert_eq!(url.fragment(), None);
            let path =
                if page == BrowserPage::Direct { "/q/direct" } else { "/tool/v1/get_weixin_oauth_code" };
            (path, url.query().unwrap())
        }
    };
    assert_eq!(url.path(), path);
    // QFPay's checkout page does not read '+' as a space.
    assert!(!query.contains('+'));
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    (url, pairs)
}

/// What was given stands in the URL as it was given; what the sidecar adds is known by name; nothing stands twice.
fn unchanged(page: BrowserPage, given: &Params, pairs: &[(String, String)]) {
    const OWN: [&str; 4] = ["app_code", "appcode", "sign", "sign_type"];
    let renamed = |name: &str| match (page, name) {
        (BrowserPage::Checkstand, "mchid") => "mchntid".to_owned(),
        _ => name.to_owned(),
    };
    for (i, (name, value)) in pairs.iter().enumerate() {
        assert!(pairs[..i].iter().all(|(other, _)| other != name), "{name} stands twice");
        let sent = given.iter().find(|(sent, _)| renamed(sent) == *name).map(|(_, value)| value);
        match (name.as_str(), sent) {
            (name, _) if OWN.contains(&name) => {}
            ("txdtm", None | Some("")) => assert_eq!(value, NOW),
            (_, Some(sent)) => assert!(sent == value, "{name} was changed"),
            (name, None) => {
                assert!(from_pay_params(given, name).as_deref() == Some(value), "{name} was made up")
            }
        }
    }
    for (name, _) in given.iter().filter(|(name, _)| !OWN.contains(name) && *name != "pay_params") {
        assert!(pairs.iter().any(|(other, _)| *other == renamed(name)), "{name} was lost");
    }
}

/// A field of the JSON text that stands in `pay_params`, as text.
fn from_pay_params(given: &Params, name: &str) -> Option<String> {
    let json: Value = serde_json::from_str(given.get("pay_params")?).ok()?;
    match json.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Where customers are sent back to is, to a browser, a host of the list.
fn redirects(pages: &Pages, pairs: &[(String, String)]) {
    const REDIRECTS: [&str; 5] = ["redirect_uri", "redirect_url", "return_url", "failed_url", "cancel_url"];
    for (name, value) in pairs.iter().filter(|(name, _)| REDIRECTS.contains(&name.as_str())) {
        // Where a browser finds no URL, it goes nowhere.
        let Ok(url) = Url::parse(value) else { continue };
        assert!(matches!(url.scheme(), "http" | "https") && url.username().is_empty(), "{name}");
        let host = url.host_str().expect("http URLs have one");
        assert!(
            pages.settings.allowed_redirect_hosts.is_empty() || host == "shop.example",
            "{name} leads to {host}"
        );
    }
}
