//! Requests that came through a web server: whoever reaches that would have payments signed.

use super::House;
use crate::support::Stage;

const ADDED: [&str; 24] = [
    "X-Forwarded-For: 203.0.113.9",
    "X-Forwarded-Host: shop.test",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Server: shop.test",
    "X-Forwarded: for=203.0.113.9",
    "x_forwarded_for: 203.0.113.9",
    "Forwarded: for=203.0.113.9",
    "Via: 1.1 nginx",
    "X-Real-IP: 203.0.113.9",
    "CF-Connecting-IP: 203.0.113.9",
    "True-Client-IP: 203.0.113.9",
    "X-Client-IP: 203.0.113.9",
    "X-Cluster-Client-IP: 203.0.113.9",
    "CDN-Loop: cloudflare",
    "CF-Ray: 1-HKG",
    "X-Original-Forwarded-For: 203.0.113.9",
    "X-Original-URL: /pay",
    "X-Envoy-External-Address: 203.0.113.9",
    "Fastly-Client-IP: 203.0.113.9",
    "WL-Proxy-Client-IP: 203.0.113.9",
    "X-Azure-ClientIP: 203.0.113.9",
    "Front-End-Https: on",
    "X-Forwarded-For:",
];

#[test]
fn calls_do_not_come_through_a_web_server() {
    let house = House::new(&[]);
    for door in house.doors() {
        for header in ADDED {
            let sent = format!("Host: {}\r\n{header}\r\n", door.address);
            match door.name {
                // The page without the prefix is for the shop's server as well.
                "api" | "verify" | "page" => {
                    let said = door.assert_refused(&door.ask(&sent), 403, "forwarded_refused", &sent);
                    let name = header.split(':').next().unwrap().to_ascii_lowercase();
                    assert!(said.contains(&format!("'{name}'")), "{said}");
                    assert!(said.contains("listen.allow_forwarded = true"), "{said}");
                    assert!(!said.contains("203.0.113.9"), "{said}");
                }
                _ => door.assert_let_in(&sent),
            }
        }
    }
    assert_eq!(house.calls_that_arrived(), 0);
}

#[test]
fn whoever_says_so_has_them_signed() {
    let house = House::new(&["listen.allow_forwarded=true"]);
    for door in house.doors() {
        for header in ADDED {
            door.assert_let_in(&format!("Host: {}\r\n{header}\r\n", door.address));
        }
    }
    assert_eq!(house.calls_that_arrived(), ADDED.len());
}

#[test]
fn customers_reach_pages_below_the_prefix_through_the_web_server() {
    let stage = Stage::new(&["browser.public_prefix=/pay", "browser.allowed_redirect_hosts=shop.test"]);
    let oauth = "/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.test%2F";
    for header in ADDED {
        let header = header.replace("For:", "For: 203.0.113.9");
        assert_eq!(stage.sidecar.curl(&["-H", &header], &format!("/pay{oauth}")).status, 302, "{header}");
        stage.sidecar.curl(&["-H", &header], oauth).assert_failure(403, "forwarded_refused");
        // The slash too many.
        stage
            .sidecar
            .curl(&["-H", &header, "-d", "txamt=1"], "/pay/trade/v1/payment")
            .assert_failure(403, "forwarded_refused");
    }
    stage.assert_nothing_sent();
}
