//! The `[quota]` section: how many calls an app may send, who waits how long, and where the count is kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::keys;
use super::raw::Raw;

/// How many calls an app may send, and what becomes of the others.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Calls per app and second; 0 is unlimited.
    pub per_second: u32,
    /// Calls per app and minute; 0 is unlimited.
    pub per_minute: u32,
    /// The part that calls which only read cannot use up, in percent.
    pub reserved_percent: u32,
    /// How long a call may wait for its turn.
    pub max_wait: Duration,
    /// The first pause after QFPay's 429, if it names none; zero turns pauses off.
    pub pause: Duration,
    /// The longest pause, whatever QFPay says.
    pub pause_max: Duration,
    /// Where several sidecars count together; nothing when each counts for itself.
    pub store: Option<QuotaStore>,
}

/// A Redis in which several sidecars count together.
#[derive(Clone, Debug)]
pub struct QuotaStore {
    /// Where it is.
    pub address: StoreAddress,
    /// What it asks for, if it does.
    pub password: Option<StorePassword>,
    /// How long a call waits for it at most.
    pub timeout: Duration,
    /// The part of the quota that applies here while it is away, in percent.
    pub local_percent: u32,
}

/// A Redis, without its password. Prints without the user, too.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreAddress {
    /// Where it listens.
    pub host: StoreHost,
    /// The user of its access lists; nothing is Redis's `default`.
    pub user: Option<String>,
    /// The number of its database.
    pub database: i64,
}

/// Where a Redis listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreHost {
    /// Name or address, and port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

/// A text that is no address of a Redis. Never says what the text was: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStore {
    /// Something else than an address.
    #[error("this is no address of a Redis; write redis://HOST, redis://HOST:PORT/DATABASE or unix:/PATH")]
    NoAddress,
    /// `redis://:word@host` or `redis://user:word@host`.
    #[error(
        "a password never stands in the configuration; write it to a file (chmod 600), name the file in \
         quota.store_password_file, and write redis://USER@HOST:PORT or redis://HOST:PORT"
    )]
    Password,
    /// `rediss://`.
    #[error(
        "rediss:// is not supported; write redis:// for a Redis on this machine or in a private network, or let a TLS \
         tunnel such as stunnel listen on 127.0.0.1"
    )]
    Tls,
}

impl StoreAddress {
    /// Reads `redis://[USER@]HOST[:PORT][/DATABASE]` or `unix:/PATH`.
    ///
    /// # Errors
    /// [`BadStore`] for everything else.
    pub fn parse(text: &str) -> Result<Self, BadStore> {
        if let Some(path) = text.strip_prefix("unix:") {
            let host = StoreHost::Unix(PathBuf::from(path));
            let plain = path.starts_with('/') && path.len() > 1 && !path.contains(['?', '#', '@']);
            return if plain { Ok(Self { host, user: None, database: 0 }) } else { Err(BadStore::NoAddress) };
        }
        if text.starts_with("rediss:") {
            return Err(BadStore::Tls);
        }
        let rest = text.strip_prefix("redis://").ok_or(BadStore::NoAddress)?;
        // The last one: a password may hold further ones.
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        if user.is_some_and(|user| user.contains([':', '/', '@'])) {
            return Err(BadStore::Password);
        }
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
            Some(_) => return Err(BadStore::NoAddress),
            None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
        };
        let port = match port {
            "" => 6379,
            port => number(port.strip_prefix(':').ok_or(BadStore::NoAddress)?)?,
        };
        let database = if database.is_empty() { 0 } else { number(database)? };
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        let legal_user = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if name.is_empty()
            || port == 0
            || !name.bytes().all(legal)
            || user.is_some_and(|user| user.is_empty() || !user.bytes().all(legal_user))
        {
            return Err(BadStore::NoAddress);
        }
        let host = StoreHost::Tcp(name.to_owned(), port);
        Ok(Self { host, user: user.map(str::to_owned), database: i64::from(database) })
    }
}

fn number(text: &str) -> Result<u16, BadStore> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(BadStore::NoAddress)
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            StoreHost::Tcp(host, port) if host.contains(':') => {
                write!(f, "redis://[{host}]:{port}/{}", self.database)
            }
            StoreHost::Tcp(host, port) => write!(f, "redis://{host}:{port}/{}", self.database),
            StoreHost::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What Redis asks for. Never printed; wiped here, but not where the client library keeps it.
#[derive(Clone)]
pub struct StorePassword(Zeroizing<String>);

