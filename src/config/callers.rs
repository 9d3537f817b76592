//! `[access]` and the `[callers.NAME]` sections: who may call, by what each is known, and what it may do.

mod contradictions;
mod rights;
mod secrets;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::errors::without_keys;
use super::raw::Raw;
use super::sections::CALLER_DEFAULTS;
use super::{local_key, users};
use crate::access::{Access, Caller, Endpoints, Settings};
use crate::credentials::Keyring;
use crate::settings::Reader;
use rights::{ceilings, rights};

pub(super) use contradictions::contradictions;

/// How metrics name strangers.
const STRANGERS: &str = "unknown";

/// The user that stands for all that have no number here, who proves nothing.
const OVERFLOW_USER: u32 = 65_534;

/// Reads the sections. `keyring` is `None` where it is wrong itself.
pub(super) fn access(raw: &mut Raw, keyring: Option<&Keyring>) -> Option<Arc<Access>> {
    let settings = Settings::read(raw);
    let names = raw.caller_names();
    if names.is_empty() {
        read_defaults(raw);
    }
    let callers: Vec<_> = names.iter().map(|name| caller(raw, name, keyring)).collect();
    let callers: Option<Vec<_>> = callers.into_iter().collect();
    let callers: Vec<_> = callers?.into_iter().map(Arc::new).collect();
    alone_with_a_user(raw, &callers);
    Some(Arc::new(Access::new(settings?, callers)))
}

/// Also without a caller the defaults must make sense.
fn read_defaults(raw: &mut Raw) {
    for name in ["user", "token_file", "local_key_file"] {
        raw.text(&format!("{CALLER_DEFAULTS}.{name}"));
    }
    for name in ["apps", "mchids"] {
        raw.entries(&format!("{CALLER_DEFAULTS}.{name}"));
    }
    raw.list(&format!("{CALLER_DEFAULTS}.endpoints"), Endpoints::new);
    ceilings(raw, &format!("{CALLER_DEFAULTS}.max_amount"));
}

fn caller(raw: &mut Raw, name: &str, keyring: Option<&Keyring>) -> Option<Caller> {
    let section = format!("callers.{name}");
    let is_legal = is_legal(raw, name, &section);
    let key = raw.caller_key(name, "user");
    let user = raw.optional(&key, users::user);
    if let Some(Some(number)) = user {
        unusual_user(raw, &key, number);
    }
    let [token, local_key] = ["token_file", "local_key_file"].map(|name_of| {
        let key = raw.caller_key(name, name_of);
        local_key::read_at(raw, &key)
    });
    let rights = rights(raw, name, keyring);
    let caller =
        Caller { name: name.to_owned(), user: user?, token: token?, local_key: local_key?, rights: rights? };
    if caller.user.is_none() && caller.token.is_none() && caller.local_key.is_none() {
        raw.problem(
            &section,
            "nothing proves that this one calls; name its user, token_file or local_key_file",
        );
        return None;
    }
    is_legal.then_some(caller)
}

/// It stands in logs and metrics.
fn is_legal(raw: &mut Raw, name: &str, section: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    let what = if without_keys(name) != name {
        "the name of this caller could be a key; give it another one"
    } else if !(1..=32).contains(&name.len()) || !name.bytes().all(legal) {
        "the name of a caller has 1 to 32 lower-case letters, digits, '_' or '-', so that variables and metrics can name it"
    } else if name == STRANGERS {
        "metrics and logs name strangers so; give this caller another name"
    } else {
        return true;
    };
    raw.problem(section, what);
    false
}

fn unusual_user(raw: &mut Raw, key: &str, number: u32) {
    match number {
        0 => raw.advise(
            key,
            "what forwards connections (docker-proxy, ssh, socat) often runs as root, and whoever reaches it is this caller \
             then; give the caller a user of its own, or a token beside it",
        ),
        OVERFLOW_USER => raw.advise(
            key,
            "65534 stands for every user that has no number here, so this section matches no process; give the caller a \
             user of its own, or a token",
        ),
        _ => {}
    }
}

/// Two of one user and nothing else could not be told apart.
fn alone_with_a_user(raw: &mut Raw, callers: &[Arc<Caller>]) {
    let mut seen: BTreeMap<u32, &str> = BTreeMap::new();
    for caller in callers.iter().filter(|caller| caller.token.is_none() && caller.local_key.is_none()) {
        let Some(user) = caller.user else { continue };
        if let Some(twin) = seen.insert(user, &caller.name) {
            let other = raw.caller_key(twin, "user");
            let place = raw.place(&other);
            let what = format!(
                "callers.{twin} ({place}) has the same user, and neither has another proof; give one of them a token_file"
            );
            let key = raw.caller_key(&caller.name, "user");
            raw.problem(&key, what);
        }
    }
}
