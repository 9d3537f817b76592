//! The ways into the sidecar, each with canaries in everything that a caller, QFPay or a receiver chooses.

use super::canaries::{VALUES, value};
use crate::support::{Reply, encode};

/// One request, what the upstream or the receiver says to it, and what its answer may hold.
pub struct Path {
    pub name: &'static str,
    pub request: Vec<u8>,
    pub reply: Option<Reply>,
    /// Names of canaries that go back to the caller on purpose; an answer never holds anything else.
    pub may_hold: &'static [&'static str],
}

/// QFPay's own answer goes to the caller as it is.
const ANSWER: &[&str] = &["answer"];
/// After an unclear failure the caller needs its own order number to query with.
const ORDER: &[&str] = &["order"];
/// A page's URL holds what the page is opened with.
const PAGE: &[&str] = &["amount", "goods", "order", "redirect", "openid", "name", "phone", "card"];

/// Header lines whose values are canaries.
fn headers() -> String {
    let canary = value("header");
    ["User-Agent", "Accept-Language", "Cookie", "Authorization", "X-Remote-User", "X-QF-SIGN", "From"]
        .map(|name| format!("{name}: {canary}\r\n"))
        .concat()
}

fn request(line: &str, further: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    request_to("localhost", line, further, body)
}

fn request_to(host: &str, line: &str, further: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{}{further}{length}\r\n", headers());
    [head.as_bytes(), body].concat()
}

/// The value canaries as a form, under names that QFPay's documents use.
pub fn form() -> String {
    let pairs = [
        ("txamt", "amount"),
        ("goods_name", "goods"),
        ("customer_name", "name"),
        ("phone", "phone"),
        ("openid", "openid"),
        ("card_no", "card"),
        ("out_trade_no", "order"),
        ("return_url", "redirect"),
    ];
    pairs.map(|(name, canary)| format!("{name}={}", encode(value(canary)))).join("&")
}