impl StorePassword {
    /// The password, for the client library only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StorePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}

/// Reads the section.
pub(super) fn quota(raw: &mut Raw) -> Option<Quota> {
    let per_second = raw.number("quota.per_second", "calls", 0..=100_000);
    let per_minute = raw.number("quota.per_minute", "calls", 0..=1_000_000);
    let reserved_percent = raw.number("quota.reserved_percent", "percent", 0..=90);
    // Longer, and callers would have given up before their payment was sent.
    let max_wait = raw.number("quota.max_wait_ms", "milliseconds", 0..=30_000);
    let pause = raw.number("quota.pause_ms", "milliseconds", 0..=600_000);
    let pause_max = raw.milliseconds("quota.pause_max_ms");
    let store = store(raw);
    if let (Some(pause), Some(longest)) = (pause, pause_max)
        && Duration::from_millis(pause) > longest
    {
        let place = raw.place("quota.pause_max_ms");
        raw.problem(
            "quota.pause_ms",
            format!("this is longer than quota.pause_max_ms ({place}), the longest pause"),
        );
    }
    if per_second == Some(0) && per_minute == Some(0) && matches!(store, Some(Some(_))) {
        let places = (raw.place("quota.per_second"), raw.place("quota.per_minute"));
        let what = format!(
            "there is nothing to share: quota.per_second ({}) and quota.per_minute ({}) are both 0; leave this empty, or \
             set one of them",
            places.0, places.1
        );
        raw.problem("quota.store", what);
    }
    let small = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    Some(Quota {
        per_second: small(per_second)?,
        per_minute: small(per_minute)?,
        reserved_percent: small(reserved_percent)?,
        max_wait: Duration::from_millis(max_wait?),
        pause: Duration::from_millis(pause?),
        pause_max: pause_max?,
        store: store?,
    })
}

/// The outer `None` is a problem.
fn store(raw: &mut Raw) -> Option<Option<QuotaStore>> {
    let key = "quota.store";
    let text = raw.text(key);
    let file = raw.text("quota.store_password_file");
    let timeout = raw.number("quota.store_timeout_ms", "milliseconds", 1..=10_000);
    let local_percent = raw.number("quota.local_percent", "percent", 1..=100);
    let (text, file, timeout, local_percent) = (text?, file?, timeout?, local_percent?);
    if text.is_empty() {
        if !file.is_empty() {
            let what = "this is the password of quota.store, which is empty; name the Redis there, or leave both empty";
            raw.problem("quota.store_password_file", what);
            return None;
        }
        return Some(None);
    }
    let address = StoreAddress::parse(&text).map_err(|bad| raw.problem(key, bad.to_string())).ok();
    let password = match file.is_empty() {
        true => Some(None),
        false => password(&file).map(Some).map_err(|bad| raw.problem("quota.store_password_file", bad)).ok(),
    };
    Some(Some(QuotaStore {
        address: address?,
        password: password?,
        timeout: Duration::from_millis(timeout),
        local_percent: u32::try_from(local_percent).ok()?,
    }))
}

/// Read as key files are: private, small, one line.
fn password(file: &str) -> Result<StorePassword, String> {
    let content = keys::secret_file(Path::new(file), &shown_path(file))?;
    let text = std::str::from_utf8(&content).map_err(|_| "the password in this file is not UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() || text.contains(char::is_control) {
        true => Err("this file must hold the password and nothing else, in one line".to_owned()),
        false => Ok(StorePassword(Zeroizing::new(text.to_owned()))),
    }
}

/// The name of a password file, if it is one for sure: somebody may have pasted the password itself.
pub(super) fn shown_path(file: &str) -> String {
    match file.starts_with(['/', '.']) {
        true => super::errors::shown_source(file),
        false => "(not shown, it could be the password itself; begin paths with / or ./)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_to_the_letter() {
        let read = |text: &str| StoreAddress::parse(text).map(|address| address.to_string());
        for (text, address) in [
            ("redis://redis", "redis://redis:6379/0"),
            ("redis://10.0.0.7:6380/3", "redis://10.0.0.7:6380/3"),
            ("redis://sidecar@redis.internal/", "redis://redis.internal:6379/0"),
            ("redis://[::1]:6380", "redis://[::1]:6380/0"),
            ("unix:/run/redis/redis.sock", "unix:/run/redis/redis.sock"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(address));
        }
        assert_eq!(StoreAddress::parse("redis://sidecar@redis").unwrap().user.as_deref(), Some("sidecar"));
        for text in ["redis://:word@redis", "redis://user:word@redis:1/0", "redis://a/b@c@redis"] {
            assert_eq!(read(text), Err(BadStore::Password), "{text}");
        }
        assert_eq!(read("rediss://redis"), Err(BadStore::Tls));
        for text in [
            "redis",
            "redis:",
            "redis://",
            "redis://@redis",
            "redis://redis:",
            "redis://redis:0",
            "redis://redis:x",
            "redis://redis:70000",
            "redis://redis/x",
            "redis://redis/0?password=word",
            "redis://[redis]",
            "redis://[::1]x",
            "redis://redis:+1",
            "http://redis",
            "unix:redis.sock",
            "unix:/",
            "redis://re dis",
        ] {
            assert_eq!(read(text), Err(BadStore::NoAddress), "{text}");
        }
    }
}
