//! Settings that are each right, but not together. Every problem names both.

use std::time::Duration;

use super::errors::Problem;
use super::raw::Raw;
use super::{Environment, Limits, Listen, Request};
use crate::access::Access;
use crate::api::Routes;
use crate::base_url::UpstreamUrl;
use crate::browser;
use crate::credentials::{LocalKey, SignType};
use crate::notification;
use crate::server::Address;
use crate::settings::Reader;
use crate::upstream::{self, Target};

/// The environment that was asked for is the one that the file describes.
pub(super) fn asked_for(raw: &mut Raw, request: &Request) {
    let (Some(asked), Some(setting)) = (&request.environment, raw.settings.get("environment")) else {
        return;
    };
    let stated = |written: &str| ["sandbox", "test", "production", ""].contains(&written);
    if setting.value.as_str().is_some_and(|written| written != asked && stated(written)) {
        raw.problem("environment", format!("this contradicts the flag --env {asked}; they must agree"));
    }
}

/// The hosts fit the environment, the timeouts each other, and an answer of the largest size its memory.
pub(super) fn upstream(raw: &mut Raw, upstream: &upstream::Settings, environment: Option<Environment>) {
    // The times after it may be longer: the whole call's comes first then.
    if upstream.connect_timeout > upstream.call_timeout {
        const CONNECT: &str = "upstream.connect_timeout_ms";
        const CALL: &str = "upstream.call_timeout_ms";
        // The fault is that of the one which somebody wrote.
        let (key, mut what) = match raw.is_written(CONNECT) {
            true => (
                CONNECT,
                format!("this is longer than {CALL} ({}), which covers the whole call", raw.place(CALL)),
            ),
            false => (
                CALL,
                format!("this is shorter than {CONNECT} ({}), which is a part of it", raw.place(CONNECT)),
            ),
        };
        if upstream.call_timeout < Duration::from_secs(1) {
            what += &format!("; {CALL} is in milliseconds");
        }
        raw.problem(key, what);
    }
    if upstream.answer_whole_bytes > upstream.answer_memory_bytes {
        let place = raw.place("limits.answer_memory_bytes");
        let what = format!("this is more than limits.answer_memory_bytes ({place}), which holds them all");
        raw.problem("limits.answer_whole_bytes", what);
    }
    let place = raw.place("environment");
    let hint = "change one of the two";
    let conflict = match (environment, &upstream.target) {
        (Some(Environment::Production), Target::Sandbox) => {
            Some(format!("this is the sandbox, but environment is production ({place}); {hint}"))
        }
        (Some(Environment::Production), Target::Live(url)) if !url.is_production() => Some(format!(
            "{url} is no production host of QFPay's, but environment is production ({place}); {hint}"
        )),
        (Some(Environment::Sandbox | Environment::Test), Target::Live(url)) if url.is_production() => {
            Some(format!(
                "{url} is a production host, where real money moves, but environment is {} ({place}); {hint}",
                if environment == Some(Environment::Test) { "test" } else { "sandbox" }
            ))
        }
        _ => None,
    };
    if let Some(what) = conflict {
        raw.problem("upstream.base_url", what);
    }
    browser_pages(raw, &upstream.browser_base_url, environment);
}

/// A request of the largest size fits into the memory for such.
pub(super) fn limits(raw: &mut Raw, limits: &Limits, notifications: Option<&notification::Settings>) {
    let bodies = [
        ("limits.body_bytes", Some(limits.body_bytes)),
        ("notifications.body_bytes", notifications.map(|notifications| notifications.body_bytes)),
    ];
    for (key, bytes) in bodies {
        if bytes.is_some_and(|bytes| bytes > limits.large_requests_bytes) {
            let place = raw.place("limits.large_requests_bytes");
            let what =
                format!("this is more than limits.large_requests_bytes ({place}), so that it is never taken");
            raw.problem(key, what);
        }
    }
}

