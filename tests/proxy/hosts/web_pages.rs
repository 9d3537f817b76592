//! What browsers say about the page that made a request.

use qfpay_sidecar::endpoint::{ENDPOINTS, Effect};

use super::{House, assert_no_cors};
use crate::support::{Reply, Stage};

const BY_PAGES: [&str; 12] = [
    "Origin: https://evil.test",
    "Origin: http://OWN", // of one origin: what a rebound page or the sandbox's own console would say
    "Origin: http://localhost",
    "Origin: null",
    "Origin: ",
    "Origin: chrome-extension://abcdefghijklmnop",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-site",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Site: NONE",
    "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: none\r\nOrigin: null",
];

#[test]
fn no_web_page_reaches_a_listener() {
    let house = House::new(&[]);
    for door in house.doors().iter().filter(|door| !door.name.starts_with("sandbox")) {
        let own = format!("Host: {}\r\n", door.address);
        for by_page in BY_PAGES {
            let sent = format!("{own}{}\r\n", by_page.replace("OWN", &door.address));
            let said = door.assert_refused(&door.ask(&sent), 403, "browser_refused", &sent);
            assert!(
                said.contains("the request carries ") && said.contains("Sec-Fetch-Site but none"),
                "{said}"
            );
        }
        // A server.
        door.assert_let_in(&own);
    }
    assert_eq!(house.calls_that_arrived(), 1);
}

/// What a browser says when a person opens a link from a mail or a chat, or types an address; and its kin.
const OPENED: [&str; 9] = [
    "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-User: ?1\r\n",
    "Sec-Fetch-Mode: navigate\r\n",
    "Sec-Fetch-Mode: nested-navigate\r\n",
    "Sec-Fetch-Mode: NAVIGATE\r\n",
    "Sec-Fetch-Mode: cors\r\nSec-Fetch-Mode: navigate\r\n",
    "Sec-Fetch-Dest: document\r\n",
    "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
    "Sec-Fetch-Dest: iframe\r\n",
    "Sec-Fetch-User: ?1\r\n",
];

#[test]
fn a_browser_may_open_pages_and_no_call() {
    let house = House::new(&[]);
    for door in house.doors().iter().filter(|door| !door.name.starts_with("sandbox")) {
        let own = format!("Host: {}\r\n", door.address);
        for opened in OPENED {
            let sent = format!("{own}{opened}");
            match door.name {
                "api" | "verify" => {
                    let said = door.assert_refused(&door.ask(&sent), 403, "browser_refused", &sent);
                    assert!(said.contains("a browser opens it as a page"), "{said}");
                }
                _ => door.assert_let_in(&sent),
            }
        }
        // What Node's fetch says.
        door.assert_let_in(&format!("{own}Sec-Fetch-Mode: cors\r\n"));
    }
    assert_eq!(house.calls_that_arrived(), 1);
    // GET closes an order: the link in a chat that this is about.
    let stage = Stage::new(&[]);
    for path in ["/trade/v1/close?out_trade_no=1", "/trade/v1/query?syssn=1", "/trade/v1/payment?txamt=1"] {
        let link = OPENED[0].replace("\r\n", "\n");
        let arguments: Vec<_> = link.lines().flat_map(|line| ["-H", line]).collect();
        stage.sidecar.curl(&arguments, path).assert_failure(403, "browser_refused");
    }
    stage.assert_nothing_sent();
}

