//! The one exception: pages that customers' browsers open under the shop's own name.

use crate::support::{Answer, Stage, decode, md5_elsewhere};

const OAUTH: &str = "/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F";
const CHECKOUT: &str = "/checkstand/?paysource=a_checkout&txamt=100&txcurrcd=HKD&out_trade_no=1\
    &return_url=https%3A%2F%2Fshop.test%2F&failed_url=https%3A%2F%2Fshop.test%2F&notify_url=https%3A%2F%2Fshop.test%2F";
const DIRECT: &str = "/q/direct?appId=a&timeStamp=1&nonceStr=n&package=p&signType=MD5&paySign=s&mchntnm=m&txamt=1\
    &currency=HKD&redirect_url=https%3A%2F%2Fshop.test%2F";

/// What a customer's browser sends through the shop's web server.
const CUSTOMER: &str = "Host: www.shop.test\r\nReferer: https://www.shop.test/cart\r\nSec-Fetch-Site: cross-site\r\n\
    Sec-Fetch-Mode: navigate\r\nOrigin: https://www.shop.test\r\n";

/// The shop's own key.
const LOCAL: &str = "shop-and-sidecar-only-7f3d9a6c51b04e28";

/// A sidecar that serves customers below `/pay`, for one shop's server that signs.
fn stage(settings: &[&str]) -> Stage {
    Stage::launch(|launch| {
        let launch = launch.file("local", LOCAL, 0o600).set("browser.local_key_file={folder}/local");
        let launch = launch.set("browser.public_prefix=/pay");
        settings.iter().fold(launch, |launch, setting| launch.set(setting))
    })
}

/// A page as the shop's server signs it.
fn signed(page: &str) -> String {
    let (path, query) = page.split_once('?').unwrap();
    match path {
        "/q/direct" => page.to_owned(),
        _ => format!("{page}&sign={}", md5_elsewhere(&decode(query.as_bytes()), LOCAL)),
    }
}

fn ask(stage: &Stage, line: &str, headers: &str) -> Answer {
    stage.sidecar.raw(format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n"))
}

#[test]
fn customers_reach_the_pages_below_the_prefix_whatever_their_browser_says() {
    let stage = stage(&[]);
    for page in [OAUTH, CHECKOUT, DIRECT].map(signed) {
        for headers in
            [CUSTOMER, "Host: anything:1\r\n", "Host: a@b\r\n", "Host: \r\nSec-Fetch-Site: same-origin\r\n"]
        {
            let answer = ask(&stage, &format!("GET /pay{page}"), headers);
            assert_eq!(answer.status, 302, "{headers}: {}", answer.text());
            super::assert_no_cors(&answer);
        }
        // One Host, and a path.
        ask(&stage, &format!("GET /pay{page}"), "Host: a\r\nHost: a\r\n").assert_failure(421, "host_refused");
        let absolute = ask(&stage, &format!("GET http://www.shop.test/pay{page}"), CUSTOMER);
        absolute.assert_failure(400, "target_refused");
        // Without the prefix a page is like everything else: for server code, and for whoever types the address.
        let line = format!("GET {page}");
        ask(&stage, &line, CUSTOMER).assert_failure(421, "host_refused");
        let own = format!("Host: {}\r\n", stage.sidecar.api);
        ask(&stage, &line, &format!("{own}Sec-Fetch-Site: cross-site\r\n"))
            .assert_failure(403, "browser_refused");
        ask(&stage, &line, &format!("{own}Origin: null\r\n")).assert_failure(403, "browser_refused");
        assert_eq!(ask(&stage, &line, &own).status, 302);
        assert_eq!(ask(&stage, &line, &format!("{own}Sec-Fetch-Site: none\r\n")).status, 302);
        let json = ask(&stage, &line, &format!("{own}Accept: application/json\r\n"));
        assert_eq!(json.status, 200);
    }
    stage.assert_nothing_sent();
}

#[test]
fn nothing_else_is_served_below_the_prefix() {
    let stage = stage(&[]);
    let own = format!("Host: {}\r\n", stage.sidecar.api);
    for path in [
        "/trade/v1/payment",
        "/trade/v1/query",
        "/tool/v1/get_weixin_openid?code=1",
        "/sidecar/v1/verify",
        "/oauth/v2/access_token",
        "/pay/q/direct",
        "/q",
        "/q/pay/1",
        "/Q/direct",
        "/q/direct/",
        "",
        "/",
    ] {
        for method in ["GET", "POST"] {
            let line = format!("{method} /pay{path}");
            ask(&stage, &line, CUSTOMER).assert_failure(421, "host_refused");
            ask(&stage, &line, &format!("{own}Origin: null\r\n")).assert_failure(403, "browser_refused");
            ask(&stage, &line, &own).assert_failure(404, "path_unknown");
        }
    }
    for odd in
        ["/pay//q/direct", "/pay/../trade/v1/payment", "/pay/./q/direct", "/pay%2fq/direct", "/pay\\q/direct"]
    {
        let answer = ask(&stage, &format!("GET {odd}"), CUSTOMER);
        assert_eq!(answer.status, 421, "{odd}");
        ask(&stage, &format!("GET {odd}"), &own).assert_failure(400, "target_refused");
    }
    ask(&stage, "GET /payq/direct", CUSTOMER).assert_failure(421, "host_refused");
    ask(&stage, "GET /PAY/q/direct", CUSTOMER).assert_failure(421, "host_refused");
    // A page is a page there: its methods and parameters are what they are without the prefix.
    ask(&stage, &format!("POST /pay{OAUTH}"), CUSTOMER).assert_failure(405, "method_not_allowed");
    ask(&stage, &format!("GET /pay{OAUTH}&syssn=1"), CUSTOMER).assert_failure(400, "parameter_unknown");
    stage.assert_nothing_sent();
}

#[test]
fn without_the_setting_there_is_no_prefix() {
    let stage = Stage::new(&[]);
    for prefix in ["", "/pay"] {
        ask(&stage, &format!("GET {prefix}{OAUTH}"), CUSTOMER).assert_failure(421, "host_refused");
    }
    let own = format!("Host: {}\r\n", stage.sidecar.api);
    ask(&stage, &format!("GET /pay{OAUTH}"), &own).assert_failure(404, "path_unknown");
    // Pages that are turned off, and prefixes of calls that are not allowed, stay so below it.
    let stage = self::stage(&["browser.pages=[\"direct\"]"]);
    ask(&stage, &format!("GET /pay{OAUTH}"), CUSTOMER).assert_failure(403, "path_not_allowed");
    let stage = self::stage(&["routes.allow=[\"/trade/v1/\"]"]);
    ask(&stage, &format!("GET /pay{OAUTH}"), CUSTOMER).assert_failure(403, "path_not_allowed");
    stage.assert_nothing_sent();
}
