//! Settings of notifications that cannot be right are refused at the start, each with its place and both names.

use super::stage::{Relay, success};
use crate::support::{FakeUpstream, Launch, Reply};

fn start(route: &str) -> Launch {
    Relay::start(&FakeUpstream::start(), route)
}

#[track_caller]
fn refused(launch: Launch, words: &[&str]) {
    let ended = launch.ends();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "'{word}' is missing in: {}", ended.stderr);
    }
}

/// What an error says of a line that stands so many lines behind the configuration of the stage.
fn line(behind: usize, rest: &str) -> String {
    let stage = crate::support::Stage::config("").lines().count();
    format!("sidecar.toml:{}{rest}", stage + behind)
}

#[test]
fn a_listener_and_routes_need_each_other() {
    let route = start("").set("listen.notifications=");
    refused(route, &[&line(7, ": notifications.routes.0.path"), "listen.notifications", "127.0.0.1:8789"]);
    let config = crate::support::Stage::config("http://127.0.0.1:9");
    let listener = Launch::new(&config).set("listen.notifications=127.0.0.1:0");
    refused(listener, &["listen.notifications", "[[notifications.routes]]"]);
}

#[test]
fn misspelt_keys_of_routes_have_a_place_and_a_suggestion() {
    refused(
        start("receiverurl = \"http://127.0.0.1:1/\""),
        &[
            &line(9, ": notifications.routes.0.receiverurl"),
            "did you mean notifications.routes.0.receiver_url?",
        ],
    );
    refused(start("retries = 3"), &["notifications.routes.0.retries", "unknown key"]);
    let config =
        format!("{}\n[notifications.routes]\npath = \"/n\"\n", crate::support::Stage::config("sandbox"));
    refused(Launch::new(&config), &["notifications.routes.path", "[[notifications.routes]]"]);
}

#[test]
fn values_of_routes_are_checked() {
    refused(start("app = \"shopp\""), &["notifications.routes.0.app", "[apps.shopp]", "other, shop"]);
    refused(start("acknowledge = \"2xx\""), &["notifications.routes.0.acknowledge", "success or any_2xx"]);
    refused(start("duplicates = \"drop\""), &["notifications.routes.0.duplicates", "pass or absorb"]);
    refused(start("allowed_sources = [\"qfpai\"]"), &["allowed_sources", "'qfpai'", "192.0.2.0/24"]);
    let absorb = start("duplicates = \"absorb\"").set("notifications.remember=0");
    refused(absorb, &["notifications.routes.0.duplicates", "notifications.remember"]);
    let set = |path: &str| start("").set(&format!("notifications.routes.0.path={path}"));
    refused(set("notify"), &["notifications.routes.0.path", "begins with '/'"]);
    refused(set(""), &["notifications.routes.0.path", "has no path"]);
    refused(set("/a/../b"), &["notifications.routes.0.path"]);
    let unix = start("allowed_sources = [\"qfpay\"]").set("listen.notifications=unix:{folder}/n.sock");
    refused(unix, &["allowed_sources", "listen.notifications", "notifications.trusted_proxies"]);
    refused(
        start("").set("notifications.trusted_proxies=qfpay"),
        &["notifications.trusted_proxies", "'qfpay'"],
    );
}

#[test]
fn receivers_are_on_this_machine_or_allowed_by_name() {
    let to = |url: &str| start("").set(&format!("notifications.routes.0.receiver_url={url}"));
    refused(to("http://shop.internal/n"), &["notifications.routes.0.receiver_url", "plain http", "https"]);
    let words = &["notifications.routes.0.receiver_url", "shop.internal", "notifications.allowed_receivers"];
    refused(to("https://shop.internal/n"), words);
    refused(to("http://169.254.169.254/latest"), &["receiver_url", "plain http"]);
    refused(to("https://user:word@127.0.0.1/n"), &["receiver_url", "user name or password"]);
    refused(to(""), &["receiver_url", "the route has no receiver_url"]);
    to("https://Shop.Internal/n").set("notifications.allowed_receivers=shop.internal").start();
}

