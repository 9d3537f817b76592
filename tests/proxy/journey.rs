//! The WeChat JSAPI journey through sidecar and sandbox, by a shop that holds no key, and what each step says to bad
//! input. Real curl plays the shop and the customer's browser.

use crate::support::{Answer, Launch, Sidecar, curl, decode};

const CONFIG: &str = r#"
listen.api = "127.0.0.1:0"
listen.admin = "127.0.0.1:0"
sandbox.listen = "127.0.0.1:0"
log.level = "trace"
[apps.demo]
app_code = "5A4DB0C55A4DB0C55A4DB0C55A4DB0C5"
"#;

/// Where the shop wants its customer back; a query of its own, with a name that QFPay does not know.
const CALLBACK: &str = "http://127.0.0.1:9/callback?cart=7&t=a b";

struct Shop {
    sidecar: Sidecar,
}

impl Shop {
    fn open() -> Self {
        Self { sidecar: Launch::new(CONFIG).start() }
    }

    /// Step 1 and 2: the oauth URL, and the customer's browser that follows it to the sandbox and back.
    fn code(&self) -> String {
        let asked = format!("redirect_uri={CALLBACK}");
        let answer = self.sidecar.curl(&["-G", "--data-urlencode", &asked], "/tool/v1/get_weixin_oauth_code");
        assert_eq!(answer.status, 302, "{}", answer.text());
        let back = curl(&[answer.header("Location").unwrap()]);
        assert_eq!(back.status, 302, "{}", back.text());
        let back = back.header("Location").unwrap();
        let (callback, code) = back.rsplit_once("&code=").unwrap();
        assert!(callback.starts_with("http://127.0.0.1:9/callback?cart=7&t=a"), "{back}");
        code.to_owned()
    }

    /// Step 3: the code becomes an openid.
    fn openid(&self, code: &str) -> Answer {
        self.sidecar.curl(&["-G", "--data-urlencode", &format!("code={code}")], "/tool/v1/get_weixin_openid")
    }

    /// Step 4: the payment; `changed` parameters replace the usual ones, an empty value leaves one out.
    fn pay(&self, openid: &str, changed: &[(&str, &str)]) -> Answer {
        let usual = [
            ("txamt", "2800"),
            ("txcurrcd", "HKD"),
            ("pay_type", "800207"),
            ("out_trade_no", "order-1"),
            ("txdtm", "2026-01-31 12:00:00"),
            ("goods_name", "港式奶茶 & 菠蘿包"),
            ("sub_openid", openid),
        ];
        let value = |name: &str, value: &str| {
            let changed = changed.iter().find(|(other, _)| *other == name);
            format!("{name}={}", changed.map_or(value, |(_, value)| value))
        };
        let fields: Vec<_> = usual.iter().map(|(name, usual)| value(name, usual)).collect();
        let arguments: Vec<_> = fields.iter().flat_map(|field| ["--data-urlencode", field]).collect();
        self.sidecar.curl(&arguments, "/trade/v1/payment")
    }

    /// Step 5: the URL of the page on which the customer pays.
    fn page(&self, pay_params: &str, changed: &[(&str, &str)]) -> Answer {
        let usual = [
            ("pay_params", pay_params),
            ("mchntnm", "香港茶餐廳"),
            ("txamt", "2800"),
            ("currency", "HKD"),
            ("redirect_url", "http://127.0.0.1:9/done?order=1&lang=zh"),
        ];
        let value = |name: &str, value: &str| {
            let changed = changed.iter().find(|(other, _)| *other == name);
            format!("{name}={}", changed.map_or(value, |(_, value)| value))
        };
        let fields: Vec<_> = usual.iter().map(|(name, usual)| value(name, usual)).collect();
        let mut arguments = vec!["-G"];
        arguments.extend(fields.iter().flat_map(|field| ["--data-urlencode", field]));
        self.sidecar.curl(&arguments, "/q/direct")
    }

    /// The state of an order, as the shop asks for it.
    fn state(&self, out_trade_no: &str) -> String {
        let answer = self.sidecar.curl(&["-d", &format!("out_trade_no={out_trade_no}")], "/trade/v1/query");
        answer.json()["data"][0]["respcd"].as_str().unwrap().to_owned()
    }
}

