//! Parameters that QFPay documents as mandatory and live shops leave out, and names that return URLs may hold.

use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::support::SOON;

/// What `/q/direct` demands: the six fields of `pay_params`.
fn direct() -> Pairs {
    pairs(&[
        ("appId", "wx1"),
        ("timeStamp", "1763373600"),
        ("nonceStr", "n"),
        ("package", "prepay_id=wx1"),
        ("signType", "MD5"),
        ("paySign", "3B1A"),
    ])
}

fn ask(stage: &Stage, path: &str, list: &Pairs) -> Answer {
    let query: Vec<_> = list.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    stage.sidecar.curl(&[], &format!("{path}?{}", query.join("&")))
}

/// The names that the log says a page lacks; a page that lacks none has no such line.
fn lacking(stage: &Stage) -> Vec<String> {
    let log = stage.sidecar.log();
    let lines = log.lines().filter(|line| line.contains("a page lacks parameters"));
    let names =
        |line: &str| line.split("parameters=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    lines.map(|line| format!("{} {}", line.split_whitespace().nth(1).unwrap(), names(line))).collect()
}

#[test]
fn a_checkout_is_made_without_what_live_shops_leave_out() {
    let stage = stage(&[]);
    assert_eq!(ask(&stage, CHECKOUT, &checkout()).status, 302);
    stage.sidecar.wait_for_log(&["request", "status=302"]);
    assert_eq!(lacking(&stage), Vec::<String>::new());
    let bare = without(without(checkout(), "failed_url"), "notify_url");
    assert_eq!(
        made(&ask(&stage, CHECKOUT, &bare), CHECKOUT, CLIENT_KEY),
        sorted(bare.clone()),
        "as it was sent"
    );
    assert_eq!(made(&open(&stage, CHECKOUT, &signed(CHECKOUT, &bare)), CHECKOUT, CLIENT_KEY), sorted(bare));
    let deadline = Instant::now() + SOON;
    while lacking(&stage).len() < 2 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(lacking(&stage), ["WARN failed_url,notify_url"; 2], "once a call");
    for name in ["paysource", "return_url", "out_trade_no", "txamt", "txcurrcd"] {
        let answer = ask(&stage, CHECKOUT, &without(checkout(), name));
        answer.assert_failure(400, "parameter_missing");
        assert!(answer.text().contains(&format!("'{name}'")), "{}", answer.text());
    }
}

#[test]
fn the_wechat_page_needs_only_what_wechat_gave() {
    let stage = stage(&[]);
    let target = |answer: &Answer| {
        sorted(decode(answer.header("Location").unwrap().split_once('?').unwrap().1.as_bytes()))
    };
    let json = r#"{"appId":"wx1","timeStamp":"1763373600","nonceStr":"n","package":"prepay_id=wx1","signType":"MD5","paySign":"3B1A"}"#;
    for list in [direct(), pairs(&[("pay_params", json)])] {
        let answer = ask(&stage, "/q/direct", &list);
        assert_eq!(answer.status, 302, "{}", answer.text());
        assert_eq!(target(&answer), sorted(direct()), "nothing is added");
    }
    // Six public shops send everything but this.
    let usual =
        [direct(), pairs(&[("mchntnm", "Tea"), ("txamt", "1"), ("redirect_url", "https://shop.test/")])]
            .concat();
    assert_eq!(target(&ask(&stage, "/q/direct", &usual)), sorted(usual));
    stage.sidecar.wait_for_log(&["a page lacks", "\"currency\""]);
    assert_eq!(
        lacking(&stage),
        [
            "WARN mchntnm,txamt,currency,redirect_url",
            "WARN mchntnm,txamt,currency,redirect_url",
            "WARN currency"
        ]
    );
    // What is there must be right.
    ask(&stage, "/q/direct", &with(direct(), "txamt", "0")).assert_failure(400, "parameter_invalid");
    ask(&stage, "/q/direct", &with(direct(), "currency", "hkd")).assert_failure(400, "parameter_invalid");
    ask(&stage, "/q/direct", &with(direct(), "redirect_url", "x")).assert_failure(400, "redirect_invalid");
}

#[test]
fn names_that_move_no_money_pass_in_return_urls_where_the_setting_says_so() {
    let holding = |name: &str| format!("https://shop.test/?step=1&{name}=2");
    let strict = stage(&[]);
    let open_minded = stage(&["browser.allowed_in_urls=out_trade_no,code"]);
    for name in ["out_trade_no", "code", "goods_name", "txamt", "syssn", "mchntid", "sign"] {
        let passes = matches!(name, "out_trade_no" | "code");
        for (path, list, url) in [(SIGN_IN, sign_in(), "redirect_uri"), (CHECKOUT, checkout(), "return_url")]
        {
            let list = with(list, url, &holding(name));
            if name == "goods_name" && path == SIGN_IN {
                // Neither this page nor any call reads it.
                assert_eq!(ask(&strict, path, &list).status, 302);
                continue;
            }
            ask(&strict, path, &list).assert_failure(400, "parameter_ambiguous");
            match passes {
                true => {
                    assert_eq!(made(&ask(&open_minded, path, &list), path, CLIENT_KEY), sorted(list.clone()));
                    let opened = open(&open_minded, path, &signed(path, &list));
                    assert_eq!(made(&opened, path, CLIENT_KEY), sorted(list));
                }
                false => ask(&open_minded, path, &list).assert_failure(400, "parameter_ambiguous"),
            }
        }
        // In a URL, and nowhere else.
        let list = with(checkout(), "goods_name", &format!("tea&{name}=2"));
        ask(&open_minded, CHECKOUT, &list).assert_failure(400, "parameter_ambiguous");
    }
}
