//! Which notifications each of the `[[notifications.routes]]` takes, and that for each of them there is one at most.

use super::errors::shown;
use super::raw::Raw;
use super::sections::{ROUTE_DEFAULTS, ROUTES};
use crate::credentials::{Holders, Keyring};
use crate::notification::RouteSettings;
use crate::selection::{Selection, TYPES};
use crate::settings::Reader;

/// A route with its number.
type Numbered<'r> = (u16, &'r RouteSettings);

/// Reads `app`, `mchids`, `userids` and `types` of a route.
pub(super) fn read(raw: &mut Raw, number: u16) -> Option<Selection> {
    let app = raw.route_key(number, "app");
    let app = raw.text(&app).and_then(|name| named_app(raw, &app, name));
    let [mchids, userids, types] = ["mchids", "userids", "types"].map(|name| {
        let key = raw.route_key(number, name);
        let values = values(raw, &key);
        if name == "types" {
            unusual_types(raw, &key, values.as_deref().unwrap_or_default());
        }
        values
    });
    let selection = Selection { app: app?, mchids: mchids?, userids: userids?, types: types? };
    if !selection.mchids.is_empty() && !selection.userids.is_empty() {
        let what = "this route takes only notifications that carry mchid and userid, and QFPay documents none: payments \
                    carry mchid, tokens userid; write a route for each";
        raw.advise(&format!("{ROUTES}.{number}.userids"), what);
    }
    Some(selection)
}

/// Also without a route the defaults must make sense.
pub(super) fn read_defaults(raw: &mut Raw) {
    raw.text(&format!("{ROUTE_DEFAULTS}.app"));
    for name in ["mchids", "userids", "types"] {
        values(raw, &format!("{ROUTE_DEFAULTS}.{name}"));
    }
}

/// The outer `None` is a problem.
fn named_app(raw: &mut Raw, key: &str, name: String) -> Option<Option<String>> {
    if name.is_empty() || raw.has_app(&name) {
        return Some((!name.is_empty()).then_some(name));
    }
    let all = raw.app_names().join(", ");
    raw.problem(key, format!("{}: there is no [apps.{name}]; the apps are: {all}", shown(&name)));
    None
}

fn values(raw: &mut Raw, key: &str) -> Option<Vec<String>> {
    let values = raw.entries(key)?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let illegal = values.iter().find(|value| !(1..=64).contains(&value.len()) || !value.bytes().all(legal));
    match illegal {
        None => Some(values),
        Some(value) => {
            let what =
                format!("{}: each has 1 to 64 letters, digits, '_' or '-', as QFPay writes it", shown(value));
            raw.problem(key, what);
            None
        }
    }
}

/// A type that QFPay does not document may be new, or misspelt.
fn unusual_types(raw: &mut Raw, key: &str, types: &[String]) {
    if let Some(unusual) = types.iter().find(|kind| !TYPES.contains(&kind.as_str())) {
        let what = format!(
            "{} is no notify_type that QFPay documents; those are {}",
            shown(unusual),
            TYPES.join(", ")
        );
        raw.advise(key, &what);
    }
}

/// Two routes of a path that could take the same notification, neither of them more particular: chance would choose.
pub(super) fn ties(raw: &mut Raw, routes: &[Numbered<'_>]) {
    for (i, (number, route)) in routes.iter().enumerate() {
        let tie = |(_, other): &&Numbered<'_>| {
            other.path == route.path && other.selection.ties_with(&route.selection)
        };
        if let Some((twin, other)) = routes[..i].iter().find(tie) {
            let place = raw.place(&format!("{ROUTES}.{twin}.path"));
            let both = shared(&route.selection, &other.selection);
            let what = format!(
                "{ROUTES}.{twin}.path ({place}) is the same path, and {both} fits both routes, of which neither names more \
                 of app, mchids, userids and types; name more in one of them, or give it another path"
            );
            raw.problem(&format!("{ROUTES}.{number}.path"), what);
        }
    }
}

/// An example of what fits both.
fn shared(one: &Selection, other: &Selection) -> String {
    let of = |one: &[String], other: &[String]| {
        let either = one.iter().chain(other).next();
        one.iter().find(|value| other.contains(value)).or(either).cloned()
    };
    let fields = [
        ("mchid", of(&one.mchids, &other.mchids)),
        ("userid", of(&one.userids, &other.userids)),
        ("notify_type", of(&one.types, &other.types)),
    ];
    let named: Vec<_> =
        fields.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    match named.is_empty() {
        true => "every notification".to_owned(),
        false => format!("a notification with {}", named.join(" and ")),
    }
}

/// Where the app decides between routes, its key must: what two apps sign alike is neither's.
pub(super) fn same_keys(raw: &mut Raw, routes: &[Numbered<'_>], keyring: &Keyring) {
    let holders = Holders::of(keyring);
    for (number, route) in routes {
        let Some(app) = &route.selection.app else { continue };
        let twins = holders.beside(app);
        if twins.is_empty() {
            continue;
        }
        let mut beside = routes.iter().filter(|(other, beside)| other != number && beside.path == route.path);
        let twin = beside.find_map(|(_, beside)| match &beside.selection.app {
            Some(other) => twins.iter().find(|twin| *twin == other),
            None => twins.first(),
        });
        if let Some(twin) = twin {
            let what = format!(
                "apps.{twin} has the same key, so nothing tells its notifications on this path from those of apps.{app}; \
                 give each app a key of its own, or each route a path"
            );
            let key = raw.route_key(*number, "app");
            raw.problem(&key, what);
        }
    }
}