/// Presses the button of a page as a browser without JavaScript does: posts the form that holds it.
fn press(page_url: &str, button: &str) -> Answer {
    let page = curl(&[page_url]);
    assert_eq!(page.status, 200, "{}", page.text());
    let html = page.text();
    let end = html.find(&format!(">{button}")).unwrap_or_else(|| panic!("no button {button}: {html}"));
    let form = &html[html[..end].rfind("<form").unwrap()..end];
    let attribute = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.replace("&amp;", "&"))
    };
    let origin = page_url.split('/').take(3).collect::<Vec<_>>().join("/");
    let action = attribute(form, "action").unwrap();
    let action = if action.starts_with('/') { format!("{origin}{action}") } else { action };
    let mut arguments = vec!["-X".to_owned(), "POST".to_owned()];
    for input in form.split("<input").skip(1).chain(form.rsplit("<button").take(1)) {
        if let (Some(name), Some(value)) = (attribute(input, "name"), attribute(input, "value")) {
            arguments.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
    }
    arguments.push(action);
    curl(&arguments)
}

#[test]
fn a_customer_pays_from_the_shops_page_to_the_paid_order() {
    let shop = Shop::open();
    let openid = shop.openid(&shop.code());
    assert_eq!(
        (openid.json()["respcd"].as_str(), openid.header("X-Sandbox-Signature")),
        (Some("0000"), Some("verified"))
    );
    let payment = shop.pay(openid.json()["openid"].as_str().unwrap(), &[]);
    assert_eq!(payment.json()["respcd"], "0000", "{}", payment.text());
    assert_eq!(shop.state("order-1"), "1143", "not paid yet");

    let page = shop.page(&payment.json()["pay_params"].to_string(), &[]);
    assert_eq!(page.status, 302, "{}", page.text());
    let url = page.header("Location").unwrap();
    let (host, query) = url.split_once("/q/direct?").unwrap();
    assert_eq!(host, format!("http://{}", shop.sidecar.sandbox.as_ref().unwrap()));
    let sent = decode(query.as_bytes());
    assert!(sent.contains(&("mchntnm".to_owned(), "香港茶餐廳".to_owned())), "{sent:?}");
    assert!(
        sent.contains(&("redirect_url".to_owned(), "http://127.0.0.1:9/done?order=1&lang=zh".to_owned()))
    );
    let shown = curl(&[url]);
    assert!(shown.text().contains("香港茶餐廳") && shown.text().contains("HKD 28.00"), "{}", shown.text());

    let done = press(url, "Pay");
    assert_eq!(
        (done.status, done.header("Location")),
        (303, Some("http://127.0.0.1:9/done?order=1&lang=zh"))
    );
    assert_eq!(shop.state("order-1"), "0000", "paid");
}

#[test]
fn a_customer_who_cancels_has_not_paid() {
    let shop = Shop::open();
    let openid = shop.openid(&shop.code()).json()["openid"].as_str().unwrap().to_owned();
    let payment = shop.pay(&openid, &[]);
    let page = shop.page(&payment.json()["pay_params"].to_string(), &[]);
    let done = press(page.header("Location").unwrap(), "Cancel");
    assert_eq!(
        (done.status, done.header("Location")),
        (303, Some("http://127.0.0.1:9/done?order=1&lang=zh"))
    );
    assert_eq!(shop.state("order-1"), "1143", "the redirect proves nothing");
}

#[test]
fn server_code_gets_the_urls_as_json() {
    let shop = Shop::open();
    let asked = ["-H", "Accept: application/json", "-G", "-d", "redirect_uri=https%3A%2F%2Fshop.test%2Fcb"];
    let answer = shop.sidecar.curl(&asked, "/tool/v1/get_weixin_oauth_code");
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/json")));
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    assert!(url.contains("/tool/v1/get_weixin_oauth_code?app_code="), "{url}");
    assert_eq!(curl(&[&url]).status, 302);
}

#[test]
fn a_code_works_once_and_an_unknown_one_never() {
    let shop = Shop::open();
    let code = shop.code();
    assert_eq!(shop.openid(&code).json()["respcd"], "0000");
    for spent in [code.as_str(), "0123456789abcdef"] {
        let answer = shop.openid(spent).json();
        assert_eq!(answer["respcd"], "2005", "{answer}");
        assert!(answer["respmsg"].as_str().unwrap().contains("code"), "{answer}");
    }
}

