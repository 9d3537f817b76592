//! Every path of a running sidecar, at the level trace, as text and as JSON.

use super::canaries::{KEY, Look, PREVIOUS_KEY, VALUES, value};
use super::paths::{self, Path, notification, post_verify};
use crate::support::{Connection, FakeUpstream, Launch, Reply, Sidecar, Stage, md5_elsewhere, md5_of_body};

const NOTIFY: &str = "/qfpay/notify";

/// Everything that is looked at, and by whom it is seen.
struct Sweep {
    upstream: FakeUpstream,
    receiver: FakeUpstream,
    sidecar: Sidecar,
    look: Look,
}

impl Sweep {
    fn start(format: &str) -> Self {
        let (upstream, receiver) = (FakeUpstream::start(), FakeUpstream::start());
        let config = format!(
            "{}client_key_previous_file = \"{{folder}}/previous\"\n[[notifications.routes]]\npath = \"{NOTIFY}\"\n\
             app = \"shop\"\nreceiver_url = \"http://{}/shop/notify.php?t=1\"\n",
            Stage::config(&format!("http://{}", upstream.address)),
            receiver.address
        );
        let launch = Launch::new(&config)
            .file("key", KEY, 0o600)
            .file("previous", PREVIOUS_KEY, 0o600)
            .set(&format!("log.format={format}"))
            .set("listen.notifications=127.0.0.1:0")
            .set("limits.body_bytes=16384")
            .set("browser.allowed_redirect_hosts=shop.test,a.test");
        // What makes other programs talkative makes this one no more so.
        let launch = ["RUST_LOG", "QFPAY_LOG", "HYPER_LOG", "LOG_LEVEL"]
            .into_iter()
            .fold(launch, |launch, name| launch.env(name, "trace"));
        let sidecar = launch.env("RUST_BACKTRACE", "full").env("RUST_LIB_BACKTRACE", "1").start();
        Self { upstream, receiver, sidecar, look: Look::for_all() }
    }

    /// Sends what a path says, and looks through the answer. A path that is not even answered is seen in the log alone.
    fn walk(&mut self, path: Path) {
        let before = self.upstream.requests().len();
        let is_sent = path.reply.is_some();
        self.upstream.script(path.reply);
        let mut connection = self.sidecar.connect();
        connection.write(&path.request);
        connection.end();
        let answer = connection.try_read().unwrap_or_else(|| panic!("{}: no answer", path.name));
        let told =
            format!("{} {:?}\n{}", answer.status, answer.headers, String::from_utf8_lossy(&answer.body));
        self.look.through(path.name, &told, path.may_hold);
        let sent = self.upstream.requests();
        assert_eq!(sent.len() > before, is_sent, "{}: {told}", path.name);
        if is_sent {
            for name in path.may_hold {
                let back = value(name).to_lowercase();
                assert!(
                    told.to_lowercase().contains(&back),
                    "{}: {name} does not come back: {told}",
                    path.name
                );
            }
        } else {
            assert!(answer.status >= 400, "{}: {told}", path.name);
        }
    }

    /// Posts a notification, and looks through the answer.
    fn notify(&mut self, name: &str, sign: &str, body: &str, reply: Option<Reply>) {
        let address = self.sidecar.notifications.as_deref().unwrap();
        self.receiver.script(reply);
        let mut connection = Connection::open(address);
        connection.write(format!(
            "POST {NOTIFY}?t={} HTTP/1.1\r\nHost: localhost\r\nForwarded: host={}.test\r\nCookie: {}\r\n{sign}Content-Length: {}\r\n\r\n{body}",
            value("goods"),
            value("header"),
            value("header"),
            body.len()
        ));
        let answer = connection.read();
        let told = format!("{} {:?}\n{}", answer.status, answer.headers, answer.text());
        self.look.through(name, &told, &[]);
    }

    /// URLs for browsers hold their signature, which belongs to the browser, and to no log.
    fn pages(&mut self) {
        let mut signatures = Vec::new();
        for path in paths::pages() {
            let answer = self.sidecar.raw(&path.request);
            assert!(answer.status < 400, "{}: {}", path.name, answer.text());
            let told = format!("{:?}\n{}", answer.headers, answer.text());
            self.look.through(path.name, &told, path.may_hold);
            let digits = |sign: &str| sign.chars().take_while(char::is_ascii_hexdigit).collect::<String>();
            signatures.extend(told.split("&sign=").skip(1).map(digits));
        }
        assert!(signatures.len() >= 3, "{signatures:?}");
        signatures.iter().for_each(|sign| self.look.add("a page's signature", sign));
    }