#[test]
fn two_routes_have_two_paths_and_none_leads_back() {
    let twin = "[[notifications.routes]]\npath = \"/qfpay/notify\"\nreceiver_url = \"http://127.0.0.1:9/\"";
    refused(
        start(twin),
        &[&line(10, ": notifications.routes.1.path"), "notifications.routes.0.path", &line(7, "")],
    );
    let own = start("").set("listen.notifications=127.0.0.1:47391");
    let own = own.set("notifications.routes.0.receiver_url=http://localhost:47391/n");
    refused(own, &["receiver_url", "listen.notifications"]);
    refused(
        start("").set("listen.notifications=127.0.0.1:47391").set("listen.api=127.0.0.1:47391"),
        &["listen.notifications: listen.api", "same address"],
    );
}

#[test]
fn routes_can_be_given_in_variables() {
    let receiver = FakeUpstream::start();
    let config = crate::support::Stage::config("http://127.0.0.1:9");
    let url = format!("http://{}/n", receiver.address);
    let launch = Launch::new(&config)
        .env("QFPAY__LISTEN__NOTIFICATIONS", "127.0.0.1:0")
        .env("QFPAY__NOTIFICATIONS__ROUTES__0__PATH", "/qfpay/notify")
        .env("QFPAY__NOTIFICATIONS__ROUTES__0__RECEIVER_URL", &url);
    let relay = Relay { sidecar: launch.start(), receiver };
    let vector = super::stage::notification();
    relay.assert_relayed(&vector.sign, vector.canonical.as_bytes());
    let wrong = Launch::new(&config).env("QFPAY__NOTIFICATIONS__ROUTES__FIRST__PATH", "/n");
    refused(
        wrong,
        &["QFPAY__NOTIFICATIONS__ROUTES__FIRST__PATH", "notifications.routes.first.path", "unknown key"],
    );
}

#[test]
fn the_screen_shows_the_listener_and_its_routes() {
    let sidecar = start("app = \"other\"").start();
    let screen = sidecar.screen();
    let route = screen.lines().find(|line| line.contains("/qfpay/notify -> http://127.0.0.1:")).unwrap();
    assert!(route.ends_with("/shop/n.php (other)"), "{screen}");
}

#[test]
fn previous_keys_are_read_like_keys() {
    let previous = |setting: &str| start("").set("apps.shop.client_key_previous_file=").set(setting);
    refused(
        previous("apps.shop.client_key_previous_file={folder}/none"),
        &["apps.shop.client_key_previous_file", "no such key file"],
    );
    refused(
        previous("apps.shop.client_key_previous_env=PREVIOUS")
            .set("apps.shop.client_key_previous_credential=p"),
        &["client_key_previous_env", "client_key_previous_credential", "keep one"],
    );
    refused(
        previous("apps.shop.client_key_previus_file=x"),
        &["did you mean apps.shop.client_key_previous_file?"],
    );
    let sidecar = previous("apps.shop.client_key_previous_env=OLD_KEY")
        .env("OLD_KEY", super::stage::PREVIOUS_KEY)
        .start();
    assert!(sidecar.screen().contains("environment variable OLD_KEY as well"), "{}", sidecar.screen());
}

#[test]
fn the_query_of_a_receiver_is_in_no_log() {
    // A shop's own token, as receivers in frameworks have it; the end of each test looks for it in all that was printed.
    let token = "receivers-own-token-7f3a";
    let receiver = FakeUpstream::start();
    let url = format!("notifications.routes.0.receiver_url=http://{}/n.php?token={token}", receiver.address);
    let sidecar = Relay::start(&receiver, "").set(&url).secret(token).start();
    let relay = Relay { receiver, sidecar };
    relay.receiver.script([
        success(),
        Reply::of("302 Found", "Location: /elsewhere\r\n", ""),
        Reply::close(),
    ]);
    for status in [200, 502, 502] {
        assert_eq!(relay.notify().status, status);
    }
    assert!(relay.receiver.requests()[0].target().ends_with(token));
}