/// In production the customer's browser must not be sent to a test page. The other way round is allowed: QFPay
/// documents no test host for these pages.
fn browser_pages(raw: &mut Raw, url: &UpstreamUrl, environment: Option<Environment>) {
    if environment == Some(Environment::Production) && !url.is_production() {
        let place = raw.place("environment");
        let what = format!(
            "{url} is no production host of QFPay's, but environment is production ({place}); change one of the two"
        );
        raw.problem("upstream.browser_base_url", what);
    }
}

/// Below the public prefix are pages, and nothing that is signed for servers; and no stranger has one signed as he likes.
pub(super) fn public_prefix(
    raw: &mut Raw,
    browser: &browser::Settings,
    local_key: Option<&LocalKey>,
    access: &Access,
    routes: &Routes,
) {
    let Some(prefix) = &browser.public_prefix else { return };
    if let Some(route) = routes.entries().iter().find(|route| prefix.shares_a_tree_with(route)) {
        let place = raw.place("routes.allow");
        let what = format!(
            "calls are signed at {route} of routes.allow ({place}); take a prefix of its own, such as /pay"
        );
        raw.problem("browser.public_prefix", what);
    }
    if !access.is_open() && access.local_keys().next().is_none() {
        let place = raw.place("callers");
        let what = format!(
            "customers' browsers prove no caller ({place}); name the key of the shop whose pages they are in its local_key_file"
        );
        raw.problem("browser.public_prefix", what);
    } else if access.is_open() && local_key.is_none() && browser.allowed_redirect_hosts.is_empty() {
        let place = raw.place("browser.local_key_file");
        let what = format!(
            "anybody could have a sign-in to any host signed here; name the shop's key in browser.local_key_file \
             ({place}), so that only URLs that its server signed are, or its hosts in browser.allowed_redirect_hosts"
        );
        raw.problem("browser.public_prefix", what);
    }
}

/// The spelling of a sign type is one of that type.
pub(super) fn checkout(raw: &mut Raw) {
    let sign_type = raw.again(|raw| raw.choice("checkout.sign_type", &SignType::WORDS));
    let spelling = raw.again(|raw| raw.parsed("checkout.sign_type_spelling", browser::word));
    let (Some(sign_type), Some(spelling)) = (sign_type, spelling) else { return };
    if !spelling.eq_ignore_ascii_case(sign_type.as_str()) {
        let place = raw.place("checkout.sign_type");
        let what = format!(
            "this spells another sign type than checkout.sign_type, {} ({place})",
            sign_type.as_str()
        );
        raw.problem("checkout.sign_type_spelling", what);
    }
}

/// Two listeners cannot share an address, and only loopback is open without a word.
pub(super) fn listen(raw: &mut Raw, listen: &Listen) {
    // The listener for notifications may be reached by anyone: it cannot sign, and takes only what QFPay signed.
    for (key, address) in listen.addresses().filter(|(key, _)| *key != "listen.notifications") {
        let far = matches!(address, Address::Tcp(address) if !address.ip().is_loopback());
        if far && !listen.allow_non_loopback {
            let place = raw.place("listen.allow_non_loopback");
            let what = format!(
                "{address}: other machines can reach this address, and whoever reaches it can have payments signed; listen \
                 on 127.0.0.1, or behind a firewall set listen.allow_non_loopback = true (it is false: {place})"
            );
            raw.problem(key, what);
        }
    }
    let all: Vec<_> = listen.addresses().collect();
    for (i, (key, address)) in all.iter().enumerate() {
        let any_port = matches!(address, Address::Tcp(address) if address.port() == 0);
        let twin = all[..i].iter().find(|(_, other)| other == address && !any_port);
        match twin {
            Some((twin, _)) if twin == key => {
                raw.problem(key, format!("{address} stands here twice; leave one out"));
            }
            Some((twin, _)) => {
                let place = raw.place(twin);
                raw.problem(key, format!("{twin} ({place}) has the same address; give one of them another"));
            }
            None => {}
        }
    }
}

/// The problem that is reported when resolving failed without recording one.
pub(super) fn unexplained() -> Problem {
    Problem::of_file(
        "configuration",
        "it could not be resolved; please report this with the output of `check`",
    )
}