#[test]
fn an_openid_is_needed_and_serves_one_payment() {
    let shop = Shop::open();
    let missing = shop.pay("", &[]).json();
    assert_eq!(missing["respcd"], "1104", "{missing}");
    assert!(missing["respmsg"].as_str().unwrap().contains("sub_openid"), "{missing}");
    let made_up = shop.pay("oMadeUp", &[]).json();
    assert_eq!(made_up["respcd"], "1104", "{made_up}");
    let openid = shop.openid(&shop.code()).json()["openid"].as_str().unwrap().to_owned();
    assert_eq!(shop.pay(&openid, &[]).json()["respcd"], "0000");
    let again = shop.pay(&openid, &[("out_trade_no", "order-2")]).json();
    assert_eq!(again["respcd"], "1104", "{again}");
}

#[test]
fn a_wrong_payment_is_refused_by_parameter() {
    let shop = Shop::open();
    let openid = shop.openid(&shop.code()).json()["openid"].as_str().unwrap().to_owned();
    for (name, wrong) in
        [("txcurrcd", "XXX"), ("txamt", "0"), ("txamt", "28.00"), ("txdtm", "today"), ("pay_type", "wechat")]
    {
        let answer = shop.pay(&openid, &[(name, wrong)]);
        assert_eq!((answer.status, answer.header("X-Sandbox-Signature")), (200, Some("verified")));
        assert_eq!(answer.json()["respcd"], "1104", "{name}: {}", answer.text());
        assert!(answer.json()["respmsg"].as_str().unwrap().contains(name), "{name}: {}", answer.text());
    }
    // New pay types appear often: an unknown one is QFPay's to judge, and the sandbox takes it.
    assert_eq!(shop.pay(&openid, &[("pay_type", "809999")]).json()["respcd"], "0000");
    let repeated = shop.pay(&openid, &[]).json();
    assert_eq!(repeated["respcd"], "1251", "{repeated}");
}

#[test]
fn a_page_url_is_refused_by_parameter() {
    let shop = Shop::open();
    let pay_params = r#"{"appId":"wx1","timeStamp":"1","nonceStr":"n","package":"prepay_id=p","signType":"MD5","paySign":"s"}"#;
    for (name, wrong, status, code) in [
        ("currency", "hkd", 400, "parameter_invalid"),
        ("txamt", "0", 400, "parameter_invalid"),
        ("redirect_url", "shop.test/done", 400, "redirect_invalid"),
        ("redirect_url", "javascript:alert(1)", 400, "redirect_invalid"),
        ("pay_params", "prepay_id=p", 400, "parameter_invalid"),
        ("pay_params", r#"{"appId":"wx1"}"#, 400, "parameter_missing"),
    ] {
        let answer = shop.page(pay_params, &[(name, wrong)]);
        answer.assert_failure(status, code);
    }
}

#[test]
fn an_oauth_url_without_a_return_address_is_refused() {
    let shop = Shop::open();
    let path = "/tool/v1/get_weixin_oauth_code";
    shop.sidecar.curl(&[] as &[&str], path).assert_failure(400, "parameter_missing");
    let relative = ["-G", "--data-urlencode", "redirect_uri=/callback"];
    shop.sidecar.curl(&relative, path).assert_failure(400, "redirect_invalid");
    let smuggled = ["-G", "--data-urlencode", "redirect_uri=http://shop.test/?a=1&mchid=other"];
    shop.sidecar.curl(&smuggled, path).assert_failure(400, "parameter_ambiguous");
}

#[test]
fn a_customers_browser_reaches_pages_below_the_public_prefix_and_no_call() {
    let launch = Launch::new(CONFIG).set("browser.public_prefix=/pay");
    let shop = Shop { sidecar: launch.set("browser.allowed_redirect_hosts=shop.test").start() };
    let from_page = ["-H", "Host: shop.test", "-H", "Sec-Fetch-Site: cross-site"];
    let call: Vec<_> = from_page.iter().copied().chain(["-d", "out_trade_no=1"]).collect();
    shop.sidecar.curl(&call[2..], "/trade/v1/query").assert_failure(403, "browser_refused");
    shop.sidecar.curl(&call, "/pay/trade/v1/query").assert_failure(421, "host_refused");
    // A customer's browser follows a link when an old shop builds its oauth URL by hand.
    let asked = ["-G", "-d", "redirect_uri=http%3A%2F%2Fshop.test%2F"];
    let link: Vec<_> = from_page.iter().chain(&asked).copied().collect();
    shop.sidecar.curl(&link, "/tool/v1/get_weixin_oauth_code").assert_failure(421, "host_refused");
    assert_eq!(shop.sidecar.curl(&link, "/pay/tool/v1/get_weixin_oauth_code").status, 302);
}
