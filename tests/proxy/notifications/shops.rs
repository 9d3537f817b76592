//! Several shops behind one path, as an agency has them: each hears of its own payments and of no other's.

use super::stage::{OTHER_KEY, PATH, assert_acknowledged, sign, success};
use crate::support::{
    Answer, CANARY, Connection, FakeUpstream, Gate, Launch, Reply, Sidecar, Stage, md5_of_body,
};

/// Receivers, and a sidecar whose configuration names them.
struct Shops {
    receivers: Vec<FakeUpstream>,
    sidecar: Sidecar,
}

/// A route of each text, with a receiver of its own.
fn start(receivers: &[FakeUpstream], routes: &[&str]) -> Launch {
    let mut config = format!(
        "{}[apps.other]\napp_code = \"F1E2D3C4B5A6978800112233445566FF\"\nclient_key_file = \"{{folder}}/other\"\n",
        Stage::config("http://127.0.0.1:9")
    );
    for (route, receiver) in routes.iter().zip(receivers) {
        let path = if route.contains("path =") { String::new() } else { format!("path = \"{PATH}\"\n") };
        config += &format!(
            "[[notifications.routes]]\n{path}receiver_url = \"http://{}/n\"\n{route}\n",
            receiver.address
        );
    }
    let launch = Launch::new(&config).file("other", OTHER_KEY, 0o600).secret(OTHER_KEY);
    launch.set("listen.notifications=127.0.0.1:0")
}

impl Shops {
    fn new(routes: &[&str]) -> Self {
        Self::launch(routes, |launch| launch)
    }

    fn launch(routes: &[&str], change: impl FnOnce(Launch) -> Launch) -> Self {
        let receivers: Vec<_> = routes.iter().map(|_| FakeUpstream::start()).collect();
        receivers.iter().for_each(|receiver| receiver.always(success()));
        let sidecar = change(start(&receivers, routes)).start();
        Self { receivers, sidecar }
    }

    fn send(&self, path: &str, headers: &str, sign: &str, body: &str) -> Connection {
        let mut connection = Connection::open(self.sidecar.notifications.as_ref().unwrap());
        connection.write(format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}X-QF-SIGN: {sign}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        connection
    }

    /// Posts a body with `shop`'s signature, made by `md5sum`.
    fn notify(&self, body: &str) -> Answer {
        self.sidecar.seen(self.send(PATH, "", &sign(body.as_bytes()), body).read())
    }

    /// How many requests each receiver has had.
    fn heard(&self) -> Vec<usize> {
        self.receivers.iter().map(|receiver| receiver.requests().len()).collect()
    }

    /// QFPay is told SUCCESS, and only this receiver has the bytes, unchanged.
    #[track_caller]
    fn assert_goes_to(&self, number: usize, body: &str) {
        let mut before = self.heard();
        assert_acknowledged(&self.notify(body));
        before[number] += 1;
        assert_eq!(self.heard(), before, "{body}");
        assert_eq!(self.receivers[number].requests().last().unwrap().body(), body.as_bytes());
    }

    /// QFPay is told that no shop has it, and none has.
    #[track_caller]
    fn assert_unrouted(&self, body: &str) {
        let before = self.heard();
        let answer = self.notify(body);
        answer.assert_failure(404, "notification_unrouted");
        assert_eq!(answer.header("X-Sidecar-Delivery"), Some("not_sent"));
        assert_eq!(self.heard(), before, "{body}");
    }
}

