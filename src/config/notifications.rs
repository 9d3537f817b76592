//! The `[notifications]` section and its routes.

use super::raw::Raw;
use super::sections::ROUTES;
use super::{Listen, selections};
use crate::credentials::Keyring;
use crate::endpoint::is_plain_path;
use crate::notification::{Duplicates, Networks, RouteSettings, Settings};
use crate::receiver::{Acknowledge, ReceiverUrl};
use crate::server::Address;
use crate::settings::Reader;

/// Reads the section. `listen` is `None` when it is wrong itself.
pub(super) fn notifications(
    raw: &mut Raw,
    listen: Option<&Listen>,
) -> (Option<Settings>, Option<Vec<RouteSettings>>) {
    let settings = Settings::read(raw);
    let remember = raw.again(|raw| raw.number::<usize>("notifications.remember", "", 0..=u64::MAX));
    let trusted_proxies = raw
        .again(|raw| raw.list("notifications.trusted_proxies", |entries| Networks::parse(&entries, false)));
    let allowed_receivers = raw.entries("notifications.allowed_receivers");
    let numbers = raw.route_numbers();
    let hosts = allowed_receivers.as_deref();
    let routes: Vec<_> = numbers.iter().map(|&number| route(raw, number, hosts)).collect();
    if numbers.is_empty() {
        read_defaults(raw);
    }
    if let Some(listen) = listen {
        both_or_neither(raw, listen, &numbers);
        for (&number, route) in numbers.iter().zip(&routes) {
            let Some(route) = route else { continue };
            not_to_itself(raw, number, route, listen);
            knows_its_sources(raw, number, route, listen, trusted_proxies.as_ref());
        }
    }
    selections::ties(raw, &numbered(&numbers, &routes));
    if remember == Some(0) {
        cannot_absorb(raw, &numbers, &routes);
    }
    (settings, routes.into_iter().collect())
}

/// Reads a route. `allowed_receivers` is `None` when it is wrong itself, and allows any then.
fn route(raw: &mut Raw, number: u16, allowed_receivers: Option<&[String]>) -> Option<RouteSettings> {
    let path = required(raw, number, "path", "the path that QFPay posts to, such as /qfpay/notify", |path| {
        let plain = path.len() <= 256 && is_plain_path(path);
        plain.then(|| path.to_owned()).ok_or("a path begins with '/' and has only A-Z a-z 0-9 _ . / -")
    });
    let selection = selections::read(raw, number);
    let place = raw.place("notifications.allowed_receivers");
    let what = "the shop's endpoint, such as http://127.0.0.1:8080/notify.php";
    let receiver_url = required(raw, number, "receiver_url", what, |text| {
        let url = ReceiverUrl::parse(text).map_err(|bad| bad.to_string())?;
        let allowed = allowed_receivers
            .is_none_or(|hosts| hosts.iter().any(|host| host.eq_ignore_ascii_case(&url.host())));
        match url.is_loopback() || allowed {
            true => Ok(url),
            false => Err(format!(
                "{} is not this machine, and notifications.allowed_receivers ({place}) does not name it; add the \
                 host there if it is the shop's",
                url.host()
            )),
        }
    });
    let acknowledge = raw.route_key(number, "acknowledge");
    let acknowledge = raw.choice(&acknowledge, &Acknowledge::WORDS);
    let duplicates = raw.route_key(number, "duplicates");
    let duplicates = raw.choice(&duplicates, &Duplicates::WORDS);
    let allowed_sources = raw.route_key(number, "allowed_sources");
    let allowed_sources = sources(raw, &allowed_sources);
    Some(RouteSettings {
        path: path?,
        selection: selection?,
        receiver_url: receiver_url?,
        acknowledge: acknowledge?,
        duplicates: duplicates?,
        allowed_sources: allowed_sources?,
    })
}