/// Requests of browsers that know no `Sec-Fetch-Site`, with what they send beside `Host`.
const SAFARI_12: &str = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
    like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1\r\nAccept: */*\r\nAccept-Language: en-us\r\n\
    Accept-Encoding: gzip, deflate\r\n";
const FIREFOX_68: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:68.0) Gecko/20100101 Firefox/68.0\r\nAccept: \
    text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: de,en-US;q=0.7,en;q=0.3\r\n\
    Accept-Encoding: gzip, deflate\r\nUpgrade-Insecure-Requests: 1\r\n";
const REFERER: &str = "Referer: https://evil.test/page\r\n";

#[test]
fn pages_in_old_browsers_change_nothing() {
    let stage = Stage::new(&[]);
    let ask = |line: &str, headers: &str, form: &str| {
        stage.sidecar.raw(format!(
            "{line} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\nContent-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            stage.sidecar.api,
            form.len()
        ))
    };
    let forms = ["POST /trade/v1/payment", "POST /trade/v1/close", "POST /tool/v1/get_weixin_openid"];
    let verify = "POST /sidecar/v1/verify";
    for line in forms.into_iter().chain([verify]) {
        // Firefox names the page of a form in Referer only, Safari in Origin too.
        let said = ask(line, &format!("{FIREFOX_68}{REFERER}"), "code=1");
        said.assert_failure(403, "browser_refused");
        assert!(said.text().contains("Referer and Accept-Language"), "{}", said.text());
        ask(line, &format!("{SAFARI_12}Origin: https://evil.test\r\n"), "code=1")
            .assert_failure(403, "browser_refused");
    }
    for browser in [SAFARI_12, FIREFOX_68] {
        // An image, a link, with a policy of the page that hides the referer or without.
        for referer in [REFERER, ""] {
            let close = ask("GET /trade/v1/close?out_trade_no=1", &format!("{browser}{referer}"), "");
            close.assert_failure(403, "browser_refused");
            assert!(close.text().contains("with POST"), "{}", close.text());
        }
        let openid = "GET /tool/v1/get_weixin_openid?code=1";
        ask(openid, &format!("{browser}{REFERER}"), "").assert_failure(403, "browser_refused");
    }
    stage.assert_nothing_sent();
}

#[test]
fn a_referer_of_a_library_proves_nothing() {
    let agents = ["", "User-Agent: WordPress/6.1; https://shop.test\r\n", "User-Agent: libwww-perl/6.68\r\n"];
    let stage = Stage::new(&[]);
    let mut sent = 0;
    for agent in agents {
        for line in [
            "POST /trade/v1/payment",
            "GET /trade/v1/query?syssn=1",
            "GET /trade/v1/close?syssn=1",
            "GET /tool/v1/get_weixin_openid?code=1",
        ] {
            let form = if line.starts_with("POST") { "txamt=1" } else { "" };
            let answer = stage.sidecar.raw(format!(
                "{line} HTTP/1.1\r\nHost: {0}\r\n{agent}Accept-Language: en\r\nReferer: http://{0}/trade/v1/payment\r\n\
                 Content-Length: {1}\r\n\r\n{form}",
                stage.sidecar.api,
                form.len()
            ));
            assert_eq!(answer.status, 200, "{agent}{line}: {}", answer.text());
            sent += 1;
        }
    }
    // A helper that calls itself a browser, as PHP's often do, sends no Accept-Language.
    let mozilla = ["-A", "Mozilla/4.0 (compatible; MSIE 6.0)", "-e", "https://shop.test/", "-d", "txamt=1"];
    assert_eq!(stage.sidecar.curl(&mozilla, "/trade/v1/payment").status, 200);
    assert_eq!(stage.upstream.requests().len(), sent + 1);
}

/// Over the whole table: a browser's GET, with whatever it says of its page, changes nothing at QFPay but by the single-use
/// code of a page without referer, which only whoever was sent there has.
#[test]
fn no_get_of_an_old_browser_changes_anything() {
    let stage = Stage::new(&[
        r#"routes.allow=["/trade/v1/", "/tool/v1/", "/payment_element/v1/", "/customer/v1/",
        "/product/v1/", "/subscription/", "/token/v1/", "/custom/v1/", "/download/v1/", "/settlement/v1/", "/mch/v1/"]"#,
    ]);
    for endpoint in ENDPOINTS {
        for referer in [REFERER, ""] {
            stage.upstream.forget();
            stage.sidecar.raw(format!(
                "GET {}?out_trade_no=1&code=1 HTTP/1.1\r\nHost: {}\r\n{SAFARI_12}{referer}\r\n",
                endpoint.path, stage.sidecar.api
            ));
            let forwarded = !stage.upstream.requests().is_empty();
            let reads = endpoint.effect == Effect::Reads;
            let code = endpoint.path == "/tool/v1/get_weixin_openid" && referer.is_empty();
            let served = endpoint.methods.include("GET") && endpoint.browser_page().is_none();
            assert_eq!(forwarded, served && (reads || code), "{} {referer:?}", endpoint.path);
        }
    }
    // What the rule rests on: only close moves money by GET, and only the sign-in's code is used up by one.
    let by_get = |effect| {
        let found = ENDPOINTS.iter().filter(move |endpoint| {
            endpoint.effect == effect && endpoint.methods.include("GET") && endpoint.browser_page().is_none()
        });
        found.map(|endpoint| endpoint.path).collect::<Vec<_>>()
    };
    assert_eq!(by_get(Effect::MovesMoney), ["/trade/v1/close"]);
    assert_eq!(by_get(Effect::Changes), ["/tool/v1/get_weixin_openid"]);
}

#[test]
fn preflights_are_refused_and_nothing_permits_pages_anything() {
    let house = House::new(&[]);
    for door in house.doors() {
        let path = door.line.split_once(' ').unwrap().1;
        let own = format!("Host: {}\r\nContent-Length: 0\r\n", door.address);
        let preflight = "Origin: https://evil.test\r\nAccess-Control-Request-Method: POST\r\n\
            Access-Control-Request-Headers: content-type\r\nAccess-Control-Request-Private-Network: true\r\n\
            Access-Control-Request-Local-Network: true\r\n";
        for path in [path, "*", "/"] {
            let line = format!("OPTIONS {path} HTTP/1.1");
            let ask = |headers: &str| {
                let door = super::Door { rest: "\r\n", ..door.clone() };
                door.ask_with(&line, format!("{own}{headers}"))
            };
            let answer = ask(preflight);
            door.assert_refused(&answer, 403, "browser_refused", &line);
            let plain = ask("");
            assert!((400..500).contains(&plain.status), "{} {line}: {}", door.name, plain.status);
            assert_no_cors(&plain);
        }
    }
}

#[test]
fn what_qfpay_permits_pages_is_not_passed_on() {
    let stage = Stage::new(&[]);
    let answer = Reply::raw(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\naccess-control-allow-credentials: true\r\n\
         Access-Control-Allow-Private-Network: true\r\nAccess-Control-Expose-Headers: *\r\nTiming-Allow-Origin: *\r\n\
         X-Kept: yes\r\nContent-Length: 2\r\n\r\n{}",
    );
    stage.upstream.script([answer]);
    let answer = stage.sidecar.curl(&["-d", "syssn=1"], "/trade/v1/query");
    assert_eq!((answer.status, answer.header("X-Kept")), (200, Some("yes")));
    assert_no_cors(&answer);
}

#[test]
fn the_sandbox_has_pages_for_customers_and_calls_for_servers() {
    let house = House::new(&[]);
    let oauth = "/tool/v1/get_weixin_oauth_code?redirect_uri=http%3A%2F%2Fa.test";
    let navigate = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    for door in house.doors().into_iter().filter(|door| door.name.starts_with("sandbox")) {
        let own = format!("Host: {}\r\n", door.address);
        let status = |line: &str, headers: &str| {
            let headers = format!("{own}Content-Length: 0\r\n{headers}");
            door.ask_with(&format!("{line} HTTP/1.1"), headers).status
        };
        for site in ["cross-site", "same-site"] {
            let site = format!("Sec-Fetch-Site: {site}\r\n");
            // A shop sends its customer there; no page may fetch, frame or post it.
            for page in ["/q/direct", "/checkstand/", oauth] {
                let line = format!("GET {page}");
                assert_ne!(status(&line, &format!("{site}{navigate}")), 403, "{page}");
                for how in [
                    "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
                    "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
                    "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nOrigin: https://evil.test\r\n",
                    "",
                ] {
                    assert_eq!(status(&line, &format!("{site}{how}")), 403, "{page} {how}");
                }
                assert_eq!(status(&format!("POST {page}"), &format!("{site}{navigate}")), 403, "{page}");
            }
            for other in
                ["GET /sandbox/", "GET /trade/v1/query?syssn=1", "POST /trade/v1/payment", "POST /q/pay/1"]
            {
                assert_eq!(status(other, &format!("{site}{navigate}")), 403, "{other}");
            }
        }
        // The sandbox's own pages: their forms, but no call.
        let same = "Sec-Fetch-Site: same-origin\r\nOrigin: null\r\n";
        assert_eq!(status("POST /sandbox/orders/1", same), 409);
        assert_eq!(status("POST /trade/v1/payment", same), 403);
        let old_browser = format!("Origin: http://{}\r\n", door.address);
        assert_eq!(status("POST /sandbox/orders/1", &old_browser), 409);
        assert_eq!(status("POST /sandbox/orders/1", "Origin: http://evil.test\r\n"), 403);
        assert_eq!(status("POST /trade/v1/payment", &old_browser), 403);
        assert_eq!(status("GET /sandbox/", "Sec-Fetch-Site: none\r\n"), 200);
        assert_eq!(status("POST /sandbox/orders/1", "Sec-Fetch-Site: none\r\n"), 403);
    }
}