#[test]
fn each_shop_hears_of_its_own() {
    let shops = Shops::new(&[
        "app = \"shop\"\nmchids = [\"M1\", \"M7\"]",
        "app = \"shop\"\nmchids = [\"M2\"]",
        "app = \"shop\"\nmchids = [\"M2\"]\ntypes = [\"refund\"]",
    ]);
    shops.assert_goes_to(0, r#"{"mchid": "M1", "notify_type": "payment"}"#);
    shops.assert_goes_to(0, r#"{"mchid": "M7", "notify_type": "refund"}"#);
    shops.assert_goes_to(1, r#"{"notify_type":"payment",  "mchid":"M2"}"#);
    shops.assert_goes_to(2, r#"{"mchid": "\u004d2", "notify_type": "refund", "txamt": 1.10}"#);
    shops.assert_goes_to(1, r#"{"goods_name": "\", \"mchid\": \"M1\"", "mchid": "M2"}"#);
}

#[test]
fn what_no_shop_takes_is_not_acknowledged_but_counted_and_warned_of() {
    let shops =
        Shops::launch(&["mchids = [\"M1\"]", "mchids = [\"M2\"]"], |launch| launch.set("log.level=warn"));
    for body in [
        r#"{"mchid": "M1", "mchid": "M1"}"#,
        r#"{"mchid": "M2", "mch\u0069d": "M1"}"#,
        r#"{"mchid": ["M1"]}"#,
        r#"{"mchid": null}"#,
        r#"{"data": {"mchid": "M1"}}"#,
        r#"{"mchid": "m1"}"#,
        r#"{"mchid": "M1"} "#,
        r#"{"mchid": "M1"}x"#,
        r#"{"notify_type": "payment_token", "userid": "2513"}"#,
        "{}",
    ] {
        match body.ends_with(' ') {
            true => shops.assert_goes_to(0, body),
            false => shops.assert_unrouted(body),
        }
    }
    // Names and lengths: which fields there were, not what they hold.
    shops.assert_unrouted(&format!(r#"{{"mchid": "{CANARY}", "notify_type": "refund"}}"#));
    let line = shops.sidecar.wait_for_log(&["notify_type refund", "notification_unrouted"]);
    assert!(
        line.contains(" WARN ") && line.contains("no userid") && line.contains("another mchid of"),
        "{line}"
    );
    let counted =
        format!(r#"notifications_total{{route="{PATH}",app="shop",outcome="notification_unrouted"}} 10"#);
    let metrics = shops.sidecar.admin("/metrics");
    assert!(metrics.text().contains(&counted), "{}", metrics.text());
}

#[test]
fn nothing_is_read_before_it_was_verified() {
    let shops = Shops::new(&["mchids = [\"M1\"]", "mchids = [\"M2\"]"]);
    for body in [r#"{"mchid": "M1"}"#, r#"{"mchid": "M9"}"#, r#"{"mchid": "M1", "mchid": "M2"}"#] {
        let forged = md5_of_body(body.as_bytes(), "0000000000000000000000000000000A");
        shops.sidecar.seen(shops.send(PATH, "", &forged, body).read()).assert_failure(401, "signature_wrong");
    }
    assert_eq!(shops.heard(), [0, 0]);
}

#[test]
fn a_route_without_a_choice_takes_the_rest() {
    let shops = Shops::new(&["mchids = [\"M1\"]", ""]);
    shops.assert_goes_to(0, r#"{"mchid": "M1"}"#);
    shops.assert_goes_to(1, r#"{"mchid": "M2"}"#);
    shops.assert_goes_to(1, r#"{"mchid": "M1", "mchid": "M1"}"#);
    shops.assert_goes_to(1, "{\"respcd\": 0000, \"mchid\": \"M1\"}");
}

/// They name a store and no order, and a 200 is enough for them (protocol sheet, additions, 3).
#[test]
fn tokens_go_to_the_shop_of_their_store() {
    let shops = Shops::new(&[
        "mchids = [\"M1\"]",
        "userids = [\"2513\"]\ntypes = [\"payment_token\"]\nacknowledge = \"any_2xx\"",
    ]);
    shops.receivers[1].always(Reply::of("200 OK", "", ""));
    let token = |userid: &str| {
        format!(
            r#"{{"notify_type": "payment_token", "userid": {userid}, "event": "NEW", "tokenid": "tk_1"}}"#
        )
    };
    shops.assert_goes_to(1, &token("\"2513\""));
    shops.assert_goes_to(1, &token("2513"));
    shops.assert_unrouted(&token("2514"));
    shops.assert_unrouted(&token("2513.0"));
    shops.receivers[1].always(Reply::of("500 Internal Server Error", "", ""));
    shops.notify(&token("\"2513\"")).assert_failure(502, "receiver_refused");
}

#[test]
fn the_app_is_the_one_whose_key_signed() {
    let shops = Shops::new(&["app = \"shop\"\nmchids = [\"M1\"]", "app = \"other\"\nmchids = [\"M1\"]"]);
    let body = r#"{"mchid": "M1", "app": "shop"}"#;
    shops.assert_goes_to(0, body);
    let other = md5_of_body(body.as_bytes(), OTHER_KEY);
    assert_acknowledged(&shops.send(PATH, "", &other, body).read());
    assert_eq!(shops.heard(), [1, 1]);
    assert_eq!(shops.receivers[1].requests()[0].header("X-Sidecar-Verified"), Some("other"));
    // Another app's key is right here and gets nothing of this app's.
    let shops = Shops::new(&["app = \"shop\"\nmchids = [\"M1\"]", "app = \"other\"\nmchids = [\"M2\"]"]);
    let answer = shops.sidecar.seen(shops.send(PATH, "", &other, body).read());
    answer.assert_failure(404, "notification_unrouted");
    assert_eq!(shops.heard(), [0, 0]);
}

#[test]
fn each_route_has_its_own_repeats_and_its_own_turn() {
    let shops = Shops::new(&["mchids = [\"M1\"]\nduplicates = \"absorb\"", "mchids = [\"M2\"]"]);
    let (one, two) = (r#"{"mchid": "M1"}"#, r#"{"mchid": "M2"}"#);
    let gate = Gate::default();
    let slow =
        Reply::raw("").then_wait(&gate).then_bytes("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCCESS");
    shops.receivers[0].script([slow]);
    let mut copies: Vec<_> = (0..3).map(|_| shops.send(PATH, "", &sign(one.as_bytes()), one)).collect();
    shops.receivers[0].wait_for_requests(1);
    // One shop's receiver takes its time, and the others hear of theirs meanwhile.
    shops.assert_goes_to(1, two);
    shops.assert_goes_to(1, two);
    let marks: Vec<_> = shops.receivers[1].requests();
    let marks: Vec<_> = marks.iter().map(|seen| seen.header("X-Sidecar-Duplicate")).collect();
    assert_eq!(marks, [None, Some("true")]);
    gate.open();
    copies.iter_mut().for_each(|copy| assert_acknowledged(&copy.read()));
    assert_acknowledged(&shops.notify(one));
    assert_eq!(shops.heard(), [1, 2], "absorbed where the route says so, and passed on where it does not");
    let metrics = shops.sidecar.admin("/metrics");
    for (receiver, outcome) in [(0, "absorbed\"} 3"), (0, "acknowledged\"} 1"), (1, "acknowledged\"} 2")] {
        let route = format!("route=\"{PATH} -> http://{}/n\"", shops.receivers[receiver].address);
        let counted = format!("{{{route},app=\"shop\",outcome=\"{outcome}");
        assert!(metrics.text().contains(&counted), "{counted}: {}", metrics.text());
    }
}

#[test]
fn each_route_has_its_own_sources() {
    let shops = Shops::launch(
        &[
            "mchids = [\"M1\"]\nallowed_sources = [\"qfpay\"]",
            "mchids = [\"M2\"]\nallowed_sources = [\"203.0.113.0/24\"]",
        ],
        |launch| launch.set("notifications.trusted_proxies=127.0.0.1"),
    );
    let from = |source: &str, body: &str| {
        let headers = format!("X-Forwarded-For: {source}\r\n");
        shops.sidecar.seen(shops.send(PATH, &headers, &sign(body.as_bytes()), body).read())
    };
    let (one, two) = (r#"{"mchid": "M1"}"#, r#"{"mchid": "M2"}"#);
    assert_acknowledged(&from("18.138.115.47", one));
    assert_acknowledged(&from("203.0.113.9", two));
    for (source, body) in [("203.0.113.9", one), ("18.138.115.47", two), ("198.51.100.1", one)] {
        from(source, body).assert_failure(403, "source_refused");
    }
    assert_eq!(shops.heard(), [1, 1]);
}

#[test]
fn two_paths_are_two_worlds() {
    let shops = Shops::new(&[
        "path = \"/a\"\nmchids = [\"M1\"]",
        "path = \"/b\"\nmchids = [\"M1\"]",
        "path = \"/b\"\nmchids = [\"M2\"]",
    ]);
    let body = r#"{"mchid": "M2"}"#;
    let answer = shops.send("/a", "", &sign(body.as_bytes()), body).read();
    answer.assert_failure(404, "notification_unrouted");
    assert_acknowledged(&shops.send("/b", "", &sign(body.as_bytes()), body).read());
    assert_eq!(shops.heard(), [0, 0, 1]);
}

#[track_caller]
fn refused(routes: &[&str], change: impl FnOnce(Launch) -> Launch, words: &[&str]) {
    let receivers: Vec<_> = routes.iter().map(|_| FakeUpstream::start()).collect();
    let ended = change(start(&receivers, routes)).ends();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "'{word}' is missing in: {}", ended.stderr);
    }
}

#[test]
fn a_tie_is_an_error_at_the_start() {
    let both = ["notifications.routes.1.path", "notifications.routes.0.path (", "neither names more"];
    for (routes, example) in [
        (["", ""], "every notification"),
        (
            ["mchids = [\"M1\", \"M2\"]", "mchids = [\"M3\", \"M2\"]"],
            "a notification with mchid M2 fits both",
        ),
        (["mchids = [\"M1\"]", "types = [\"refund\"]"], "mchid M1 and notify_type refund"),
        (["mchids = [\"M1\"]", "userids = [\"7\"]"], "mchid M1 and userid 7"),
        (["app = \"shop\"", "app = \"shop\""], "every notification"),
        (["app = \"shop\"", "mchids = [\"M1\"]"], "mchid M1"),
    ] {
        refused(&routes, |launch| launch, &[&both[..], &[example]].concat());
    }
    // As the same routes at another path they are none.
    Shops::new(&["mchids = [\"M1\"]", "path = \"/other\"\nmchids = [\"M1\"]"]);
}

#[test]
fn apps_of_one_key_cannot_choose_between_routes() {
    let routes = ["app = \"shop\"\nmchids = [\"M1\"]", "app = \"other\"\nmchids = [\"M2\"]"];
    let same = |launch: Launch| launch.set("apps.other.client_key_file={folder}/key");
    refused(&routes, same, &["notifications.routes.0.app", "apps.other has the same key", "apps.shop"]);
    let before = |launch: Launch| launch.set("apps.other.client_key_previous_file={folder}/key");
    refused(&routes, before, &["notifications.routes.0.app", "apps.other has the same key"]);
    refused(&["app = \"shop\"", ""], same, &["notifications.routes.0.app", "apps.other has the same key"]);
    // Where no app is named, or each has a path, nothing depends on it.
    Shops::launch(&["mchids = [\"M1\"]", "mchids = [\"M2\"]"], same);
    Shops::launch(&["app = \"shop\"", "path = \"/other\"\napp = \"other\""], same);
}

#[test]
fn values_are_what_qfpay_writes() {
    for (route, words) in [
        ("mchids = [\"\"]", ["notifications.routes.0.mchids", "1 to 64 letters"]),
        ("mchids = [\"M 1\"]", ["notifications.routes.0.mchids", "1 to 64 letters"]),
        ("mchids = [800123]", ["notifications.routes.0.mchids", "text in quotes"]),
        ("userids = 7", ["notifications.routes.0.userids", "list of texts"]),
        ("types = [\"refund,payment\"]", ["notifications.routes.0.types", "1 to 64 letters"]),
        ("mchid = [\"M1\"]", ["notifications.routes.0.mchid", "did you mean notifications.routes.0.mchids?"]),
    ] {
        refused(&[route], |launch| launch, &words);
    }
    let doubtful = Shops::new(&["mchids = [\"M1\"]\nuserids = [\"7\"]", "types = [\"refunds\"]"]);
    doubtful.sidecar.wait_for_log(&["WARN", "notifications.routes.0.userids", "write a route for each"]);
    doubtful.sidecar.wait_for_log(&["WARN", "notifications.routes.1.types", "payment_token"]);
}

#[test]
fn the_screen_says_which_route_takes_what() {
    let shops = Shops::new(&[
        "app = \"shop\"\nmchids = [\"M1\", \"M2\", \"M3\", \"M4\", \"M5\"]",
        "types = [\"refund\"]\nuserids = [\"7\"]\napp = \"shop\"",
    ]);
    let screen = shops.sidecar.screen();
    for said in ["(shop, mchid M1 M2 M3 and 2 more)", "(shop, userid 7, notify_type refund)"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
}