    fn notifications(&mut self) {
        let body = notification();
        let with = |key: &str| format!("X-QF-SIGN: {}\r\n", md5_of_body(body.as_bytes(), key));
        let (right, previous) = (with(KEY), with(PREVIOUS_KEY));
        let said = value("receiver");
        let replies = [
            ("a notification", Reply::of("200 OK", &format!("Set-Cookie: {said}\r\n"), "SUCCESS")),
            ("one that is not acknowledged", Reply::of("200 OK", "", said)),
            ("one that is refused", Reply::of("500 Oh", "", format!("SQL: {said}"))),
            ("one that is redirected", Reply::of("302 Found", &format!("Location: /{said}\r\n"), said)),
            ("a receiver of garbage", Reply::raw(format!("{said}\r\n\r\n")).then_close()),
            ("a receiver that breaks off", Reply::raw(format!("HTTP/1.1 200 OK\r\nX: {said}")).then_close()),
            ("a receiver that closes", Reply::close()),
        ];
        for (name, reply) in replies {
            self.notify(name, &right, &body, Some(reply));
        }
        self.notify("one of the previous key", &previous, &body, Some(Reply::of("200 OK", "", "SUCCESS")));
        self.notify("one that is forged", &format!("X-QF-SIGN: {}\r\n", "0".repeat(32)), &body, None);
        self.notify(
            "one with a made up signature",
            &format!("X-QF-SIGN: {}\r\n", value("header")),
            &body,
            None,
        );
        self.notify("one without a signature", "", &body, None);
        self.notify("one that is no JSON", &right, value("notified"), None);
        for (name, sign) in [("whose key: the right one", &right), ("whose key: the previous one", &previous)]
        {
            let answer = self.sidecar.raw(post_verify(sign, &body));
            assert_eq!(answer.status, 200, "{}", answer.text());
            self.look.through(name, answer.text(), &[]);
        }
        // A signature is as good as the notification that it belongs to.
        for sign in [right, previous] {
            self.look.add("a notification's signature", sign.split_whitespace().nth(1).unwrap());
        }
    }

    /// What came to the upstream holds every value and no key, or this sweep has looked for nothing.
    fn control(&mut self) {
        let requests = self.upstream.requests();
        let seen: Vec<_> =
            requests.iter().map(|request| String::from_utf8_lossy(&request.raw).into_owned()).collect();
        let found = self.look.found(&seen.join("\n"), &[]);
        for canary in ["amount", "goods", "name", "phone", "openid", "card", "order", "redirect", "header"] {
            assert!(
                found.iter().any(|name| name.starts_with(canary)),
                "{canary} did not reach the upstream: {found:?}"
            );
        }
        let values: Vec<_> = VALUES.iter().map(|(name, _)| *name).chain(["a call's signature"]).collect();
        for (request, text) in requests.iter().zip(&seen) {
            self.look.through("what the upstream gets", text, &values);
            let sign = request.header("X-QF-SIGN").unwrap().to_owned();
            // An independent hasher agrees, so the key was in use.
            assert_eq!(sign, md5_elsewhere(&request.params(), KEY));
            self.look.add("a call's signature", &sign);
        }
        let relayed = self.receiver.requests();
        let relayed: Vec<_> = relayed.iter().map(|request| String::from_utf8_lossy(&request.raw)).collect();
        assert!(relayed.iter().all(|request| request.contains(value("notified"))), "{relayed:?}");
        self.look.through("what the receiver gets", &relayed.join("\n"), &["notified", "amount"]);
    }

    /// What operators see.
    fn look_at_the_rest(mut self, format: &str) {
        for path in ["/metrics", "/livez", "/readyz", "/canary-goods-Milk-Tea"] {
            let answer = self.sidecar.admin(path);
            self.look.through(path, &format!("{:?}\n{}", answer.headers, answer.text()), &[]);
        }
        self.sidecar.signal("TERM");
        assert_eq!(self.sidecar.wait_for_exit(), Some(0));
        let log = self.sidecar.log();
        assert!(
            log.lines().filter(|line| line.contains("TRACE") || line.contains("DEBUG")).count() > 20,
            "{log}"
        );
        if format == "json" {
            assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
        }
        self.look.through("the start screen", &self.sidecar.screen(), &[]);
        self.look.through("the log", &log, &[]);
        // A line that leaks would be found.
        let leaking = format!("{log}TRACE sending {}&out_trade_no=x{KEY}\n", value("card"));
        assert!(self.look.found(&leaking, &[]).len() > 1);
        self.look.report(&format!("leaks, log.format {format}"), 80);
    }
}

fn sweep(format: &str) {
    let mut sweep = Sweep::start(format);
    for path in paths::forwarded().into_iter().chain(paths::refused()) {
        sweep.walk(path);
    }
    sweep.pages();
    sweep.notifications();
    sweep.control();
    sweep.look_at_the_rest(format);
}

#[test]
fn every_path_with_logs_as_text() {
    sweep("text");
}

#[test]
fn every_path_with_logs_as_json() {
    sweep("json");
}