/// A setting of a route that has no default.
fn required<T, E: std::fmt::Display>(
    raw: &mut Raw,
    number: u16,
    name: &str,
    what: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let key = raw.route_key(number, name);
    match raw.optional(&key, parse)? {
        Some(value) => Some(value),
        None => {
            raw.problem(
                &format!("{ROUTES}.{number}.{name}"),
                format!("the route has no {name}; write {what}"),
            );
            None
        }
    }
}

fn sources(raw: &mut Raw, key: &str) -> Option<Networks> {
    raw.list(key, |entries| Networks::parse(&entries, true))
}

/// Also without a route the defaults must make sense.
fn read_defaults(raw: &mut Raw) {
    selections::read_defaults(raw);
    for name in ["path", "receiver_url"] {
        raw.text(&format!("notifications.route_defaults.{name}"));
    }
    raw.choice("notifications.route_defaults.acknowledge", &Acknowledge::WORDS);
    raw.choice("notifications.route_defaults.duplicates", &Duplicates::WORDS);
    sources(raw, "notifications.route_defaults.allowed_sources");
}

fn both_or_neither(raw: &mut Raw, listen: &Listen, numbers: &[u16]) {
    let place = raw.place("listen.notifications");
    match (&listen.notifications, numbers.first()) {
        (None, Some(number)) => {
            let what = format!(
                "there is a route, but listen.notifications ({place}) is empty; set it, e.g. to \"127.0.0.1:8789\""
            );
            raw.problem(&format!("{ROUTES}.{number}.path"), what);
        }
        (Some(_), None) => {
            let what = "there is a listener, but no [[notifications.routes]] section; add one with path and \
                        receiver_url";
            raw.problem("listen.notifications", what);
        }
        _ => {}
    }
}

/// A notification that comes back to the sidecar would go in circles, or worse be signed as a call.
fn not_to_itself(raw: &mut Raw, number: u16, route: &RouteSettings, listen: &Listen) {
    for (key, address) in listen.addresses() {
        let Address::Tcp(address) = address else { continue };
        if route.receiver_url.is_loopback() && address.port() == route.receiver_url.port() {
            let place = raw.place(key);
            let what = format!("this is the sidecar's own {key} ({place}); name the shop's endpoint");
            raw.problem(&format!("{ROUTES}.{number}.receiver_url"), what);
        }
    }
}

/// Behind a unix socket everybody has the same address, none.
fn knows_its_sources(
    raw: &mut Raw,
    number: u16,
    route: &RouteSettings,
    listen: &Listen,
    trusted_proxies: Option<&Networks>,
) {
    let unix = matches!(listen.notifications, Some(Address::Unix(_)));
    if unix && !route.allowed_sources.is_empty() && trusted_proxies.is_some_and(Networks::is_empty) {
        let place = raw.place("listen.notifications");
        let key = raw.route_key(number, "allowed_sources");
        let what = format!(
            "listen.notifications ({place}) is a unix socket, which knows no addresses; set \
             notifications.trusted_proxies so that X-Forwarded-For is read, or listen on a port"
        );
        raw.problem(&key, what);
    }
}

/// The routes that can be read, with their numbers.
fn numbered<'r>(numbers: &[u16], routes: &'r [Option<RouteSettings>]) -> Vec<(u16, &'r RouteSettings)> {
    numbers.iter().zip(routes).filter_map(|(&number, route)| Some((number, route.as_ref()?))).collect()
}

/// Once the keys were read: where the app decides, its key does.
pub(super) fn keys(raw: &mut Raw, routes: &[RouteSettings], keyring: &Keyring) {
    let routes: Vec<_> = raw.route_numbers().into_iter().zip(routes).collect();
    selections::same_keys(raw, &routes, keyring);
}

fn cannot_absorb(raw: &mut Raw, numbers: &[u16], routes: &[Option<RouteSettings>]) {
    for (number, route) in numbers.iter().zip(routes) {
        if route.as_ref().is_some_and(|route| route.duplicates == Duplicates::Absorb) {
            let place = raw.place("notifications.remember");
            let key = raw.route_key(*number, "duplicates");
            let what = format!("nothing can be absorbed, because notifications.remember ({place}) is 0");
            raw.problem(&key, what);
        }
    }
}
