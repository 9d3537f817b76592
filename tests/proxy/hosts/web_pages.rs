//! What browsers say about the page that made a request.

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
        for by_page in BY_PAGES.iter().chain(&["Referer: https://evil.test/", "Referer: "]) {
            let sent = format!("{own}{}\r\n", by_page.replace("OWN", &door.address));
            let said = door.assert_refused(&door.ask(&sent), 403, "browser_refused", &sent);
            assert!(
                said.contains("the request carries ") && said.contains("Sec-Fetch-Site but none"),
                "{said}"
            );
        }
        // A person who typed the address, and a server.
        door.assert_let_in(&format!("{own}Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n"));
        door.assert_let_in(&own);
    }
    assert_eq!(house.calls_that_arrived(), 2);
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