fn json() -> String {
    let pairs = VALUES.map(|(name, value)| format!(r#""{name}": "{value}""#));
    format!("{{{}}}", pairs.join(", "))
}

fn multipart() -> String {
    let part = |(name, value): (&str, &str)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    format!("{}--XX--\r\n", VALUES.map(part).concat())
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const MULTIPART: &str = "Content-Type: multipart/form-data; boundary=XX\r\n";
const PAYMENT: &str = "POST /trade/v1/payment";

/// Calls that reach the upstream, whatever it does then.
pub fn forwarded() -> Vec<Path> {
    let answer = value("answer");
    let body = format!(r#"{{"respcd": "0000", "syssn": "{answer}"}}"#);
    let signed = format!("X-QF-SIGN: {}\r\nX-Syssn: {answer}\r\n", "AB".repeat(16));
    let sent = |name, further: &str, body: String| (name, request(PAYMENT, further, body));
    let ways = [
        sent("a form", FORM, form()),
        sent("a form without its type", "", form()),
        sent("JSON", JSON, json()),
        sent("multipart", MULTIPART, multipart()),
        ("a query", request(&format!("POST /trade/v1/payment?{}", form()), "", "")),
        ("GET", request(&format!("GET /trade/v1/query?{}", form()), "", "")),
        (
            "an app by its code",
            request(PAYMENT, &format!("{FORM}X-QF-APPCODE: {}\r\n", crate::support::APP_CODE), form()),
        ),
    ];
    let mut paths: Vec<_> = ways
        .into_iter()
        .map(|(name, request)| {
            let reply = Some(Reply::of("200 OK", &signed, &body));
            Path { name, request, reply, may_hold: ANSWER }
        })
        .collect();
    let replies = [
        ("a body that is no JSON", Reply::ok(answer), ORDER),
        ("500", Reply::of("500 Internal Server Error", "", answer), ORDER),
        ("another order", Reply::ok(format!(r#"{{"respcd":"0000","out_trade_no":"{answer}"}}"#)), ORDER),
        ("429", Reply::of("429 Too Many Requests", "", answer), ANSWER),
        (
            "a redirect",
            Reply::of("302 Found", &format!("Location: https://x.test/{answer}\r\n"), answer),
            ORDER,
        ),
        ("garbage", Reply::raw(format!("{answer} garbage\r\n\r\n")).then_close(), ORDER),
        ("a broken head", Reply::raw(format!("HTTP/1.1 200 OK\r\nX: {answer}")).then_close(), ORDER),
        (
            "a head with a line that is no header",
            Reply::raw(format!("HTTP/1.1 200 OK\r\n{answer}\r\n\r\n")).then_close(),
            ORDER,
        ),
        (
            "a broken length",
            Reply::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {answer}\r\n\r\n")).then_close(),
            ORDER,
        ),
        (
            "a broken chunk",
            Reply::raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{answer}\r\n"))
                .then_close(),
            ORDER,
        ),
        (
            "another protocol",
            Reply::raw(format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: {answer}\r\nConnection: upgrade\r\n\r\n"
            ))
            .then_close(),
            ORDER,
        ),
        (
            "half a body",
            Reply::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{answer}")).then_close(),
            ORDER,
        ),
        ("nothing", Reply::close(), ORDER),
        ("a reset", Reply::reset(), ORDER),
    ];
    paths.extend(replies.map(|(name, reply, may_hold)| Path {
        name,
        request: request(PAYMENT, FORM, form()),
        reply: Some(reply),
        may_hold,
    }));
    paths
}

/// Requests that never leave the sidecar. Each is refused, and its answer repeats nothing but what [`shown`] names.
pub fn refused() -> Vec<Path> {
    let (goods, header) = (value("goods"), value("header"));
    let form = form();
    let typed = |kind: &str| format!("Content-Type: {kind}\r\n");
    let cases = vec![
        ("a repeated name", request(PAYMENT, FORM, format!("{form}&goods_name={goods}"))),
        ("broken percent-encoding", request(PAYMENT, FORM, format!("{form}&a={goods}%zz"))),
        ("not UTF-8", request(PAYMENT, FORM, format!("{form}&a={goods}%ff"))),
        ("an illegal name", request(PAYMENT, FORM, format!("{form}&a[]={goods}"))),
        ("a part without =", request(PAYMENT, FORM, format!("a={goods}&b&{form}"))),
        ("broken JSON", request(PAYMENT, JSON, format!("{}, ", json().trim_end_matches('}')))),
        ("JSON with a name twice", request(PAYMENT, JSON, format!(r#"{{"a": "{goods}", "a": "{goods}"}}"#))),
        ("JSON with a broken escape", request(PAYMENT, JSON, format!(r#"{{"a": "{goods}\u12"}}"#))),
        (
            "JSON with a wrong number",
            request(PAYMENT, JSON, format!(r#"{{"b": "{goods}", "a": 07321906555}}"#)),
        ),
        ("JSON with a lone surrogate", request(PAYMENT, JSON, format!(r#"{{"a": "{goods}\ud800"}}"#))),
        ("a JSON list", request(PAYMENT, JSON, format!("[{}]", json()))),
        ("a JSON text", request(PAYMENT, JSON, format!("\"{goods}\""))),
        ("JSON that is not UTF-8", request(PAYMENT, JSON, [json().as_bytes(), b"\xff"].concat())),
        ("JSON that says it is a form", request(PAYMENT, FORM, json())),
        ("multipart without its boundary", request(PAYMENT, &typed("multipart/form-data"), multipart())),
        (
            "multipart that breaks off",
            request(PAYMENT, MULTIPART, multipart().trim_end_matches("--XX--\r\n")),
        ),
        (
            "multipart of another boundary",
            request(PAYMENT, &typed("multipart/form-data; boundary=YY"), multipart()),
        ),
        (
            "a file",
            request(
                PAYMENT,
                MULTIPART,
                multipart().replace("name=\"card\"", "name=\"card\"; filename=\"canary-goods-Milk-Tea\""),
            ),
        ),
        ("another media type", request(PAYMENT, &typed(&format!("text/{header}")), &form)),
        (
            "another charset",
            request(PAYMENT, &typed(&format!("application/x-www-form-urlencoded; charset={header}")), &form),
        ),
        ("a content encoding", request(PAYMENT, &format!("Content-Encoding: {header}\r\n"), &form)),
        ("query and body", request(&format!("POST /trade/v1/payment?{form}"), FORM, &form)),
        ("a body with GET", request("GET /trade/v1/query", FORM, &form)),
        ("a body that is too large", request(PAYMENT, FORM, format!("{form}&a={}", goods.repeat(900)))),
        ("a wrong method", request(&format!("GET /trade/v1/payment?{form}"), "", "")),
        ("a made up method", request(&format!("CANARY-GOODS-MILK-TEA /trade/v1/payment?{form}"), "", "")),
        ("an unknown path", request(&format!("POST /{goods}"), FORM, &form)),
        ("an unknown app", request(PAYMENT, &format!("{FORM}X-QF-APPCODE: {header}\r\n"), &form)),
        ("an unknown app by parameter", request(PAYMENT, FORM, format!("{form}&app_code={goods}"))),
        (
            "two apps",
            request(PAYMENT, &format!("X-QF-APPCODE: {header}\r\n"), format!("{form}&app_code={goods}")),
        ),
        ("an encoded path", request(&format!("POST /trade/v1/pay%6dent?{form}"), "", "")),
        ("a fragment", request(&format!("POST /trade/v1/payment?{form}#&txamt={goods}"), "", "")),
        (
            "another host as the target",
            request(&format!("POST http://{header}.test/trade/v1/payment"), FORM, &form),
        ),
        ("a web page", request(PAYMENT, &format!("{FORM}Origin: https://{header}.test\r\n"), &form)),
        (
            "a form of a page in an old browser",
            request(
                PAYMENT,
                &format!("{FORM}User-Agent: Mozilla/5.0 ({header})\r\nReferer: https://{header}.test/\r\n"),
                &form,
            ),
        ),
        ("an opened link", request(PAYMENT, &format!("{FORM}Sec-Fetch-Mode: {header}\r\n"), &form)),
        ("a web server's header", request(PAYMENT, &format!("{FORM}Forwarded: {header}\r\n"), &form)),
        (
            "an empty app code beside another",
            request(PAYMENT, FORM, format!("{form}&app_code=&appcode={goods}")),
        ),
        ("a raw line end", request(PAYMENT, FORM, format!("{form}\r\n"))),
        ("another merchant", request(PAYMENT, &format!("{FORM}X-QF-MCHCODE: {header}\r\n"), &form)),
        (
            "bytes that the charset lacks",
            request(
                PAYMENT,
                "Content-Type: application/x-www-form-urlencoded; charset=Big5\r\n",
                format!("{form}&name={goods}%FF"),
            ),
        ),
        ("another host", request_to(&format!("{header}.test"), PAYMENT, FORM, &form)),
        (
            "a target that is too long",
            request(&format!("POST /trade/v1/payment?{form}&a={}", "|".repeat(25_000)), "", ""),
        ),
        ("sign-in without its parameter", request("GET /tool/v1/get_weixin_oauth_code", "", "")),
        (
            "sign-in with further parameters",
            request(
                &format!("GET /tool/v1/get_weixin_oauth_code?redirect_uri=https://a.test/&{form}"),
                "",
                "",
            ),
        ),
        (
            "sign-in to no URL",
            request(
                &format!("GET /tool/v1/get_weixin_oauth_code?redirect_uri={}", value("redirect")),
                "",
                "",
            ),
        ),
        (
            "sign-in to a host that is not allowed",
            request(
                &format!(
                    "GET /tool/v1/get_weixin_oauth_code?redirect_uri=https://{}.test/",
                    value("redirect")
                ),
                "",
                "",
            ),
        ),
        (
            "sign-in with a second meaning",
            request(
                &format!(
                    "GET /tool/v1/get_weixin_oauth_code?redirect_uri=https://a.test/?{}%26txamt=1",
                    value("redirect")
                ),
                "",
                "",
            ),
        ),
        ("a payment page without JSON", request(&format!("GET /q/direct?pay_params={goods}"), "", "")),
        ("a notification without a signature", post_verify("", &notification())),
        (
            "a notification with a broken one",
            post_verify(&format!("X-QF-SIGN: {header}\r\n"), &notification()),
        ),
        (
            "a notification with a wrong one",
            post_verify(&format!("X-QF-SIGN: {}\r\n", "0".repeat(32)), &notification()),
        ),
    ];
    let path = |(name, request)| Path { name, request, reply: None, may_hold: shown(name) };
    cases.into_iter().map(path).collect()
}

/// A caller is shown what it sent where it must change that: the Host and the page that are not taken.
fn shown(name: &str) -> &'static [&'static str] {
    match name {
        "a web page" | "an opened link" | "another host" => &["header"],
        _ => &[],
    }
}

/// URLs for browsers: signed on purpose, with what the page shows.
pub fn pages() -> Vec<Path> {
    let redirect = encode(&format!("https://shop.test/back?t={}", value("redirect")));
    let checkout = format!(
        "GET /checkstand/?paysource=shop_checkout&txcurrcd=HKD&txamt={}&goods_name={}&out_trade_no={}&return_url={redirect}\
         &failed_url={redirect}&notify_url={redirect}",
        value("amount"),
        value("goods"),
        value("order")
    );
    let fields = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];
    let fields = fields.map(|name| format!(r#""{name}": "{}""#, value("name"))).join(", ");
    let direct = format!(
        "GET /q/direct?mchntnm={}&txamt={}&currency=HKD&redirect_url={redirect}&pay_params={}",
        value("goods"),
        value("amount"),
        encode(&format!("{{{fields}}}"))
    );
    let json = "Accept: application/json\r\n";
    let oauth = format!("GET /tool/v1/get_weixin_oauth_code?redirect_uri={redirect}");
    [
        ("sign-in", request(&oauth, "", "")),
        ("sign-in as JSON", request(&oauth, json, "")),
        ("checkout", request(&checkout, "", "")),
        ("the payment page", request(&direct, "", "")),
    ]
    .map(|(name, request)| Path { name, request, reply: None, may_hold: PAGE })
    .into()
}

/// The body of a notification.
pub fn notification() -> String {
    format!(r#"{{"status": "1", "out_trade_no": "{}", "txamt": "{}"}}"#, value("notified"), value("amount"))
}

/// Asks the API listener whose key signed a body.
pub fn post_verify(headers: &str, body: &str) -> Vec<u8> {
    let head = format!("POST /sidecar/v1/verify HTTP/1.1\r\nHost: localhost\r\n{headers}");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
