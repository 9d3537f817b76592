//! URLs that the customer's browser opens: signed here, answered as a redirect or as JSON, never forwarded.

mod made;
mod refused;

use crate::support::*;

const OAUTH: &str = "/tool/v1/get_weixin_oauth_code";
const CHECKOUT: &str = "/checkstand/";
const DIRECT: &str = "/q/direct";

type Pairs = Vec<(String, String)>;

fn pairs(list: &[(&str, &str)]) -> Pairs {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn query(params: &[(String, String)]) -> String {
    params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

fn open(stage: &Stage, path: &str, params: &[(String, String)]) -> Answer {
    stage.sidecar.curl(&[], &format!("{path}?{}", query(params)))
}

/// The Location of a redirect that no cache may keep.
#[track_caller]
fn location(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("Cache-Control")), (302, Some("no-store")), "{}", answer.text());
    answer.header("Location").unwrap().to_owned()
}

/// What a shop sends for a vector: everything but what the sidecar sets itself.
fn checkout_of(vector: &Vector) -> Pairs {
    let own = ["appcode", "sign_type"];
    vector.filled().into_iter().filter(|(name, _)| !own.contains(&name.as_str())).collect()
}

/// The six fields as the payment answer gives them, and what the shop adds.
const SIX: [(&str, &str); 6] = [
    ("appId", "wx1234567890abcdef"),
    ("timeStamp", "1763373600"),
    ("nonceStr", "a1b2c3d4"),
    ("package", "prepay_id=wx17180000000000"),
    ("signType", "MD5"),
    ("paySign", "3B1A7F2E9C4D5B6A8F7E6D5C4B3A2910"),
];
const SHOP: [(&str, &str); 4] = [
    ("mchntnm", "珍珠奶茶 & 茶餐廳"),
    ("txamt", "100"),
    ("currency", "HKD"),
    ("redirect_url", "https://shop.test/done?order=1&x=2"),
];

fn direct() -> Pairs {
    pairs(&[&SIX[..], &SHOP[..]].concat())
}
