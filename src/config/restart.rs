//! What a reload cannot change. A configuration that changes it is refused as a whole: what is in force is always one
//! configuration, never the halves of two.

use std::collections::BTreeMap;

use super::effective::plain;
use super::errors::{ConfigError, Problem};
use super::raw::Raw;

/// Settings that need a restart, or sections (which end in `.`), and why. Whatever stands here keeps the value of the start.
const NEED_RESTART: [(&str, &str); 27] = [
    ("landlock", "a process confines itself once"),
    ("runtime.", THREADS),
    ("listen.api", LISTENER),
    ("listen.admin", LISTENER),
    ("listen.notifications", LISTENER),
    ("listen.socket_mode", LISTENER),
    ("listen.socket_user", LISTENER),
    ("listen.socket_group", LISTENER),
    ("sandbox.", "the embedded sandbox keeps orders and what it was started with"),
    ("limits.connections", MEMORY),
    ("limits.headers", MEMORY),
    ("limits.head_bytes", MEMORY),
    ("limits.header_timeout_ms", LISTENER),
    ("limits.idle_timeout_ms", LISTENER),
    ("limits.grace_period_ms", LISTENER),
    ("limits.large_requests_bytes", MEMORY),
    ("limits.in_flight", MEMORY),
    ("limits.answer_head_bytes", MEMORY),
    ("limits.answer_whole_bytes", MEMORY),
    ("limits.answer_memory_bytes", MEMORY),
    ("limits.streams", MEMORY),
    ("notifications.remember", MEMORY),
    ("quota.store", STORE),
    ("quota.store_timeout_ms", STORE),
    ("quota.local_percent", STORE),
    ("journal.", "the journal is opened once"),
    ("log.format", "the log is opened at the start"),
];

const THREADS: &str = "threads are started once";
const LISTENER: &str = "listeners are opened once";
const MEMORY: &str = "it sizes memory, which is laid out once";
const STORE: &str = "the store of the quota is connected to once";

/// Where calls go: to the sandbox in this process, which is a listener of its own, or elsewhere.
const TARGET: &str = "upstream.base_url";

/// The settings of a configuration that need a restart, as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedRestart(BTreeMap<String, Written>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    value: String,
    place: String,
    why: &'static str,
}

impl NeedRestart {
    pub(super) fn of(raw: &Raw) -> Self {
        let mut settings = BTreeMap::new();
        for (key, setting) in &raw.settings {
            let covers = |(needs, _): &&(&str, &str)| match needs.ends_with('.') {
                true => key.starts_with(needs),
                false => key == needs,
            };
            let (value, place) = (plain(&setting.value), setting.place.clone());
            if let Some((_, why)) = NEED_RESTART.iter().find(covers) {
                settings.insert(key.clone(), Written { value, place, why });
            } else if key == TARGET {
                let value = (value == "sandbox").to_string();
                settings.insert(key.clone(), Written { value, place, why: "the sandbox is started once" });
            }
        }
        Self(settings)
    }

    /// Where one of them was written, as it stands before its key; nothing where it is the default.
    pub fn place(&self, key: &str) -> String {
        let place = self.0.get(key).map(|written| written.place.as_str());
        place.filter(|place| *place != "default").map_or_else(String::new, |place| format!("{place}: "))
    }

    /// That another configuration leaves them as they are.
    ///
    /// # Errors
    /// Every setting that it changes, at the place where it was written. Shows no value: the address of a store may hold a
    /// password.
    pub fn unchanged_in(&self, other: &Self) -> Result<(), ConfigError> {
        let changed = |(key, at_start): (&String, &Written)| {
            let now = other.0.get(key)?;
            (now.value != at_start.value).then(|| {
                let what = format!(
                    "this needs a restart: {}; it is not what the running sidecar was started with",
                    now.why
                );
                Problem::new(&now.place, key, &what)
            })
        };
        let problems: Vec<_> = self.0.iter().filter_map(changed).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::new(problems)) }
    }
}
