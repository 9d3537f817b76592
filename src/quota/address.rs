//! Where the Redis of `quota.store` is: read to the letter, and never with a password.

use std::fmt;
use std::path::PathBuf;

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
