//! Pages below `browser.public_prefix`: made only from what the shop's server signed with its local key.

mod charsets;
mod command;
mod missing;
mod settings;
mod signed;
mod strangers;

use crate::support::*;

/// A key of the shop's own, which QFPay does not know.
const LOCAL: &str = "shop-and-sidecar-only-7f3d9a6c51b04e28";
const SECOND_CODE: &str = "00112233445566778899AABBCCDDEEFF";
const SECOND_KEY: &str = "FFEEDDCCBBAA99887766554433221100";
const SIGN_IN: &str = "/tool/v1/get_weixin_oauth_code";
const CHECKOUT: &str = "/checkstand/";

type Pairs = Vec<(String, String)>;

fn pairs(list: &[(&str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sign_in() -> Pairs {
    pairs(&[("app_code", APP_CODE), ("redirect_uri", "https://shop.test/back?step=2")])
}

fn checkout() -> Pairs {
    pairs(&[
        ("appcode", APP_CODE),
        ("failed_url", "https://shop.test/failed"),
        ("goods_name", "奶茶 & bun"),
        ("notify_url", "https://shop.test/notify"),
        ("out_trade_no", "order-1"),
        ("paysource", "shop_checkout"),
        ("return_url", "https://shop.test/done"),
        ("sign_type", "sha256"),
        ("txamt", "2800"),
        ("txcurrcd", "HKD"),
        ("txdtm", "2026-01-31 12:00:00"),
    ])
}

fn with(mut list: Pairs, name: &str, value: &str) -> Pairs {
    list.retain(|(other, _)| other != name);
    list.push((name.to_owned(), value.to_owned()));
    list
}

fn without(mut list: Pairs, name: &str) -> Pairs {
    list.retain(|(other, _)| other != name);
    list
}

/// The signature of a page as another program makes it: SHA256 for a checkout, MD5 for the sign-in.
fn sign(path: &str, list: &Pairs, key: &str) -> String {
    if path == CHECKOUT { sha256_elsewhere(list, key) } else { md5_elsewhere(list, key) }
}

fn signed(path: &str, list: &Pairs) -> Pairs {
    with(list.clone(), "sign", &sign(path, list, LOCAL))
}

/// A sidecar with two apps and the local key, and `settings`.
fn stage(settings: &[&str]) -> Stage {
    Stage::launch(|launch| {
        let launch = launch.file("local", LOCAL, 0o600).file("second", SECOND_KEY, 0o600);
        let launch = launch.secret(LOCAL).secret(SECOND_KEY);
        let own = ["browser.public_prefix=/pay", "browser.local_key_file={folder}/local"];
        let own = own.iter().fold(launch, |launch, setting| launch.set(setting));
        let own = own.set(&format!("apps.second.app_code={SECOND_CODE}"));
        let own = own.set("apps.second.client_key_file={folder}/second");
        settings.iter().fold(own, |launch, setting| launch.set(setting))
    })
}

fn open(stage: &Stage, path: &str, list: &Pairs) -> Answer {
    let query: Vec<_> = list.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    stage.sidecar.curl(&[], &format!("/pay{path}?{}", query.join("&")))
}

/// The parameters of the URL that a page leads to, without its signature, which must be the app's over the rest.
#[track_caller]
fn made(answer: &Answer, path: &str, client_key: &str) -> Pairs {
    assert_eq!(answer.status, 302, "{}", answer.text());
    let url = answer.header("Location").unwrap();
    let mut list = decode(url.split_once('?').unwrap().1.as_bytes());
    let at = list.iter().position(|(name, _)| name == "sign").unwrap();
    let seen = list.remove(at).1;
    assert_eq!(seen, sign(path, &without(list.clone(), "lang"), client_key), "{url}");
    list.sort();
    list
}

fn sorted(mut list: Pairs) -> Pairs {
    list.sort();
    list
}

#[track_caller]
fn not_vouched(answer: &Answer, what: &str) {
    let seen = (answer.status, answer.header("X-Sidecar-Error"));
    assert_eq!(seen, (403, Some("page_not_vouched")), "{what}: {}", answer.text());
    assert_eq!((answer.header("Location"), answer.header("X-Sidecar-Delivery")), (None, Some("not_sent")));
}
